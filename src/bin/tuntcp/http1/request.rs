//! Requests, as they come off the stream.

use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use ::http::header::{CONTENT_LENGTH, EXPECT, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING};
use ::http::uri::Authority;
use ::http::{HeaderMap, StatusCode, Version};
use httparse::Status;
use tuntcp::TcpStream;
use tuntcp::runtime::clock::Clock;
use tuntcp::time::Instant;

use super::{Limits, MAX_HEADERS, Request};

/// Why there is no request.
#[derive(Debug)]
pub(super) enum Fault {
    /// The client has none: he closed, or said nothing for so long that he is taken to be gone.
    Over,
    /// What came is refused, and said to be.
    Refused(StatusCode, &'static str),
    /// The connection failed.
    Io(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The requests of one connection, one after the other. What comes behind a request is kept for the
/// next one, so that requests may be sent before the answers to others (pipelining).
pub(super) struct Requests<'a> {
    stream: &'a TcpStream,
    limits: &'a Limits,
    clock: Clock,
    /// What has come and belongs to no request yet.
    buffer: Vec<u8>,
}

/// How long a body is.
enum Framing {
    Length(usize),
    Chunked,
}

impl<'a> Requests<'a> {
    pub(super) fn new(stream: &'a TcpStream, limits: &'a Limits) -> Self {
        Self { stream, limits, clock: Clock::start(), buffer: Vec::new() }
    }

    /// The next request, whole.
    pub(super) fn next(&mut self) -> Result<Request, Fault> {
        if self.buffer.is_empty() {
            let until = self.clock.now() + self.limits.idle;
            match self.fill(until) {
                Err(Fault::Refused(StatusCode::REQUEST_TIMEOUT, _)) => return Err(Fault::Over),
                outcome => outcome?,
            }
        }
        let until = self.clock.now() + self.limits.request;
        let mut request = self.head(until)?;
        let framing = framing(&request)?;
        if let Framing::Length(length) = framing
            && length > self.limits.body
        {
            return Err(Fault::Refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"));
        }
        self.encourage(&request, &framing)?;
        *request.body_mut() = match framing {
            Framing::Length(length) => self.take(length, until)?,
            Framing::Chunked => self.chunks(until)?,
        };
        Ok(request)
    }

    /// A client that asks whether to send his body (RFC 9110 10.1.1) is told to.
    fn encourage(&self, request: &Request, framing: &Framing) -> io::Result<()> {
        let expected = request.headers().get(EXPECT).map(HeaderValue::as_bytes);
        let asks = expected.is_some_and(|what| what.eq_ignore_ascii_case(b"100-continue"));
        let comes = !matches!(framing, Framing::Length(0)) && self.buffer.is_empty();
        if asks && comes && request.version() == Version::HTTP_11 {
            let mut stream = self.stream;
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        Ok(())
    }

    /// The request's line and header.
    fn head(&mut self, until: Instant) -> Result<Request, Fault> {
        loop {
            match parse(&self.buffer)? {
                Some((length, request)) if length <= self.limits.head => {
                    self.buffer.drain(..length);
                    return Ok(request);
                }
                None if self.buffer.len() < self.limits.head => self.fill(until)?,
                _ => return Err(too_large(&self.buffer[..self.limits.head])),
            }
        }
    }

    /// The next `length` bytes.
    fn take(&mut self, length: usize, until: Instant) -> Result<Vec<u8>, Fault> {
        if length == 0 {
            return Ok(Vec::new());
        }
        while self.buffer.len() < length {
            self.fill(until)?;
        }
        let rest = self.buffer.split_off(length);
        Ok(std::mem::replace(&mut self.buffer, rest))
    }

    /// A body in chunks (RFC 9112 7.1); what they and the trailer say of themselves is passed over.
    fn chunks(&mut self, until: Instant) -> Result<Vec<u8>, Fault> {
        let mut body = Vec::new();
        loop {
            let (line, size) = loop {
                match httparse::parse_chunk_size(&self.buffer) {
                    Ok(Status::Complete(found)) => break found,
                    Ok(Status::Partial) if self.buffer.len() < self.limits.head => {
                        self.fill(until)?;
                    }
                    _ => return Err(bad("a chunk's size was expected")),
                }
            };
            self.buffer.drain(..line);
            if size == 0 {
                self.trailer(until)?;
                return Ok(body);
            }
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            if size > self.limits.body - body.len() {
                return Err(Fault::Refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"));
            }
            body.extend(self.take(size, until)?);
            if self.take(2, until)? != b"\r\n" {
                return Err(bad("a chunk is longer than it said"));
            }
        }
    }

    /// The lines behind the last chunk, to the empty one.
    fn trailer(&mut self, until: Instant) -> Result<(), Fault> {
        let mut taken = 0;
        loop {
            let Some(end) = self.buffer.iter().position(|&byte| byte == b'\n') else {
                if taken + self.buffer.len() >= self.limits.head {
                    let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
                    return Err(Fault::Refused(status, "the trailer is too large"));
                }
                self.fill(until)?;
                continue;
            };
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            taken += line.len();
            if line.trim_ascii().is_empty() {
                return Ok(());
            }
        }
    }

    /// Waits for more, until then at most.
    fn fill(&mut self, until: Instant) -> Result<(), Fault> {
        let late = Fault::Refused(StatusCode::REQUEST_TIMEOUT, "the request took too long");
        let now = self.clock.now();
        if until.is_due(now) {
            return Err(late);
        }
        let left = (until - now).max(Duration::from_millis(1));
        self.stream.set_read_timeout(Some(left))?;
        let mut piece = [0; 8 << 10];
        let mut stream = self.stream;
        match stream.read(&mut piece) {
            // In the middle of a request there is nobody left to tell.
            Ok(0) => Err(Fault::Over),
            Ok(count) => {
                self.buffer.extend_from_slice(&piece[..count]);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err(late),
            Err(error) => Err(error.into()),
        }
    }
}

fn bad(why: &'static str) -> Fault {
    Fault::Refused(StatusCode::BAD_REQUEST, why)
}

/// What is too large of a head that does not end within `begin`.
fn too_large(begin: &[u8]) -> Fault {
    if begin.trim_ascii_start().contains(&b'\n') {
        Fault::Refused(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "the header is too large")
    } else {
        Fault::Refused(StatusCode::URI_TOO_LONG, "the request's line is too long")
    }
}

/// The request that `buffer` begins with, its body still to come, and how long it is; `None` if there
/// is more to come.
fn parse(buffer: &[u8]) -> Result<Option<(usize, Request)>, Fault> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let length = match parsed.parse(buffer) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => {
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return Err(Fault::Refused(status, "there are too many header fields"));
        }
        Err(httparse::Error::Version) => {
            let status = StatusCode::HTTP_VERSION_NOT_SUPPORTED;
            return Err(Fault::Refused(status, "HTTP/1.1 is spoken here"));
        }
        Err(_) => return Err(bad("this is no request")),
    };
    let mut request = ::http::Request::builder()
        .method(parsed.method.unwrap_or_default())
        .uri(parsed.path.unwrap_or_default())
        .version(if parsed.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 })
        .body(Vec::new())
        .map_err(|_| bad("this target is none"))?;
    for header in parsed.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let value = HeaderValue::from_bytes(header.value);
        let (Ok(name), Ok(value)) = (name, value) else { return Err(bad("a field is none")) };
        request.headers_mut().append(name, value);
    }
    Ok(Some((length, request)))
}

/// How long the body is (RFC 9112 6.3), and whether the request may have one of that kind.
fn framing(request: &Request) -> Result<Framing, Fault> {
    let headers = request.headers();
    // RFC 9112 3.2.
    match headers.get_all(HOST).iter().count() {
        1 if headers.get(HOST).is_some_and(is_host) => {}
        0 if request.version() == Version::HTTP_10 => {}
        _ => return Err(bad("one Host field is needed")),
    }
    if !headers.contains_key(TRANSFER_ENCODING) {
        return content_length(headers).map(Framing::Length);
    }
    // Both may be an attempt to have two servers see different requests (RFC 9112 6.1).
    if headers.contains_key(CONTENT_LENGTH) || request.version() == Version::HTTP_10 {
        return Err(bad("the body's length is not clear"));
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => {
            Ok(Framing::Chunked)
        }
        _ => Err(Fault::Refused(StatusCode::NOT_IMPLEMENTED, "only chunks are understood")),
    }
}

/// Whether that is a host and perhaps its port, or nothing, as for a target that has none.
fn is_host(value: &HeaderValue) -> bool {
    value.is_empty() || Authority::try_from(value.as_bytes()).is_ok()
}

fn content_length(headers: &HeaderMap) -> Result<usize, Fault> {
    let mut length = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        let text = value.to_str().unwrap_or_default();
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // Larger than all memory: as large as no limit allows.
        let this = if digits { Some(text.parse().unwrap_or(usize::MAX)) } else { None };
        match (this, length) {
            (Some(this), None) => length = Some(this),
            (Some(this), Some(before)) if this == before => {}
            _ => return Err(bad("the body's length is not clear")),
        }
    }
    Ok(length.unwrap_or(0))
}
