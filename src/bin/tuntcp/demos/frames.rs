//! Frames: the chat of [`super::lines`] for programs. Its messages are framed by length: each is
//! preceded by its number of bytes, four of them, the highest first.
//!
//! Nothing has to be looked for, and a message may hold any bytes, which arrive as they were sent. But
//! whoever miscounts once is never understood again: there is no next line to begin anew with.

use std::io;

use tuntcp::TcpStream;

use super::chat::{self, Found, Framing, Room};

/// Bytes of a message from a client. What others are told of it is longer by his name.
const LONGEST: usize = 64 << 10;
/// Bytes of a length.
const HEADER: usize = 4;

pub(super) struct Frames;

impl Framing for Frames {
    fn first(&self, bytes: &[u8]) -> Found {
        let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else { return Found::Part };
        let length = u32::from_be_bytes(*header) as usize;
        if length > LONGEST {
            Found::TooLong("a message has at most 65536 bytes")
        } else if rest.len() < length {
            Found::Part
        } else {
            Found::Message { at: HEADER..HEADER + length, next: HEADER + length }
        }
    }

    fn frame(&self, message: &[u8]) -> Vec<u8> {
        let length = u32::try_from(message.len()).expect("a message is short");
        [&length.to_be_bytes(), message].concat()
    }
}

pub(super) fn serve(room: &Room, stream: &TcpStream) -> io::Result<()> {
    chat::serve(room, &Frames, stream)
}
