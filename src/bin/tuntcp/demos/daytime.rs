//! Daytime (RFC 867): what time it is, for people; then the server closes.

use std::io::{self, Write};

use jiff::Zoned;
use tuntcp::TcpStream;

pub(super) fn serve(mut stream: TcpStream) -> io::Result<()> {
    let now = Zoned::now().strftime("%A, %B %d, %Y %H:%M:%S-%Z");
    write!(stream, "{now}\r\n")
}
