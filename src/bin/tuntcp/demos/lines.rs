//! Lines: a chat for people. Its messages are framed by a delimiter: each ends where its line does.
//!
//! Compare [`super::frames`]. A line needs no counting, so that a person can type it; its end has to be
//! looked for, in every byte; and nothing in it may look like its end, so that what is not text is
//! written as text (an escape) before it is sent on.

use std::io;

use tuntcp::TcpStream;

use super::chat::{self, Found, Framing, Room};

/// Bytes of a line, without its end.
const LONGEST: usize = 1024;

pub(super) struct Lines;

impl Framing for Lines {
    fn first(&self, bytes: &[u8]) -> Found {
        // The longest line and its end, "\r\n" or "\n".
        let window = &bytes[..bytes.len().min(LONGEST + 2)];
        let end = window.iter().position(|&byte| byte == b'\n');
        let line = &window[..end.unwrap_or(window.len())];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match end {
            _ if line.len() > LONGEST => Found::TooLong("a line has at most 1024 bytes"),
            Some(end) => Found::Message { at: 0..line.len(), next: end + 1 },
            None => Found::Part,
        }
    }

    fn frame(&self, message: &[u8]) -> Vec<u8> {
        let mut line = String::with_capacity(message.len() + 2);
        for character in String::from_utf8_lossy(message).chars() {
            // What would end the line, or steer somebody's terminal.
            if character.is_control() && character != '\t' {
                line.extend(character.escape_default());
            } else {
                line.push(character);
            }
        }
        line.push_str("\r\n");
        line.into_bytes()
    }
}

pub(super) fn serve(room: &Room, stream: &TcpStream) -> io::Result<()> {
    chat::serve(room, &Lines, stream)
}
