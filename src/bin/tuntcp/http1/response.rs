//! Responses, as they go onto the stream.

use std::io::{self, Cursor, ErrorKind, Read, Write};
use std::time::SystemTime;

use ::http::header::{CONNECTION, CONTENT_LENGTH, DATE};
use ::http::{HeaderValue, StatusCode};
use tuntcp::TcpStream;
use tuntcp::runtime::clock::Clock;
use tuntcp::time::Instant;

use super::{Limits, Response};

/// Bytes that are written at once; a small response is one write, and so one segment.
const BLOCK: usize = 64 << 10;

/// What a response carries, and how long it is.
pub(crate) struct Body {
    length: u64,
    bytes: Box<dyn Read + Send>,
}

impl Body {
    /// No bytes.
    pub(crate) fn empty() -> Self {
        Self::from(Vec::new())
    }

    /// What comes out of `bytes`, which must be `length` of them.
    pub(crate) fn new(length: u64, bytes: impl Read + Send + 'static) -> Self {
        Self { length, bytes: Box::new(bytes) }
    }

    /// How many bytes it has.
    pub(crate) fn len(&self) -> u64 {
        self.length
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes.len() as u64, Cursor::new(bytes))
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<&str> for Body {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// A response that says in one line what is the matter.
pub(crate) fn plain(status: StatusCode, why: &str) -> Response {
    let mut response = ::http::Response::new(format!("{status}: {why}\n").into());
    *response.status_mut() = status;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(::http::header::CONTENT_TYPE, text);
    response
}

/// Sends `response`; without its body to who asked for its header only. Who takes less
/// of it than `limits` have it has timed out.
pub(super) fn send(
    stream: &TcpStream,
    response: Response,
    head_only: bool,
    last: bool,
    limits: &Limits,
) -> io::Result<()> {
    let (mut parts, body) = response.into_parts();
    let status = parts.status;
    // RFC 9110 8.6: these have none, and a 304 would have to tell the length of what it spares.
    let without = status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    if !without {
        parts.headers.insert(CONTENT_LENGTH, body.length.into());
    }
    if let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(now())) {
        parts.headers.insert(DATE, date);
    }
    let connection = if last { "close" } else { "keep-alive" };
    parts.headers.insert(CONNECTION, HeaderValue::from_static(connection));

    let mut block = Vec::with_capacity(1 << 10);
    let reason = status.canonical_reason().unwrap_or_default();
    write!(block, "HTTP/1.1 {} {reason}\r\n", status.as_str())?;
    for (name, value) in &parts.headers {
        block.extend_from_slice(name.as_str().as_bytes());
        block.extend_from_slice(b": ");
        block.extend_from_slice(value.as_bytes());
        block.extend_from_slice(b"\r\n");
    }
    block.extend_from_slice(b"\r\n");

    let mut left = if head_only || without { 0 } else { body.length };
    let mut bytes = body.bytes;
    let mut pace = Pace::start(stream, limits);
    loop {
        let room = BLOCK.saturating_sub(block.len()) as u64;
        let read = bytes.by_ref().take(left.min(room)).read_to_end(&mut block)? as u64;
        left -= read;
        pace.write_all(&block)?;
        if left == 0 {
            return Ok(());
        }
        if read == 0 && block.is_empty() {
            // The length was promised: the client is told by an end that comes too early.
            let text = "there was less to send than was promised";
            return Err(io::Error::new(ErrorKind::UnexpectedEof, text));
        }
        block.clear();
    }
}

/// A response on its way to a client who may be slow.
struct Pace<'a> {
    stream: &'a TcpStream,
    limits: &'a Limits,
    clock: Clock,
    /// When it would have arrived, were he as slow as he may be.
    until: Instant,
}

impl<'a> Pace<'a> {
    fn start(stream: &'a TcpStream, limits: &'a Limits) -> Self {
        let clock = Clock::start();
        Self { stream, limits, clock, until: clock.now() + limits.stall }
    }

    /// The stream's own time-out is how long he may take nothing.
    fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = match self.stream.write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let text = format!("nothing was taken for {:?}", self.limits.stall);
                    return Err(io::Error::new(ErrorKind::TimedOut, text));
                }
                outcome => outcome?,
            };
            bytes = &bytes[count..];
            self.until += self.limits.time_for(count as u64);
            if self.until.is_due(self.clock.now()) {
                return Err(io::Error::new(ErrorKind::TimedOut, "it is taken too slowly"));
            }
        }
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "a response tells the time of day")]
fn now() -> SystemTime {
    SystemTime::now()
}
