//! Requests that are lines: words, between blanks or in quotes.

use super::Bytes;

/// The words of a line; `None` if a quote is not closed, or something else follows it at once.
///
/// Between double quotes stand escapes (`\n`, `\r`, `\t`, `\b`, `\a`, `\x41`, and any other character
/// for itself); between single ones only `\'`.
pub(super) fn split(line: &[u8]) -> Option<Vec<Bytes>> {
    let mut words = Vec::new();
    let mut rest = line.trim_ascii_start();
    while let Some(&first) = rest.first() {
        let mut word = Vec::new();
        if matches!(first, b'"' | b'\'') {
            rest = quoted(first, &rest[1..], &mut word)?;
            if rest.first().is_some_and(|byte| !byte.is_ascii_whitespace()) {
                return None;
            }
        } else {
            let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
            word.extend_from_slice(&rest[..end]);
            rest = &rest[end..];
        }
        words.push(word.into());
        rest = rest.trim_ascii_start();
    }
    Some(words)
}

/// Puts what stands up to the closing `quote` into `word`; what follows that.
fn quoted<'a>(quote: u8, mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        let (&byte, behind) = rest.split_first()?;
        rest = behind;
        match (byte, rest) {
            _ if byte == quote => return Some(rest),
            (b'\\', [b'\'', behind @ ..]) if quote == b'\'' => {
                word.push(quote);
                rest = behind;
            }
            (b'\\', [b'x', high, low, behind @ ..])
                if quote == b'"' && high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                word.push(hex(*high) << 4 | hex(*low));
                rest = behind;
            }
            (b'\\', [escaped, behind @ ..]) if quote == b'"' => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    itself => *itself,
                });
                rest = behind;
            }
            _ => word.push(byte),
        }
    }
}

/// The value of a hexadecimal digit.
fn hex(digit: u8) -> u8 {
    char::from(digit).to_digit(16).unwrap_or(0) as u8
}
