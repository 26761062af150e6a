//! Documents, and how stacks write them: PHP, Python and Go in any mixture.

/// Chance that can be had again.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xd1b5_4a32_d192_ed03)
    }

    /// splitmix64.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn roll(&mut self, sides: usize) -> usize {
        (self.next() >> 33) as usize % sides
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
}

/// A document whose root is an object or a list with something in it.
pub fn some(dice: &mut Dice) -> Value {
    loop {
        let value = nested(dice, 3);
        match &value {
            Value::List(elements) if !elements.is_empty() => return value,
            Value::Object(members) if !members.is_empty() => return value,
            _ => {}
        }
    }
}

fn nested(dice: &mut Dice, depth: usize) -> Value {
    match dice.roll(if depth == 3 { 4 } else { 10 }) {
        0 | 1 if depth > 0 => Value::List((0..dice.roll(5)).map(|_| nested(dice, depth - 1)).collect()),
        2 | 3 if depth > 0 => {
            Value::Object((0..dice.roll(5)).map(|at| (key(dice, at), nested(dice, depth - 1))).collect())
        }
        _ => scalar(dice),
    }
}

/// Each in its object once; nobody's volatile field.
fn key(dice: &mut Dice, at: usize) -> String {
    const ENDS: [&str; 7] = ["", "Name", "_id", "/x", "é", "~", " <b>"];
    format!("k{at}{}", ENDS[dice.roll(ENDS.len())])
}

pub fn scalar(dice: &mut Dice) -> Value {
    const TEXTS: [&str; 14] = [
        "",
        "plain words",
        "http://x.example/a/b",
        "Noël & <b>\"Söhne\"</b>",
        "it's",
        "😀 ok",
        "a\u{2028}b\u{2029}",
        "del\u{7f}",
        "tab\tline\nback\u{8}feed\u{c}",
        "back\\slash",
        "0123",
        "1e5",
        "2024-01-02 03:04:05",
        "42",
    ];
    match dice.roll(8) {
        0 => Value::Null,
        1 => Value::Bool(dice.roll(2) == 0),
        2 => Value::Int(dice.roll(100) as i128 - 50),
        3 => Value::Int(9_007_199_254_740_993 + dice.roll(1_000_000) as i128 * 7),
        4 => Value::Float((dice.roll(2_000_000) as f64 - 1e6) / 1000.0),
        5 => Value::Float(dice.roll(1000) as f64 * [1e-9, 1e25, 0.1, 1e17][dice.roll(4)]),
        _ => Value::Text(format!("{}{}", TEXTS[dice.roll(TEXTS.len())], ["", "", "/", "ß"][dice.roll(4)])),
    }
}

/// Writes a value; whatever the dice, it means the same.
pub fn write(value: &Value, dice: &mut Dice, out: &mut String) {
    blank(dice, out);
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Int(number) => write_int(*number, dice, out),
        Value::Float(number) => write_float(*number, dice, out),
        Value::Text(text) => write_text(text, dice, out),
        Value::List(elements) => {
            out.push('[');
            for (at, element) in elements.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                write(element, dice, out);
            }
            blank(dice, out);
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            let turn = if dice.roll(3) == 0 { dice.roll(members.len().max(1)) } else { 0 };
            let (last, first) = members.split_at(turn);
            for (at, (name, member)) in first.iter().chain(last).enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                blank(dice, out);
                write_text(name, dice, out);
                blank(dice, out);
                out.push(':');
                write(member, dice, out);
            }
            blank(dice, out);
            out.push('}');
        }
    }
}

fn blank(dice: &mut Dice, out: &mut String) {
    out.push_str(["", "", "", "", "", " ", "\n", "\r\n    "][dice.roll(8)]);
}

fn write_int(number: i128, dice: &mut Dice, out: &mut String) {
    out.push_str(&match dice.roll(8) {
        0 => format!("{number}.0"),
        1 => format!("{number}e0"),
        2 if number != 0 => format!("{number}00E-2"),
        3 if number == 0 => ["-0", "-0.0", "0.0", "0e1"][dice.roll(4)].to_owned(),
        _ => number.to_string(),
    });
}

fn write_float(number: f64, dice: &mut Dice, out: &mut String) {
    let shortest = format!("{number:e}");
    out.push_str(&match dice.roll(6) {
        // PHP: `1.0e+25`; Python: `1e-07`.
        0 => shortest.replace("e-", "E-0").replacen('e', "e+", 1),
        1 => shortest,
        // `serialize_precision` 17.
        2 => format!("{number:.16e}"),
        3 if number.abs() < 1e18 && number.fract() == 0.0 => format!("{number}"),
        _ => format!("{number:?}"),
    });
}

fn write_text(text: &str, dice: &mut Dice, out: &mut String) {
    let style = dice.roll(5);
    out.push('"');
    for c in text.chars() {
        match (style, c) {
            (0 | 1, '/') => out.push_str("\\/"),
            (0, c) if !c.is_ascii() || c == '\u{7f}' => unicode(c, dice, out),
            (2, '<' | '>' | '&' | '\'' | '"' | '\u{8}' | '\u{c}' | '\n') => unicode(c, dice, out),
            (3, c) if dice.roll(3) == 0 => unicode(c, dice, out),
            (_, '\u{8}' | '\u{c}' | '\n' | '\t' | '"' | '\\') => short(c, out),
            _ if c < ' ' => unicode(c, dice, out),
            _ => out.push(c),
        }
    }
    out.push('"');
}

fn unicode(c: char, dice: &mut Dice, out: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        out.push_str(&if dice.roll(2) == 0 { format!("\\u{unit:04x}") } else { format!("\\u{unit:04X}") });
    }
}

fn short(c: char, out: &mut String) {
    match c {
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\t' => out.push_str("\\t"),
        other => out.extend(['\\', other]),
    }
}
