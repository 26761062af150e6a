//! The admin window's token, as its file has it.

use std::fs;
use std::path::Path;

/// A longer one is not a token.
const MAX_BYTES: u64 = 4096;

/// # Errors
/// What is wrong with the file: it cannot be read, is too long, or holds nothing.
pub fn read(path: &Path) -> Result<String, String> {
    let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > MAX_BYTES {
        return Err(format!("{size} bytes, want at most {MAX_BYTES}"));
    }
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let token = text.trim();
    if token.is_empty() { Err("it is empty".to_owned()) } else { Ok(token.to_owned()) }
}
