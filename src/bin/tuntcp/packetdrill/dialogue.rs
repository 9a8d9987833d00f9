//! Which number of the script is which number of the wire? The script counts from sequence numbers
//! and timestamps of its own; each connection has its own difference to what the stack has drawn.

use std::net::SocketAddrV4;

use super::script::TcpOption;

/// One connection, or what would be one: both ends as they are on the wire.
#[derive(Debug)]
pub(super) struct Dialogue {
    /// The stack's end.
    pub(super) local: SocketAddrV4,
    /// The script's end.
    pub(super) remote: SocketAddrV4,
    /// What the stack's sequence numbers are ahead of the script's.
    offset: Option<u32>,
    /// A connection may begin here: the stack's next SYN may have a number of its own.
    begins: bool,
    /// The stack's initial sequence number.
    pub(super) iss: Option<u32>,
    /// The script's initial sequence number.
    pub(super) irs: Option<u32>,
    /// The number of a SYN of the script on what is open: the initial one if the stack answers with
    /// a SYN, for then it is another connection.
    next_irs: Option<u32>,
    /// Timestamps of the stack as (script's, wire's), in the order that they were seen.
    stamps: Vec<(u32, u32)>,
    /// When the first of them was sent, microseconds.
    first_stamp_at: i64,
    /// What is written to it is not known byte by byte.
    pub(super) opaque: bool,
}

impl Dialogue {
    pub(super) fn new(local: SocketAddrV4, remote: SocketAddrV4) -> Self {
        Self {
            local,
            remote,
            offset: None,
            begins: true,
            iss: None,
            irs: None,
            next_irs: None,
            stamps: Vec::new(),
            first_stamp_at: 0,
            opaque: false,
        }
    }

    /// The script opens (again).
    pub(super) fn note_remote_syn(&mut self, seq: u32) {
        if self.irs.is_some() {
            self.next_irs = Some(seq);
        } else {
            self.irs = Some(seq);
        }
        self.begins = true;
    }

    /// The stack has sent a SYN, which the script calls `script`; whether it `answers` one.
    pub(super) fn note_local_syn(&mut self, script: u32, wire: u32, answers: bool) {
        if std::mem::take(&mut self.begins) || self.offset.is_none() {
            self.offset = Some(wire.wrapping_sub(script));
            self.iss = Some(wire);
            self.irs = if answers { self.next_irs.take().or(self.irs) } else { None };
        }
    }

    /// A number of the stack's own sequence space, as the wire has it.
    pub(super) fn to_wire(&self, script: u32) -> u32 {
        script.wrapping_add(self.offset.unwrap_or(0))
    }

    /// The same, as the script has it.
    pub(super) fn to_script(&self, wire: u32) -> u32 {
        wire.wrapping_sub(self.offset.unwrap_or(0))
    }

    pub(super) fn note_stamp(&mut self, at: i64, script: u32, wire: u32) {
        if self.stamps.is_empty() {
            self.first_stamp_at = at;
        }
        self.stamps.retain(|(known, _)| *known != script);
        self.stamps.push((script, wire));
    }

    /// How many ticks the stack's clock is off, after those that the script counts since the first
    /// timestamp; and the microseconds since then.
    pub(super) fn stamp_error(&self, at: i64, script: u32, wire: u32) -> Option<(i64, i64)> {
        let (first_script, first_wire) = self.stamps.first()?;
        let meant = i64::from(script.wrapping_sub(*first_script).cast_signed());
        let real = i64::from(wire.wrapping_sub(*first_wire).cast_signed());
        Some((real - meant, at - self.first_stamp_at))
    }

    /// A timestamp of the stack that the script echoes, as the wire has it.
    pub(super) fn stamp_to_wire(&self, script: u32) -> u32 {
        let known = self.stamps.iter().rev().find(|(known, _)| *known == script);
        match (known, self.stamps.last()) {
            (Some((_, wire)), _) => *wire,
            (None, Some((known, wire))) => wire.wrapping_add(script.wrapping_sub(*known)),
            (None, None) => script,
        }
    }

    pub(super) fn stamp_to_script(&self, wire: u32) -> u32 {
        match self.stamps.last() {
            Some((script, known)) => script.wrapping_add(wire.wrapping_sub(*known)),
            None => wire,
        }
    }

    /// Options of a segment of the script, with the wire's numbers.
    pub(super) fn options_to_wire(&self, options: &[TcpOption], maps_echo: bool) -> Vec<TcpOption> {
        let to_wire = |option: &TcpOption| match option {
            TcpOption::Timestamps { value, echo } if maps_echo && *echo != 0 => {
                TcpOption::Timestamps { value: *value, echo: self.stamp_to_wire(*echo) }
            }
            TcpOption::Sack(blocks) => TcpOption::Sack(
                blocks
                    .iter()
                    .map(|(left, right)| (self.to_wire(*left), self.to_wire(*right)))
                    .collect(),
            ),
            option => option.clone(),
        };
        options.iter().map(to_wire).collect()
    }
}

/// The byte that stands at a place of every stream.
pub(super) fn pattern(at: u32) -> u8 {
    u8::try_from(at % 251).unwrap_or(0)
}

/// Bytes of a stream from `at` on.
pub(super) fn text(at: u32, len: usize) -> Vec<u8> {
    (0..len).map(|index| pattern(at.wrapping_add(u32::try_from(index).unwrap_or(0)))).collect()
}
