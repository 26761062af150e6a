//! Which sorts of characters stand in a text: seen in one look, so that only those transforms are tried that can have been at work.

use std::ops::BitOr;

/// A set of sorts of characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signs(u8);

impl Signs {
    pub const NONE: Self = Self(0);
    /// White space, or a zero byte.
    pub const SPACE: Self = Self(1);
    /// Anything beyond ASCII; white space may be among it.
    pub const BEYOND_ASCII: Self = Self(1 << 1);
    /// What may be white space.
    pub const SPACE_OR_MORE: Self = Self(Self::SPACE.0 | Self::BEYOND_ASCII.0);
    pub const AMPERSAND: Self = Self(1 << 2);
    pub const ANGLE: Self = Self(1 << 3);
    pub const BRACE: Self = Self(1 << 4);
    /// `%` and `+`.
    pub const URL: Self = Self(1 << 5);
    /// `\` and `"`.
    pub const QUOTED: Self = Self(1 << 6);
    /// A letter of which each word that a language prints for nothing, yes and no has one: N, T, F, n, u, i.
    pub const WORD: Self = Self(1 << 7);

    const OF: [Self; 256] = {
        let mut signs = [Self::NONE; 256];
        let mut byte = 0;
        while byte < 256 {
            signs[byte] = Self::of_byte(byte as u8);
            byte += 1;
        }
        signs
    };

    const fn of_byte(byte: u8) -> Self {
        match byte {
            b' ' | 0x09..=0x0d | 0 => Self::SPACE,
            b'&' => Self::AMPERSAND,
            b'<' => Self::ANGLE,
            b'{' => Self::BRACE,
            b'%' | b'+' => Self::URL,
            b'\\' | b'"' => Self::QUOTED,
            b'N' | b'T' | b'F' | b'n' | b'u' | b'i' => Self::WORD,
            0x80.. => Self::BEYOND_ASCII,
            _ => Self::NONE,
        }
    }

    pub fn of(text: &str) -> Self {
        text.bytes().fold(Self::NONE, |met, byte| met | Self::OF[usize::from(byte)])
    }

    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Signs {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Signs;

    #[test]
    fn every_sign_is_seen() {
        for (text, sign) in [
            ("a\u{b}b", Signs::SPACE),
            ("\0", Signs::SPACE),
            ("\u{a0}", Signs::BEYOND_ASCII),
            ("&", Signs::AMPERSAND),
            ("<", Signs::ANGLE),
            ("{", Signs::BRACE),
            ("%", Signs::URL),
            ("+", Signs::URL),
            ("\"", Signs::QUOTED),
            ("\\", Signs::QUOTED),
        ] {
            assert_eq!(Signs::of(text), sign, "{text:?}");
        }
        for word in ["None", "null", "undefined", "nil", "True", "False", "nan", "NaN", "inf"] {
            assert!(Signs::of(word).meets(Signs::WORD), "{word}");
        }
        assert_eq!(Signs::of("1.1-2"), Signs::NONE);
    }
}
