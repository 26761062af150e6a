//! Values that carry units: durations, sizes, per cents. A bare number is refused, because its unit would be a guess.

use std::fmt;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, Visitor};

use crate::routing::Share;

/// `250ms`, `1s`, `2m`, `1h`, `180d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Duration);

/// `512B`, `64KiB`, `256MiB`, `1MB`: bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

/// A number of 0 to 100 with at most two decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent(pub Share);

const TIME_WANTED: &str = "a duration with its unit, such as 250ms, 5s, 2m or 1h";
const SIZE_WANTED: &str = "a size with its unit, such as 512B, 64KiB, 256MiB or 1MB";
const PERCENT_WANTED: &str = "0 to 100";

const TIME_UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const SIZE_UNITS: [(&str, u64); 8] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

/// A whole number and its unit, as a multiple of the smallest unit.
fn measure(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// Reads texts with `parse`, and refuses everything else with a sentence of ours.
struct Measured<T> {
    wanted: &'static str,
    parse: fn(&str) -> Option<T>,
}

impl<T> Visitor<'_> for Measured<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wanted)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).ok_or_else(|| E::custom(format_args!("is {text:?}, want {}", self.wanted)))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        Err(E::custom(format_args!("is {number} without a unit, want {}", self.wanted)))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        Err(E::custom(format_args!("is {number}, want {}", self.wanted)))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        Err(E::custom(format_args!("is {number} without a unit, want {}", self.wanted)))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parse = |text: &str| measure(text, &TIME_UNITS).map(|millis| Self(Duration::from_millis(millis)));
        deserializer.deserialize_any(Measured { wanted: TIME_WANTED, parse })
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parse = |text: &str| measure(text, &SIZE_UNITS).map(Self);
        deserializer.deserialize_any(Measured { wanted: SIZE_WANTED, parse })
    }
}

impl Percent {
    /// From a number as written.
    ///
    /// # Errors
    /// What is wrong with it, as a predicate: `is 130, want 0 to 100`.
    pub fn new(number: f64) -> Result<Self, String> {
        let Some(share) = Share::from_percent(number) else {
            return Err(format!("is {number}, want {PERCENT_WANTED}"));
        };
        // The line has 10,000 buckets: finer than a hundredth of a per cent cannot be told apart.
        if (share.percent() - number).abs() > 1e-9 {
            return Err(format!("is {number}, want at most two decimals"));
        }
        Ok(Self(share))
    }
}

struct PercentVisitor;

impl Visitor<'_> for PercentVisitor {
    type Value = Percent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a number of {PERCENT_WANTED}")
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Percent, E> {
        Percent::new(number).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Percent, E> {
        self.visit_f64(number as f64)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Percent, E> {
        self.visit_f64(number as f64)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PercentVisitor)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn time(text: &str) -> Result<Duration, String> {
        serde_yaml::from_str::<Time>(text).map(|time| time.0).map_err(|error| error.to_string())
    }

    #[test]
    fn durations_carry_units() {
        assert_eq!(time("250ms").unwrap(), Duration::from_millis(250));
        assert_eq!(time("2m").unwrap(), Duration::from_secs(120));
        assert_eq!(time("1h").unwrap(), Duration::from_secs(3600));
        assert_eq!(time("2d").unwrap(), Duration::from_secs(2 * 86_400));
        assert_eq!(time("30").unwrap_err(), format!("is 30 without a unit, want {TIME_WANTED}"));
        assert_eq!(time("1.5s").unwrap_err(), format!("is \"1.5s\", want {TIME_WANTED}"));
        assert!(time("99999999999999999999h").is_err());
        assert!(time("18446744073709551615h").is_err());
    }

    #[test]
    fn sizes_carry_units() {
        let size = |text: &str| serde_yaml::from_str::<Size>(text).map(|size| size.0).ok();
        assert_eq!(size("64KiB"), Some(65_536));
        assert_eq!(size("1MB"), Some(1_000_000));
        assert_eq!(size("12B"), Some(12));
        assert_eq!(size("12"), None);
        assert_eq!(size("64K"), None);
    }

    #[test]
    fn per_cents_have_two_decimals() {
        assert_eq!(Percent::new(12.34).unwrap().0, Share::from_percent(12.34).unwrap());
        assert_eq!(Percent::new(0.001).unwrap_err(), "is 0.001, want at most two decimals");
        assert_eq!(Percent::new(130.0).unwrap_err(), "is 130, want 0 to 100");
        assert!(Percent::new(f64::NAN).is_err());
        for hundredths in 0..=10_000_u32 {
            Percent::new(f64::from(hundredths) / 100.0).unwrap();
        }
    }
}
