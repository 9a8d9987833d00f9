//! Responses, as they come off the stream (RFC 9112). A server may be as wrong as it likes: what is
//! kept of its header is bounded, and a body that ends too early is an error.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::time::Duration;

use ::http::header::{CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING};
use ::http::{HeaderMap, StatusCode};
use httparse::Status;
use tuntcp::TcpStream;
use tuntcp::runtime::clock::Clock;

/// Bytes of a response's line and header, and of a trailer.
const HEAD: usize = 64 << 10;
/// Header fields that it may have.
const FIELDS: usize = 128;
/// Bytes of the line before a chunk.
const CHUNK_LINE: u64 = 4 << 10;
/// Responses that say that the response is still to come (RFC 9110 15.2).
const INTERIM: usize = 10;
/// How long a header may take, however steadily its bytes come.
const HEAD_TIME: Duration = Duration::from_secs(60);

/// What a response says of itself.
pub(super) struct Head {
    pub(super) status: StatusCode,
    reason: String,
    pub(super) headers: HeaderMap,
}

impl Head {
    /// The status for people.
    pub(super) fn line(&self) -> String {
        let reason = if self.reason.is_empty() {
            self.status.canonical_reason().unwrap_or_default()
        } else {
            &self.reason
        };
        format!("{} {reason}", self.status.as_str())
    }

    /// The value of a field that is text.
    pub(super) fn text(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A response whose body is still to be read.
pub(super) struct Response {
    stream: BufReader<TcpStream>,
    head: Head,
    body: Body,
}

/// What is still to come (RFC 9112 6.3).
enum Body {
    Length(u64),
    Chunked {
        /// Of the chunk that is being read.
        left: u64,
        first: bool,
    },
    UntilClose,
    Over,
}

impl Response {
    /// Reads a response as far as its body.
    pub(super) fn receive(stream: TcpStream) -> io::Result<Self> {
        let mut stream = BufReader::with_capacity(64 << 10, stream);
        for _ in 0..=INTERIM {
            let head = read_head(&mut stream)?;
            if !head.status.is_informational() {
                let body = framing(&head)?;
                return Ok(Self { stream, head, body });
            }
        }
        Err(bad("it always says that the response is still to come"))
    }

    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    /// Bytes of the body, if that is known before.
    pub(super) fn length(&self) -> Option<u64> {
        match self.body {
            Body::Length(length) => Some(length),
            _ => None,
        }
    }

    /// The next bytes of the body, none at its end.
    pub(super) fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Body::Chunked { left: 0, first } = self.body {
            let left = self.next_chunk(first)?;
            self.body = match left {
                0 => Body::Over,
                left => Body::Chunked { left, first: false },
            };
        }
        let most = match &self.body {
            Body::Over | Body::Length(0) => return Ok(0),
            Body::Length(left) | Body::Chunked { left, .. } => *left,
            Body::UntilClose => u64::MAX,
        };
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(out.len());
        let count = self.stream.read(&mut out[..most])?;
        match &mut self.body {
            Body::Length(left) | Body::Chunked { left, .. } => {
                if count == 0 {
                    return Err(ended("the server closes in the middle"));
                }
                *left -= count as u64;
            }
            Body::UntilClose | Body::Over => {}
        }
        Ok(count)
    }

    /// How long the next chunk is; 0 behind the last, and then its trailer has been passed over
    /// (RFC 9112 7.1).
    fn next_chunk(&mut self, first: bool) -> io::Result<u64> {
        if !first && !self.line(CHUNK_LINE)?.is_empty() {
            return Err(bad("a chunk is longer than it said"));
        }
        let line = self.line(CHUNK_LINE)?;
        let digits = line.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
        let is_hex = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
        let size = str::from_utf8(digits).ok().filter(|_| is_hex);
        let size = size.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let size = size.ok_or_else(|| bad("a chunk's size was expected"))?;
        if size == 0 {
            let mut passed = 0;
            while passed <= HEAD {
                match self.line(CHUNK_LINE)?.len() {
                    0 => return Ok(0),
                    length => passed += length,
                }
            }
            return Err(bad("its trailer is too large"));
        }
        Ok(size)
    }

    /// The next line of at most so many bytes, without its end.
    fn line(&mut self, most: u64) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        self.stream.by_ref().take(most).read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            let whole = line.len() as u64 + 1 >= most;
            let early = || ended("the server closes in the middle");
            return Err(if whole { bad("a line is too long") } else { early() });
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(line)
    }
}

/// What of the stream is a response's line and header.
fn read_head(stream: &mut BufReader<TcpStream>) -> io::Result<Head> {
    let clock = Clock::start();
    let until = clock.now() + HEAD_TIME;
    let mut bytes = Vec::new();
    loop {
        let piece = stream.fill_buf()?;
        if piece.is_empty() {
            return Err(ended("it closes the connection instead of answering"));
        }
        let (before, came) = (bytes.len(), piece.len());
        bytes.extend_from_slice(piece);
        if let Some((length, head)) = parse(&bytes)? {
            stream.consume(length - before);
            return Ok(head);
        }
        stream.consume(came);
        if bytes.len() > HEAD || until.is_due(clock.now()) {
            return Err(bad("the header of its response has no end"));
        }
    }
}

/// The head that `bytes` begin with, and how long it is; `None` if there is more to come.
fn parse(bytes: &[u8]) -> io::Result<Option<(usize, Head)>> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut parsed = httparse::Response::new(&mut fields);
    let length = match parsed.parse(bytes) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(bad("its response has too many header fields"));
        }
        Err(_) => return Err(bad("what it says is no HTTP/1.1")),
    };
    let status = StatusCode::from_u16(parsed.code.unwrap_or_default());
    let status = status.map_err(|_| bad("its response has no status"))?;
    let mut headers = HeaderMap::new();
    for field in parsed.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let value = HeaderValue::from_bytes(field.value);
        let (Ok(name), Ok(value)) = (name, value) else { return Err(bad("a field is none")) };
        headers.append(name, value);
    }
    let reason = parsed.reason.unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
    Ok(Some((length, Head { status, reason, headers })))
}

/// How long the body is (RFC 9112 6.3). A length that is not clear may be an attempt to have two
/// programs see different responses (RFC 9112 6.1), and no file is whole by it.
fn framing(head: &Head) -> io::Result<Body> {
    // RFC 9112 6.3: these have none, whatever they say.
    if matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        return Ok(Body::Over);
    }
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    let mut lengths = head.headers.get_all(CONTENT_LENGTH).iter();
    match (codings.next(), codings.next(), lengths.next()) {
        (None, _, None) => Ok(Body::UntilClose),
        (None, _, Some(first)) => {
            let text = first.to_str().unwrap_or_default();
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let length =
                text.parse().ok().filter(|_| digits && lengths.all(|other| other == first));
            length.map(Body::Length).ok_or_else(|| bad("the body's length is not clear"))
        }
        (Some(coding), None, None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => {
            Ok(Body::Chunked { left: 0, first: true })
        }
        (Some(_), _, Some(_)) => Err(bad("the body's length is not clear")),
        (Some(_), _, None) => Err(bad("the body is coded in a way that is not understood")),
    }
}

fn bad(why: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why)
}

fn ended(why: &'static str) -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, why)
}
