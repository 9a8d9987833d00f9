//! What the stack sends: each of its packets in turn, compared with what the script expects.

use super::frame::{self, ACK, Body, Packet, SYN};
use super::judge::{self, Verdict};
use super::kernel::Fault;
use super::run::{Run, instant, micros, seconds, wrong};
use super::script::{BodySpec, Event, OptionsSpec, PacketSpec, TcpOption};
use tuntcp::time::Instant;

/// A frame and when it was sent.
type Sent = (Instant, Vec<u8>);

impl Run<'_> {
    /// Waits for a packet of the stack and compares it.
    pub(super) fn expect(
        &mut self,
        index: usize,
        event: &Event,
        spec: &PacketSpec,
        (start, end): (i64, i64),
        span: i64,
    ) -> Result<(), (usize, Fault)> {
        let here = |fault| (index, fault);
        let tolerance = self.tolerance(span);
        let mut rest: Option<PacketSpec> = None;
        loop {
            let Some((at, bytes)) = self.next_sent(end + tolerance)? else {
                return Err(here(wrong(self.timed_out(end + tolerance))));
            };
            let at = micros(at);
            let packet = frame::parse(&bytes)
                .map_err(|why| here(wrong(format!("the stack has sent a bad packet: {why}"))))?;
            let dialogue = self.dialogue_of(&packet, spec).map_err(here)?;
            self.note_numbers(rest.as_ref().unwrap_or(spec), &packet, dialogue);
            self.note(|run| {
                let shown = judge::show(&packet, &run.kernel.dialogues[dialogue]);
                format!("{} > {shown}", seconds(at))
            });
            let expected = rest.as_ref().unwrap_or(spec);
            let known = &self.kernel.dialogues[dialogue];
            let settings = &self.kernel.settings;
            let verdict = judge::check(expected, &packet, known, settings)
                .and_then(|verdict| on_time(at, (start, end), tolerance).map(|()| verdict))
                .and_then(|verdict| {
                    self.check_stamps(at, expected, &packet, dialogue).map(|()| verdict)
                });
            let verdict = verdict.map_err(|why| {
                let shown = judge::show(&packet, &self.kernel.dialogues[dialogue]);
                let script = format!("script packet: {} {}", seconds(start), event.text);
                here(wrong(format!("{why}\n{script}\nactual packet: {} > {shown}", seconds(at))))
            })?;
            self.note_stamps(at, expected, &packet, dialogue);
            match verdict {
                Verdict::Whole => return Ok(()),
                Verdict::More(packet) => {
                    let bytes = frame::emit(&packet);
                    self.kernel.world.sent.push_front((instant(at), bytes));
                    return Ok(());
                }
                Verdict::Part(tcp) => {
                    rest = Some(PacketSpec {
                        way: spec.way,
                        ip: spec.ip.clone(),
                        addresses: spec.addresses,
                        ports: spec.ports,
                        body: BodySpec::Tcp(tcp),
                    });
                }
            }
        }
    }

    fn timed_out(&self, at: i64) -> String {
        format!("no packet came until {}", seconds(at))
    }

    /// The next frame that the stack sends before `limit`, if there is one.
    fn next_sent(&mut self, limit: i64) -> Result<Option<Sent>, (usize, Fault)> {
        self.settle()?;
        loop {
            if let Some(frame) = self.kernel.world.sent.pop_front() {
                return Ok(Some(frame));
            }
            let patience = self.pending.as_ref().and_then(|pending| pending.attempt.deadline);
            let patience = patience.filter(|at| *at > self.kernel.world.now);
            let goal = instant(limit).min(patience.unwrap_or(Instant::NEVER));
            let goal = goal.max(self.kernel.world.now);
            let more = self.kernel.world.step(goal).map_err(|why| (0, wrong(why)))?;
            self.settle()?;
            if !more && goal >= instant(limit) && self.kernel.world.sent.is_empty() {
                return Ok(None);
            }
        }
    }

    /// The dialogue that a packet of the stack belongs to, which must be the one under test.
    fn dialogue_of(&mut self, packet: &Packet, spec: &PacketSpec) -> Result<usize, Fault> {
        let (source, destination) = match &packet.body {
            Body::Tcp(tcp) => (tcp.source, tcp.destination),
            Body::Udp { source, destination, .. } => (*source, *destination),
            Body::Icmp { .. } | Body::Other(_) => {
                return self.under_test.ok_or_else(|| wrong("a packet of no connection"));
            }
        };
        let (local, remote) = frame::ends(&packet.ip, source, destination);
        let dialogues = &self.kernel.dialogues;
        let known = dialogues.iter().position(|of| of.local == local && of.remote == remote);
        let opens = matches!(&packet.body, Body::Tcp(tcp) if tcp.flags & (SYN | ACK) == SYN);
        let index = match known {
            Some(index) => index,
            None if opens => self.find_or_make(local, remote),
            None => {
                return Err(wrong(format!("a packet from {local} to {remote}, of no connection")));
            }
        };
        if let Some(named) = self.named_ends(spec)? {
            if named != (local, remote) {
                return Err(wrong(format!("the packet goes from {local} to {remote}")));
            }
            self.under_test = Some(index);
        } else if self.under_test != Some(index) {
            return Err(wrong(format!("a packet of another connection, from {local} to {remote}")));
        }
        Ok(index)
    }

    /// Learns the stack's initial sequence number.
    fn note_numbers(&mut self, spec: &PacketSpec, packet: &Packet, dialogue: usize) {
        if let (BodySpec::Tcp(spec), Body::Tcp(tcp)) = (&spec.body, &packet.body)
            && tcp.flags & spec.flags & SYN != 0
        {
            self.kernel.dialogues[dialogue].note_local_syn(spec.seq, tcp.seq, tcp.flags & ACK != 0);
        }
    }

    fn note_stamps(&mut self, at: i64, spec: &PacketSpec, packet: &Packet, dialogue: usize) {
        if let Some((script, wire)) = stamps(spec, packet) {
            self.kernel.dialogues[dialogue].note_stamp(at, script, wire);
        }
    }

    fn check_stamps(
        &self,
        at: i64,
        spec: &PacketSpec,
        packet: &Packet,
        dialogue: usize,
    ) -> Result<(), String> {
        stamps(spec, packet).map_or(Ok(()), |pair| {
            let dialogue = &self.kernel.dialogues[dialogue];
            judge::check_stamp(at, pair, dialogue, &self.kernel.settings)
        })
    }
}

/// The timestamps of an expected packet and of the one that came.
fn stamps(spec: &PacketSpec, packet: &Packet) -> Option<(u32, u32)> {
    let (BodySpec::Tcp(spec), Body::Tcp(tcp)) = (&spec.body, &packet.body) else { return None };
    let OptionsSpec::List(wanted) = &spec.options else { return None };
    if spec.any_timestamp {
        return None;
    }
    let value = |options: &[TcpOption]| {
        options.iter().find_map(|option| match option {
            TcpOption::Timestamps { value, .. } => Some(*value),
            _ => None,
        })
    };
    Some((value(wanted)?, value(&tcp.options)?))
}

fn on_time(at: i64, (start, end): (i64, i64), tolerance: i64) -> Result<(), String> {
    if at < start - tolerance || at > end + tolerance {
        let wanted = match start == end {
            true => seconds(start),
            false => format!("{} to {}", seconds(start), seconds(end)),
        };
        return Err(format!("timing: expected at {wanted}, came at {}", seconds(at)));
    }
    Ok(())
}
