//! Transforms between two numbers, as printed.

/// Names the transform, if both texts are numbers.
pub fn infer(control: &str, candidate: &str) -> Option<&'static str> {
    let (old, new) = (number(control)?, number(candidate)?);
    let (a, b) = (places(control), places(candidate));
    if old == new {
        let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
        return Some(match () {
            () if digits(control).max(digits(candidate)) > EXACT_DIGITS => "float_digits",
            () if a == b => "number_format",
            () => "trailing_zeros",
        });
    }
    if new == 0.0 {
        return Some("cast_to_zero");
    }
    if old == -new {
        return Some("sign_flipped");
    }
    if a > 0 && a == b && is_one_unit(control, candidate) {
        return Some("rounding_mode");
    }
    if a > b && is_cut(old, new, b) {
        return Some("fewer_decimals");
    }
    if b > a && is_cut(new, old, a) {
        return Some("more_decimals");
    }
    if let Some(shift) = time_shift(old, new) {
        return Some(shift);
    }
    if [10.0, 100.0, 1000.0].iter().any(|factor| old * factor == new || new * factor == old) {
        return Some("scaled");
    }
    let relative = ((old - new) / old).abs();
    if relative < FLOAT_NOISE {
        return Some("float_digits");
    }
    Some("other_number")
}

/// Digits that a double always keeps.
const EXACT_DIGITS: usize = 15;

/// What 64-bit arithmetic in another order costs.
const FLOAT_NOISE: f64 = 1e-9;

fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.as_bytes().first()?.is_ascii_digit()
        || !digits.bytes().all(|byte| byte.is_ascii_digit() || b".,eE+-".contains(&byte))
    {
        return None;
    }
    if !text.contains(',') {
        return text.parse().ok();
    }
    text.replace(',', "").parse().ok()
}

/// Decimal places as printed.
fn places(text: &str) -> usize {
    text.trim().split_once('.').map_or(0, |(_, fraction)| fraction.bytes().take_while(u8::is_ascii_digit).count())
}

/// Whether the two differ by one in the last place, as two ways to round the same number do.
fn is_one_unit(control: &str, candidate: &str) -> bool {
    let whole = |text: &str| text.trim().replace(['.', ','], "").parse::<i64>().ok();
    matches!((whole(control), whole(candidate)), (Some(a), Some(b)) if a.abs_diff(b) == 1)
}

/// Whether `short` is `long` rounded or cut to that many places.
fn is_cut(long: f64, short: f64, places: usize) -> bool {
    let scale = 10_f64.powi(i32::try_from(places).unwrap_or(0));
    let scaled = long * scale;
    let wanted = (short * scale).round();
    wanted == scaled.round() || wanted == scaled.trunc() || (wanted - scaled).abs() <= 0.5 + 1e-6
}

/// Whole hours or days between two moments of this century, in seconds.
fn time_shift(old: f64, new: f64) -> Option<&'static str> {
    let is_moment = |value: f64| (1e9..4e9).contains(&value) && value.fract() == 0.0;
    if !is_moment(old) || !is_moment(new) {
        return None;
    }
    shift_of((old - new).abs() as i64)
}

/// Names a distance in seconds.
pub fn shift_of(seconds: i64) -> Option<&'static str> {
    match seconds {
        0 => None,
        whole if whole % 86_400 == 0 => Some("off_by_whole_days"),
        whole if whole % 1800 == 0 && whole <= 14 * 3600 => Some("off_by_whole_hours"),
        _ => Some("another_time"),
    }
}
