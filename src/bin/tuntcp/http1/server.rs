//! A connection's requests, answered in their order.

use std::io::{self, ErrorKind, Read};
use std::net::Shutdown;
use std::time::Duration;

use ::http::header::CONNECTION;
use ::http::{HeaderMap, Method, Version};
use tuntcp::TcpStream;
use tuntcp::runtime::clock::Clock;

use super::request::{Fault, Requests};
use super::response::{plain, send};
use super::{Limits, Request, Response};

/// How long, and for how many bytes, the rest of what was refused is read and thrown away.
const FAREWELL: Duration = Duration::from_secs(2);
const FAREWELL_BYTES: usize = 4 << 20;

/// Answers one client's requests by `answer`, until he is done, wrong, or too slow for `limits`.
///
/// The method HEAD is answered as GET would be: the body is left out here.
pub(crate) fn serve(
    stream: &TcpStream,
    limits: &Limits,
    mut answer: impl FnMut(&Request) -> Response,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(limits.stall))?;
    let mut requests = Requests::new(stream, limits);
    loop {
        let request = match requests.next() {
            Ok(request) => request,
            Err(Fault::Over) => return Ok(()),
            Err(Fault::Io(error)) => return Err(error),
            Err(Fault::Refused(status, why)) => {
                log::info!("http: {status}: {why}");
                send(stream, plain(status, why), false, true)?;
                return part(stream);
            }
        };
        let response = answer(&request);
        log::debug!(
            "http: {} {} {} {}",
            request.method(),
            request.uri(),
            response.status().as_u16(),
            response.body().len(),
        );
        let last = is_last(&request) || has_token(response.headers(), "close");
        send(stream, response, request.method() == Method::HEAD, last)?;
        if last {
            return part(stream);
        }
    }
}

/// Whether the client wants no more on this connection (RFC 9112 9.3).
fn is_last(request: &Request) -> bool {
    match request.version() {
        Version::HTTP_10 => !has_token(request.headers(), "keep-alive"),
        _ => has_token(request.headers(), "close"),
    }
}

fn has_token(headers: &HeaderMap, wanted: &str) -> bool {
    let values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|token| token.trim().eq_ignore_ascii_case(wanted))
}

/// Ends the connection so that the client gets the last response: a stream that is dropped with bytes
/// unread is reset, which would take it from him (RFC 9112 9.6).
fn part(mut stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    let clock = Clock::start();
    let until = clock.now() + FAREWELL;
    let mut taken = 0;
    let mut scrap = [0; 8 << 10];
    while taken < FAREWELL_BYTES && !until.is_due(clock.now()) {
        let left = (until - clock.now()).max(Duration::from_millis(1));
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut scrap) {
            Ok(0) => break,
            Ok(count) => taken += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
