//! One of two texts, and how far it is read.

use super::super::token::{self, is_blank};

/// One text, and how far it is read.
pub(super) struct Side<'a> {
    pub(super) text: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    pub(super) blanks: usize,
}

impl<'a> Side<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0, blanks: 0 }
    }

    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Goes behind the scalar that stands here, and gives it as it is written.
    pub(super) fn skip_scalar(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let length = match rest.first()? {
            b'"' => token::string_length(rest.get(1..)?, 0).ok()?.0 + 2,
            b'-' | b'0'..=b'9' => token::number_length(rest).ok()?,
            _ => [&b"true"[..], b"false", b"null"].iter().find(|word| rest.starts_with(word))?.len(),
        };
        let scalar = self.text.get(self.at..self.at + length)?;
        self.at += length;
        Some(scalar)
    }

    /// The next byte that is no white space; zero at the end.
    #[inline]
    pub(super) fn peek(&mut self) -> u8 {
        match self.bytes.get(self.at) {
            Some(byte) if *byte > b' ' => *byte,
            _ => self.peek_behind_blanks(),
        }
    }

    pub(super) fn peek_behind_blanks(&mut self) -> u8 {
        let rest = self.rest();
        let blanks = rest.iter().take_while(|byte| is_blank(**byte)).count();
        self.at += blanks;
        self.blanks += blanks;
        rest.get(blanks).copied().unwrap_or(0)
    }

    /// Goes behind this byte, if it comes next.
    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> Option<()> {
        if self.peek() != byte {
            return None;
        }
        self.at += 1;
        Some(())
    }

    pub(super) fn number_end(&mut self) -> Option<&'a str> {
        let length = token::number_length(self.rest()).ok()?;
        let text = self.text.get(self.at..self.at + length)?;
        self.at += length;
        Some(text)
    }
}
