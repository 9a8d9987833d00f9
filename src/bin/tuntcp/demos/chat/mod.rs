//! A chat: what one says, all others hear. How its messages are told apart in a stream of bytes, which
//! TCP cuts and joins as it likes, is the framing's business.

mod pace;
mod room;
#[cfg(test)]
mod tests;

use std::io::{self, Read};
use std::ops::Range;
use std::thread;
use std::time::Duration;

use tuntcp::TcpStream;
use tuntcp::runtime::clock::Clock;

use crate::farewell::part;
use pace::Pace;
use room::Member;

pub(super) use room::Room;

/// How messages are told apart.
pub(super) trait Framing: Sync {
    /// Looks for the first message in `bytes`, which may end anywhere.
    fn first(&self, bytes: &[u8]) -> Found;

    /// The bytes that stand for `message`.
    fn frame(&self, message: &[u8]) -> Vec<u8>;
}

/// What there is at the beginning of some bytes.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Found {
    /// A message is there, at `at`; what comes behind it begins at `next`.
    Message { at: Range<usize>, next: usize },
    /// A part of one, which may be empty.
    Part,
    /// One that is too long, which its sender is told.
    TooLong(&'static str),
}

/// Bytes that are read at once.
const READ: usize = 8 << 10;
/// How long a client may take no byte of what he is sent.
const STALL: Duration = Duration::from_secs(30);

const HELP: &str = "* say something and all others hear it; /name NEW is your new name, /who is here, \
                    /quit; what begins with // is said with one /";

/// Lets a client take part until he leaves. One thread hears him; another tells him what others say, so
/// that nobody waits for anybody.
pub(super) fn serve(room: &Room, framing: &dyn Framing, stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(STALL))?;
    let member = room.enter(stream.try_clone()?, framing);
    let outbox = member.outbox();
    let outcome = thread::scope(|scope| {
        thread::Builder::new().spawn_scoped(scope, || outbox.send_all(stream))?;
        let outcome = hear(member, framing, stream);
        // What waits for him is still sent.
        outbox.close();
        outcome
    });
    if let Some(error) = outbox.cut_by() {
        // Without this, what he does not take would be kept for him after we have gone.
        stream.set_linger(Some(Duration::ZERO))?;
        return outcome.and(Err(error));
    }
    match outcome? {
        Why::Closed => Ok(()),
        Why::Sent => part(stream),
    }
}

/// Why a client is heard no more.
enum Why {
    /// He closed.
    Closed,
    /// He was sent away, or wants to go.
    Sent,
}

/// Hears what a client says, message by message; then he is no member any more.
fn hear(mut member: Member, framing: &dyn Framing, mut stream: &TcpStream) -> io::Result<Why> {
    let (clock, mut pace) = (Clock::start(), Pace::default());
    let mut chunk = [0; READ];
    // What has come and is no whole message yet: never more than one and what was read with it.
    let mut bytes = Vec::new();
    loop {
        let count = stream.read(&mut chunk)?;
        if count == 0 {
            return Ok(Why::Closed);
        }
        bytes.extend_from_slice(&chunk[..count]);
        let mut begin = 0;
        loop {
            match framing.first(&bytes[begin..]) {
                Found::Message { at, next } => {
                    let message = &bytes[begin..][at];
                    if !obey(&mut member, message) {
                        return Ok(Why::Sent);
                    }
                    // Whoever talks too much is heard slowly, and TCP lets him wait.
                    thread::sleep(pace.pause(clock.now(), message.len()));
                    begin += next;
                }
                Found::Part => break,
                Found::TooLong(why) => {
                    member.tell(format!("* {why}; goodbye"));
                    return Ok(Why::Sent);
                }
            }
        }
        bytes.drain(..begin);
    }
}

/// Does what a member's message asks for; whether he stays.
fn obey(member: &mut Member, message: &[u8]) -> bool {
    let Some(command) = message.strip_prefix(b"/") else {
        member.say(message);
        return true;
    };
    if command.starts_with(b"/") {
        member.say(command);
        return true;
    }
    let command = String::from_utf8_lossy(command);
    let (verb, argument) = command.split_once(' ').unwrap_or((&command, ""));
    match (verb, argument.trim()) {
        ("name", name) => member.rename(name),
        ("who", "") => member.tell(format!("* here are {}", member.all())),
        ("help", "") => member.tell(HELP.into()),
        ("quit", "") => {
            member.tell("* goodbye".into());
            return false;
        }
        _ => member.tell("* there are /name NEW, /who, /help and /quit".into()),
    }
    true
}
