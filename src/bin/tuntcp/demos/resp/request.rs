//! Requests, as they come off the stream, cut anywhere. The protocol frames them in both ways that
//! there are: lines end with a delimiter, and say how many strings and how many bytes of a string
//! follow, which may therefore be any bytes.
//!
//! ```text
//! *2␍␊$4␍␊ECHO␍␊$5␍␊a␍␊b!␍␊       an array of two strings, by length
//! ECHO "a\r\nb!"␍␊                 the same as a line, for people with nc or telnet
//! ```

use std::borrow::Cow;
use std::sync::Arc;

use super::{Bytes, inline, integer};

/// Bytes of a line, be it a request or a length.
const MAX_LINE: usize = 64 << 10;
/// Strings of a request.
const MAX_STRINGS: i64 = 4096;
/// Bytes of a string.
pub(super) const MAX_STRING: usize = 512 << 10;
/// Bytes of a request's strings together, so that many long ones are refused, too.
const MAX_REQUEST: usize = 1 << 20;

/// What is wrong with what a client sent: there is no telling where his next request begins.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Wrong(pub(super) Cow<'static, str>);

impl From<&'static str> for Wrong {
    fn from(text: &'static str) -> Self {
        Self(text.into())
    }
}

/// Finds requests in what it is given in pieces. It keeps what has come of one, and remembers how far
/// it got, so that nothing is looked at twice.
#[derive(Default)]
pub(super) struct Requests {
    input: Vec<u8>,
    /// Bytes of it that are done with.
    used: usize,
    /// Bytes behind those in which there is no end of a line.
    searched: usize,
    array: Option<Array>,
}

/// A request of which a part has come.
struct Array {
    strings: Vec<Bytes>,
    /// Strings that are still to come.
    missing: usize,
    /// Bytes of the next one, once its length is known.
    next: Option<usize>,
    /// Bytes that all of them have, as far as is known.
    bytes: usize,
}

impl Requests {
    /// Takes what has arrived.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.input.drain(..self.used);
        self.used = 0;
        if self.input.is_empty() {
            // What a large request needed is not kept.
            self.input.shrink_to(MAX_LINE);
        }
        self.input.extend_from_slice(bytes);
    }

    /// Whether a part of a request has come.
    pub(super) fn is_midway(&self) -> bool {
        self.array.is_some() || self.used < self.input.len()
    }

    /// The next request, the command first; `None` if it is not whole.
    pub(super) fn next(&mut self) -> Result<Option<Vec<Bytes>>, Wrong> {
        loop {
            if let Some(array) = &self.array {
                if array.missing == 0 {
                    return Ok(self.array.take().map(|array| array.strings));
                }
                if !self.string()? {
                    return Ok(None);
                }
                continue;
            }
            let is_array = self.input.get(self.used) == Some(&b'*');
            let too_long =
                if is_array { "too big mbulk count string" } else { "too big inline request" };
            let Some(line) = self.line(too_long)? else { return Ok(None) };
            if is_array {
                self.array = Array::announced(line)?;
                continue;
            }
            let strings = inline::split(line).ok_or("unbalanced quotes in request")?;
            if !strings.is_empty() {
                return Ok(Some(strings));
            }
        }
    }

    /// Takes what is there of the array's next string; whether that was something whole.
    fn string(&mut self) -> Result<bool, Wrong> {
        let Some(mut array) = self.array.take() else { return Ok(false) };
        let taken = self.string_of(&mut array);
        self.array = Some(array);
        taken
    }

    fn string_of(&mut self, array: &mut Array) -> Result<bool, Wrong> {
        let Some(length) = array.next else {
            let Some(line) = self.line("too big bulk count string")? else { return Ok(false) };
            array.expect(line)?;
            return Ok(true);
        };
        let rest = &self.input[self.used..];
        let Some(end) = rest.get(length..length + 2) else { return Ok(false) };
        if end != b"\r\n" {
            return Err("a string is not as long as it says".into());
        }
        array.strings.push(Arc::from(&rest[..length]));
        array.missing -= 1;
        array.next = None;
        self.used += length + 2;
        Ok(true)
    }

    /// The next line without its end, if that has come.
    fn line(&mut self, too_long: &'static str) -> Result<Option<&[u8]>, Wrong> {
        let rest = &self.input[self.used..];
        let Some(end) = rest[self.searched..].iter().position(|&byte| byte == b'\n') else {
            self.searched = rest.len();
            return if rest.len() > MAX_LINE { Err(too_long.into()) } else { Ok(None) };
        };
        let end = self.searched + end;
        self.searched = 0;
        if end > MAX_LINE {
            return Err(too_long.into());
        }
        let line = &self.input[self.used..][..end];
        self.used += end + 1;
        Ok(Some(line.strip_suffix(b"\r").unwrap_or(line)))
    }
}

impl Array {
    /// The array that a line `*COUNT` announces; an empty one is no request.
    fn announced(line: &[u8]) -> Result<Option<Self>, Wrong> {
        let count = integer(&line[1..]).filter(|&count| count <= MAX_STRINGS);
        let missing = count.ok_or("invalid multibulk length")?.max(0) as usize;
        let array = Self { strings: Vec::new(), missing, next: None, bytes: 0 };
        Ok(Some(array).filter(|array| array.missing > 0))
    }

    /// A line `$LENGTH` announces the next string.
    fn expect(&mut self, line: &[u8]) -> Result<(), Wrong> {
        let Some((b'$', length)) = line.split_first() else {
            let other = line.first().unwrap_or(&b'\r').escape_ascii();
            return Err(Wrong(format!("expected '$', got '{other}'").into()));
        };
        let length = integer(length).and_then(|length| usize::try_from(length).ok());
        let length = length.filter(|&length| length <= MAX_STRING);
        let length = length.ok_or("invalid bulk length")?;
        self.bytes += length;
        if self.bytes > MAX_REQUEST {
            return Err("a request has at most 1048576 bytes".into());
        }
        self.next = Some(length);
        Ok(())
    }
}
