//! HTTP/1.1 (RFC 9110, RFC 9112) over our streams: requests in, responses out. What a server is asked
//! for is its own business; here is what all of them need: framing, limits, time-outs, and the right
//! refusal for what is wrong, too large or too slow.

mod request;
mod response;
mod server;

use std::time::Duration;

pub(crate) use response::{Body, plain};
pub(crate) use server::serve;

/// A request whose body has been read.
pub(crate) type Request = ::http::Request<Vec<u8>>;
/// A response; its body is read while it is sent. Its length, date and what becomes of the connection
/// are said for it.
pub(crate) type Response = ::http::Response<Body>;

/// What one client may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of a request's line and header.
    pub(crate) head: usize,
    /// Bytes of a request's body.
    pub(crate) body: usize,
    /// How long a connection without a request stays open.
    pub(crate) idle: Duration,
    /// How long a request may take to arrive, once its first byte is here: whoever sends a byte now and
    /// then does not hold a thread for ever.
    pub(crate) request: Duration,
    /// How long the client may take no byte of a response.
    pub(crate) stall: Duration,
    /// Bytes a second that he must take on the whole, or he holds a thread for ever by taking one now
    /// and then.
    pub(crate) slowest: u32,
}

impl Limits {
    /// How long so many bytes of a response may take.
    fn time_for(&self, bytes: u64) -> Duration {
        Duration::from_secs_f64(bytes as f64 / f64::from(self.slowest))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: 16 << 10,
            body: 1 << 20,
            idle: Duration::from_secs(15),
            request: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            // Half of what a modem takes at 9600 bit/s.
            slowest: 500,
        }
    }
}

/// Header fields that a request may have.
const MAX_HEADERS: usize = 100;

#[cfg(test)]
mod tests;
