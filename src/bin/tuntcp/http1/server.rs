//! A connection's requests, answered in their order.

use std::io::{self, ErrorKind};
use std::thread;
use std::time::Duration;

use ::http::header::CONNECTION;
use ::http::{HeaderMap, Method, Version};
use tuntcp::TcpStream;
use tuntcp::runtime::clock::Clock;
use tuntcp::tcp::State;

use super::request::{Fault, Requests};
use super::response::{plain, send};
use super::{Limits, Request, Response};
use crate::farewell::part;

/// How often one looks whether what was written is gone.
const LOOK: Duration = Duration::from_millis(20);

/// Answers one client's requests by `answer`, until he is done, wrong, or too slow for `limits`.
///
/// The method HEAD is answered as GET would be: the body is left out here.
pub(crate) fn serve(
    stream: &TcpStream,
    limits: &Limits,
    answer: impl FnMut(&Request) -> Response,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(limits.stall))?;
    // Nor does a client who vanished hold what was sent to him for a quarter of an hour.
    stream.set_user_timeout(Some(limits.stall))?;
    let outcome = converse(stream, limits, answer);
    match &outcome {
        Ok(()) => drain(stream, limits)?,
        // What he did not take so long he never will.
        Err(error) if error.kind() == ErrorKind::TimedOut => give_up(stream)?,
        Err(_) => {}
    }
    outcome
}

fn converse(
    stream: &TcpStream,
    limits: &Limits,
    mut answer: impl FnMut(&Request) -> Response,
) -> io::Result<()> {
    let mut requests = Requests::new(stream, limits);
    loop {
        let request = match requests.next() {
            Ok(request) => request,
            Err(Fault::Over) => return Ok(()),
            Err(Fault::Io(error)) => return Err(error),
            Err(Fault::Refused(status, why)) => {
                log::info!("http: {status}: {why}");
                send(stream, plain(status, why), false, true, limits)?;
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
        send(stream, response, request.method() == Method::HEAD, last, limits)?;
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

/// Waits until the client has what was written for him. A stream that is dropped before goes on by
/// itself, and one whose client never reads would do so for ever: his window stays closed, but he is
/// there (RFC 9293 3.8.6.1, MUST-37).
fn drain(stream: &TcpStream, limits: &Limits) -> io::Result<()> {
    let clock = Clock::start();
    let (mut left, mut until) = (stream.info().unsent, clock.now() + limits.stall);
    while left > 0 && stream.info().state != State::Closed {
        thread::sleep(LOOK);
        let now = stream.info().unsent;
        if now < left {
            // He takes some, and may take the rest as slowly as any response.
            (left, until) = (now, until + limits.time_for(u64::from(left - now)));
        }
        if until.is_due(clock.now()) {
            return give_up(stream);
        }
    }
    Ok(())
}

/// What was not taken is thrown away when the stream is dropped.
fn give_up(stream: &TcpStream) -> io::Result<()> {
    stream.set_linger(Some(Duration::ZERO))
}
