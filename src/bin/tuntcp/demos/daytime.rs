//! Daytime (RFC 867): what time it is, for people; then the server closes.

use std::io::{self, Write};

use jiff::Zoned;
use tuntcp::TcpStream;

use super::polled::{self, Speech};

pub(super) fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(now().as_bytes())
}

/// The same for one of many clients of a thread.
pub(super) fn turns() -> Box<dyn polled::Turns> {
    Box::new(Speech::new(now().as_bytes()))
}

pub(super) fn answer(_: &[u8], answer: &mut Vec<u8>) -> bool {
    answer.extend_from_slice(now().as_bytes());
    true
}

fn now() -> String {
    Zoned::now().strftime("%A, %B %d, %Y %H:%M:%S-%Z\r\n").to_string()
}
