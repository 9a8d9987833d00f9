//! Time (RFC 868): what time it is, for machines: the seconds since 1900 began as four bytes; then the
//! server closes. After February 2036 they count from zero again.

use std::io::{self, Write};

use jiff::Timestamp;
use tuntcp::TcpStream;

use super::polled::{self, Speech};

/// From the beginning of 1900 to that of 1970, in seconds.
const FROM_1900_TO_1970: i64 = 2_208_988_800;

pub(super) fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(&now())
}

/// The same for one of many clients of a thread.
pub(super) fn turns() -> Box<dyn polled::Turns> {
    Box::new(Speech::new(&now()))
}

pub(super) fn answer(_: &[u8], answer: &mut Vec<u8>) -> bool {
    answer.extend_from_slice(&now());
    true
}

fn now() -> [u8; 4] {
    let seconds = Timestamp::now().as_second() + FROM_1900_TO_1970;
    // The last 32 bits are what RFC 868 has room for.
    (seconds as u32).to_be_bytes()
}
