//! What was seen on the wire? The last frames of a network, told in packetdrill notation.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

use crate::time::Instant;
use crate::wire::{Body, Packet};

use super::network::HostId;

/// Whether a host has sent a frame or received it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The host's engine handed it to its device; what the wire does to it comes after.
    Sent,
    /// It reached the host's device: what was lost on the way is never seen here.
    Received,
}

/// One frame at one host.
#[derive(Clone, Copy, Debug)]
pub struct Sighting<'a> {
    /// When.
    pub at: Instant,
    /// Where.
    pub host: HostId,
    /// Which way.
    pub direction: Direction,
    /// The IP packet.
    pub frame: &'a [u8],
    /// How long it has waited in queues on its way; of a frame that is sent, nothing yet.
    pub queued: Duration,
}

/// The last frames that were seen.
#[derive(Debug)]
pub(super) struct Log {
    kept: VecDeque<(Instant, HostId, Direction, Vec<u8>)>,
    room: usize,
}

impl Log {
    pub(super) fn new(room: usize) -> Self {
        Self { kept: VecDeque::new(), room }
    }

    pub(super) fn resize(&mut self, room: usize) {
        self.room = room;
        let surplus = self.kept.len().saturating_sub(room);
        self.kept.drain(..surplus);
    }

    pub(super) fn note(&mut self, sighting: &Sighting<'_>) {
        if self.room == 0 {
            return;
        }
        // The oldest frame's memory is used again.
        let mut frame = match self.kept.len() < self.room {
            true => Vec::new(),
            false => self.kept.pop_front().map(|oldest| oldest.3).unwrap_or_default(),
        };
        frame.clear();
        frame.extend_from_slice(sighting.frame);
        self.kept.push_back((sighting.at, sighting.host, sighting.direction, frame));
    }

    /// One line a frame.
    pub(super) fn tell(&self) -> String {
        let mut lines = String::new();
        for (at, host, direction, frame) in &self.kept {
            let sign = match direction {
                Direction::Sent => '>',
                Direction::Received => '<',
            };
            let micros = at.as_nanos() / 1_000;
            let _ = writeln!(
                lines,
                "+{}.{:06} {host} {sign} {}",
                micros / 1_000_000,
                micros % 1_000_000,
                describe(frame)
            );
        }
        lines
    }
}

/// One frame in words: TCP segments in packetdrill notation behind their ports.
fn describe(frame: &[u8]) -> String {
    let packet = match Packet::parse(frame, false) {
        Ok(packet) => packet,
        Err(why) => return format!("{} bytes, malformed: {why:?}", frame.len()),
    };
    match packet.body {
        Body::Tcp(flow, segment) => {
            format!("{} > {}: {segment}", flow.remote.port(), flow.local.port())
        }
        Body::Udp(flow, payload) => {
            format!("{} > {}: udp ({})", flow.remote.port(), flow.local.port(), payload.len())
        }
        Body::Icmp(message) => format!("icmp {message:?}"),
        Body::Fragment(piece) => {
            format!("fragment {}:{}", piece.offset, usize::from(piece.offset) + piece.payload.len())
        }
        Body::Problem(problem) => format!("{problem:?} ({} bytes)", frame.len()),
        Body::Other(protocol) => format!("protocol {protocol} ({} bytes)", frame.len()),
    }
}
