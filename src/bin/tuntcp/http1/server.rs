//! A connection's requests, answered in their order.

use std::io;

use ::http::header::CONNECTION;
use ::http::{HeaderMap, Method, Version};
use tuntcp::TcpStream;

use super::request::{Fault, Requests};
use super::response::{plain, send};
use super::{Limits, Request, Response};
use crate::farewell::part;

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
