//! A file, or the parts of it that are asked for (RFC 9110 14).

use std::fs::File;
use std::io::{self, Cursor, ErrorKind, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use ::http::header::{ACCEPT_RANGES, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use ::http::{HeaderMap, HeaderValue, StatusCode};

use super::insert;
use crate::http1::{self, Body, Response};

/// Ranges that are answered; who asks for more of them gets the whole (RFC 9110 14.2).
const MAX_PARTS: usize = 16;

/// What is asked for.
#[derive(Debug, Eq, PartialEq)]
enum Wanted {
    /// The whole, or what cannot be understood, which is the same.
    All,
    /// One range or several, each within the file and not empty.
    Parts(Vec<Range<u64>>),
    /// Only what lies beyond its end.
    Nothing,
}

/// What `range`, a request's header, asks for of a file that has `length` bytes of this `kind`.
pub(super) fn send(
    range: Option<&HeaderMap>,
    file: &Arc<File>,
    length: u64,
    kind: &str,
) -> Response {
    let range = range.and_then(|headers| headers.get(RANGE)?.to_str().ok());
    let mut response = match range.map_or(Wanted::All, |range| parse(range, length)) {
        Wanted::All => typed(kind, Body::new(length, Piece::new(file, &(0..length)))),
        Wanted::Nothing => {
            let status = StatusCode::RANGE_NOT_SATISFIABLE;
            let mut response = http1::plain(status, "it ends before that");
            insert(response.headers_mut(), CONTENT_RANGE, &format!("bytes */{length}"));
            response
        }
        Wanted::Parts(parts) => {
            let mut response = match &parts[..] {
                [part] => {
                    let body = Body::new(part.end - part.start, Piece::new(file, part));
                    let mut response = typed(kind, body);
                    insert(response.headers_mut(), CONTENT_RANGE, &content_range(part, length));
                    response
                }
                several => multipart(several, file, length, kind),
            };
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            response
        }
    };
    response.headers_mut().insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    response
}

fn typed(kind: &str, body: Body) -> Response {
    let mut response = Response::new(body);
    insert(response.headers_mut(), CONTENT_TYPE, kind);
    response
}

fn content_range(part: &Range<u64>, length: u64) -> String {
    format!("bytes {}-{}/{length}", part.start, part.end - 1)
}

/// Several ranges, each behind a head of its own (RFC 9110 14.6).
fn multipart(parts: &[Range<u64>], file: &Arc<File>, length: u64, kind: &str) -> Response {
    // 128 random bits are in no file.
    let boundary = format!("{:032x}", fastrand::u128(..));
    let mut total = 0;
    let mut body: Box<dyn Read + Send> = Box::new(io::empty());
    for part in parts {
        let range = content_range(part, length);
        let head =
            format!("\r\n--{boundary}\r\nContent-Type: {kind}\r\nContent-Range: {range}\r\n\r\n");
        total += head.len() as u64 + (part.end - part.start);
        body = Box::new(body.chain(Cursor::new(head)).chain(Piece::new(file, part)));
    }
    let end = format!("\r\n--{boundary}--\r\n");
    total += end.len() as u64;
    let body = Body::new(total, body.chain(Cursor::new(end)));
    typed(&format!("multipart/byteranges; boundary={boundary}"), body)
}

/// The ranges of a file of `length` bytes that a Range header means (RFC 9110 14.1.1, 14.1.2).
fn parse(range: &str, length: u64) -> Wanted {
    let Some((unit, specs)) = range.split_once('=') else { return Wanted::All };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Wanted::All;
    }
    let mut parts = Vec::new();
    let specs = specs.split(',').map(str::trim).filter(|spec| !spec.is_empty());
    let mut count = 0;
    for spec in specs {
        count += 1;
        match part(spec, length) {
            _ if count > MAX_PARTS => return Wanted::All,
            None => return Wanted::All,
            Some(part) if part.is_empty() => {}
            Some(part) => parts.push(part),
        }
    }
    let total: u64 = parts.iter().map(|part| part.end - part.start).sum();
    match (count, parts.is_empty()) {
        (0, _) => Wanted::All,
        (_, true) => Wanted::Nothing,
        // Parts that overlap would make more of it than there is.
        _ if parts.len() > 1 && total > length => Wanted::All,
        _ => Wanted::Parts(parts),
    }
}

/// One range; an empty one if it begins behind the end; `None` if it is none.
fn part(spec: &str, length: u64) -> Option<Range<u64>> {
    let (first, last) = spec.split_once('-')?;
    match (number(first.trim()), number(last.trim())) {
        (Some(first), Some(last)) => {
            (first <= last).then(|| first.min(length)..last.saturating_add(1).min(length))
        }
        (Some(first), None) if last.trim().is_empty() => Some(first.min(length)..length),
        (None, Some(suffix)) if first.trim().is_empty() => {
            Some(length.saturating_sub(suffix)..length)
        }
        _ => None,
    }
}

/// A number, the largest one if it is larger than any.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// A part of a file, read as it is sent.
struct Piece {
    file: Arc<File>,
    left: Range<u64>,
}

impl Piece {
    fn new(file: &Arc<File>, part: &Range<u64>) -> Self {
        Self { file: Arc::clone(file), left: part.clone() }
    }
}

impl Read for Piece {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.left.end - self.left.start).unwrap_or(usize::MAX);
        let room = buffer.len().min(left);
        if room == 0 {
            return Ok(0);
        }
        let count = self.file.read_at(&mut buffer[..room], self.left.start)?;
        if count == 0 {
            let text = "the file became shorter while it was sent";
            return Err(io::Error::new(ErrorKind::UnexpectedEof, text));
        }
        self.left.start += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
