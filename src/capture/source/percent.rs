//! Percent-encoding of URLs.

use std::fmt::Write as _;

/// Decodes `%XX`. Any other `%` stays, so plain text is read as it is.
pub fn decode(text: &str) -> String {
    let hex = |b: Option<&u8>| b.and_then(|&b| char::from(b).to_digit(16));
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

/// Encodes all but letters, digits and `-._~`.
pub fn encode(text: &str) -> String {
    encode_with(text, char::from)
}

/// As [`encode`], with `*` for what needs no encoding: shows where to encode a secret, not the
/// secret.
pub fn encode_masked(text: &str) -> String {
    encode_with(&decode(text), |_| '*')
}

fn encode_with(text: &str, plain: impl Fn(u8) -> char) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(plain(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
