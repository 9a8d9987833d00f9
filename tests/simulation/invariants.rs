//! What must hold for every segment on the wire, whatever the network does to it.
//!
//! A tap that looks at frames alone: it knows no state of the stack, only what each end has put on
//! the wire and what has reached it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use tuntcp::sim::{Direction, Network, Sighting};
use tuntcp::time::Instant;
use tuntcp::wire::{Body, EcnCodepoint, Flags, Flow, Packet, Segment, SeqNum};

/// What the connection is allowed to do besides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Segments with RST are expected.
    pub(crate) resets: bool,
    /// Text is expected to be sent again.
    pub(crate) retransmissions: bool,
    /// Largest IP packet that any host may send.
    pub(crate) mtu: usize,
}

/// What was found; the first breach counts.
#[derive(Clone, Default)]
pub(crate) struct Verdict(Rc<RefCell<Findings>>);

#[derive(Default)]
struct Findings {
    breach: Option<String>,
    segments: u64,
}

impl Verdict {
    pub(crate) fn breach(&self) -> Option<String> {
        self.0.borrow().breach.clone()
    }

    /// Segments that were looked at.
    pub(crate) fn segments(&self) -> u64 {
        self.0.borrow().segments
    }
}

/// Watches every host of `net` from now on.
pub(crate) fn watch(net: &mut Network, rules: Rules) -> Verdict {
    let verdict = Verdict::default();
    let mut watcher = Watcher { rules, halves: HashMap::new() };
    let told = verdict.clone();
    net.tap(move |sighting| {
        let mut findings = told.0.borrow_mut();
        findings.segments += 1;
        if findings.breach.is_some() {
            return;
        }
        if let Err(breach) = watcher.look(sighting) {
            findings.breach = Some(format!("{} at {}: {breach}", sighting.host, sighting.at));
        }
    });
    verdict
}

type Outcome = Result<(), String>;

macro_rules! hold {
    ($condition:expr, $($words:tt)+) => {
        if !$condition {
            return Err(format!($($words)+));
        }
    };
}

struct Watcher {
    rules: Rules,
    /// By the sender's view of the connection.
    halves: HashMap<Flow, Half>,
}

/// One direction of a connection, as its sender has shown it.
#[derive(Default)]
struct Half {
    iss: SeqNum,
    /// Every byte that was ever sent, from the one after the SYN.
    content: Vec<u8>,
    /// Offset of the FIN.
    fin: Option<usize>,
    /// As offered in our SYN.
    shift: Option<u8>,
    timestamps: bool,
    mss: usize,
    /// Whether a SYN, or SYN-ACK, of ours has set up ECN, and whether one has not.
    sets_up: [bool; 2],
    last_ack: Option<SeqNum>,
    /// The peer's FIN was acknowledged.
    acked_fin: bool,
    /// Greatest sequence number that we have allowed the peer, exclusive.
    edge: Option<SeqNum>,
    last_timestamp: Option<u32>,
    stamped_at: Instant,
    /// Offset behind the last probe of a closed window: the peer may have thrown it away.
    probed: i64,
    /// When it was sent.
    probed_at: Option<Instant>,
    /// Greatest edge that has reached us from the peer.
    allowed: Option<SeqNum>,
}

impl Half {
    fn born(segment: &Segment<'_>) -> Self {
        Self {
            iss: segment.seq,
            shift: segment.options.window_scale.map(|shift| shift.min(14)),
            timestamps: segment.options.timestamps.is_some(),
            mss: segment.options.mss.map_or(536, usize::from),
            ..Self::default()
        }
    }

    /// Offset of `seq` in the stream; the SYN stands at -1.
    fn offset(&self, seq: SeqNum) -> i64 {
        i64::from(seq.since(self.iss + 1).cast_signed())
    }

    /// What the peer may acknowledge: everything that was sent.
    fn end(&self) -> SeqNum {
        let sent = self.content.len() + usize::from(self.fin.is_some());
        self.iss + 1 + u32::try_from(sent).unwrap()
    }
}

fn turned(flow: Flow) -> Flow {
    Flow { local: flow.remote, remote: flow.local }
}

impl Watcher {
    fn look(&mut self, sighting: &Sighting<'_>) -> Outcome {
        let parsed = Packet::parse(sighting.frame, false);
        if sighting.direction == Direction::Received {
            // The wire may have corrupted it; then the host must not have believed it either.
            if let Ok(Packet { body: Body::Tcp(flow, segment), .. }) = parsed {
                self.received(flow, &segment);
            }
            return Ok(());
        }
        let packet = parsed.map_err(|why| format!("sent a malformed frame: {why:?}"))?;
        hold!(checksums_hold(sighting.frame), "sent a wrong checksum");
        hold!(sighting.frame.len() <= self.rules.mtu, "{} > MTU", sighting.frame.len());
        let Body::Tcp(flow, segment) = packet.body else {
            return Ok(());
        };
        // The parser's flow is the receiver's view.
        self.sent(sighting.at, turned(flow), &segment)
            .map_err(|breach| format!("{segment}: {breach}"))
    }

    /// The peer's window has reached the half of the receiver.
    fn received(&mut self, flow: Flow, segment: &Segment<'_>) {
        let shift = self.shift_of(turned(flow));
        let Some(half) = self.halves.get_mut(&flow) else {
            return;
        };
        let Some(ack) = segment.ack else {
            return;
        };
        let shift = if segment.flags.contains(Flags::SYN) { 0 } else { shift };
        let edge = ack + segment.window.scaled(shift);
        half.allowed = Some(half.allowed.map_or(edge, |allowed| allowed.later(edge)));
    }

    /// The shift under which the windows of `flow`'s sender are to be read.
    fn shift_of(&self, flow: Flow) -> u8 {
        let both = self.halves.get(&flow).zip(self.halves.get(&turned(flow)));
        both.and_then(|(ours, theirs)| ours.shift.and(theirs.shift).and(ours.shift)).unwrap_or(0)
    }

    fn sent(&mut self, at: Instant, flow: Flow, segment: &Segment<'_>) -> Outcome {
        if segment.flags.contains(Flags::RST) {
            return self.sent_reset(flow, segment);
        }
        if segment.flags.contains(Flags::SYN) && !self.begins(flow, segment) {
            return Ok(());
        }
        let shift = self.shift_of(flow);
        let probed = self.probed_lately(at, turned(flow));
        let (peer_mss, peer_end, peer_stamp, peer_stamps, peer_fin) =
            match self.halves.get(&turned(flow)) {
                Some(peer) => {
                    let fin = peer.fin.map(|_| peer.end());
                    (peer.mss, Some(peer.end()), peer.last_timestamp, peer.timestamps, fin)
                }
                None => (536, None, None, false, None),
            };
        let agreed = self.agreed_on_marks(flow);
        let Some(half) = self.halves.get_mut(&flow) else {
            return Err("no SYN came before it".into());
        };
        half.marks(segment, agreed)?;
        half.acknowledges(segment, peer_end, peer_fin)?;
        half.advertises(segment, shift)?;
        half.stamps(at, segment, peer_stamps, peer_stamp)?;
        half.blocks(segment)?;
        hold!(
            segment.payload.is_empty()
                || segment.payload.len() + segment.options.wire_len() <= peer_mss,
            "{} bytes for an MSS of {peer_mss}",
            segment.payload.len()
        );
        half.carries(at, segment, self.rules.retransmissions || probed)
    }

    /// RFC 3168 6.1.1: both have set up ECN, and this one with everything that it has sent. (The
    /// other one may have fallen back, and nobody heard it.)
    fn agreed_on_marks(&self, flow: Flow) -> bool {
        let both = self.halves.get(&flow).zip(self.halves.get(&turned(flow)));
        both.is_some_and(|(ours, theirs)| ours.sets_up == [true, false] && theirs.sets_up[0])
    }

    /// While a probe is under way the prober's acknowledgements name the byte before it: they are
    /// refused if the window has opened meanwhile, and what they acknowledge is sent again.
    fn probed_lately(&self, at: Instant, flow: Flow) -> bool {
        let sent = self.halves.get(&flow).and_then(|half| half.probed_at);
        sent.is_some_and(|sent| at - sent < Duration::from_secs(3))
    }

    /// Notes the half that a SYN begins; `false` for the SYN-ACK to a ghost: to a copy of the first
    /// SYN that came when the connection was over already.
    fn begins(&mut self, flow: Flow, segment: &Segment<'_>) -> bool {
        let peer = turned(flow);
        let spoken = |half: &Half| half.last_ack.is_some();
        match self.halves.get(&flow) {
            Some(half) if half.iss == segment.seq => return true,
            Some(_) if segment.ack.is_some() && self.halves.get(&peer).is_some_and(spoken) => {
                return false;
            }
            _ => {}
        }
        if segment.ack.is_none() && self.halves.get(&peer).is_some_and(spoken) {
            // A new connection between the same ends: the peer begins anew as well.
            self.halves.remove(&peer);
        }
        self.halves.insert(flow, Half::born(segment));
        true
    }

    /// A reset is an answer to what cannot be: to strangers, or from an end that is through.
    fn sent_reset(&self, flow: Flow, segment: &Segment<'_>) -> Outcome {
        if self.rules.resets {
            return Ok(());
        }
        let through = |half: &Half| half.acked_fin && half.fin.is_some();
        match self.halves.get(&flow) {
            Some(half) if through(half) => Ok(()),
            _ => Err(format!("a reset on a clean connection: {segment}")),
        }
    }
}

impl Half {
    /// RFC 3168 6.1: only new text is ECT(0), or has CWR, and only where both have agreed.
    fn marks(&mut self, segment: &Segment<'_>, agreed: bool) -> Outcome {
        let said = segment.flags & (Flags::ECE | Flags::CWR);
        if segment.flags.contains(Flags::SYN) {
            let setup = if segment.ack.is_some() { Flags::ECE } else { Flags::ECE | Flags::CWR };
            hold!(said.is_empty() || said == setup, "sets up half of ECN");
            hold!(segment.ecn == EcnCodepoint::NotEct, "a SYN is ECT");
            self.sets_up[usize::from(said.is_empty())] = true;
            return Ok(());
        }
        let sent = i64::try_from(self.content.len()).unwrap();
        let new = !segment.payload.is_empty() && self.offset(segment.seq) >= sent;
        let ect = segment.ecn == EcnCodepoint::Ect0;
        hold!(ect || segment.ecn == EcnCodepoint::NotEct, "neither ECT(0) nor not ECT");
        hold!(!ect || agreed, "ECT without agreement");
        hold!(new || !ect && !said.contains(Flags::CWR), "marks on what is no new text");
        Ok(())
    }

    fn acknowledges(
        &mut self,
        segment: &Segment<'_>,
        peer_end: Option<SeqNum>,
        peer_fin: Option<SeqNum>,
    ) -> Outcome {
        let Some(ack) = segment.ack else {
            hold!(segment.flags.contains(Flags::SYN), "no ACK");
            return Ok(());
        };
        let Some(peer_end) = peer_end else {
            return Err("acknowledges a peer that has said nothing".into());
        };
        hold!(!ack.after(peer_end), "acknowledges what the peer never sent ({peer_end})");
        if let Some(last) = self.last_ack {
            hold!(!ack.before(last), "the acknowledgement goes back from {last}");
        }
        self.last_ack = Some(ack);
        self.acked_fin |= peer_fin == Some(ack);
        Ok(())
    }

    fn advertises(&mut self, segment: &Segment<'_>, shift: u8) -> Outcome {
        let Some(ack) = segment.ack else {
            return Ok(());
        };
        let syn = segment.flags.contains(Flags::SYN);
        let edge = ack + segment.window.scaled(if syn { 0 } else { shift });
        // After the peer's FIN there is nothing left to allow.
        if let Some(last) = self.edge.filter(|_| !self.acked_fin) {
            // RFC 7323 2.4: what the shift cannot express may be cut off, once.
            let rounding = (1 << shift) - 1;
            hold!(!(edge + rounding).before(last), "the right edge shrinks from {last} to {edge}");
        }
        self.edge = Some(self.edge.map_or(edge, |last| last.later(edge)));
        Ok(())
    }

    fn stamps(
        &mut self,
        at: Instant,
        segment: &Segment<'_>,
        peer_stamps: bool,
        peer_stamp: Option<u32>,
    ) -> Outcome {
        let negotiated = self.timestamps && peer_stamps;
        let Some(stamp) = segment.options.timestamps else {
            let syn = segment.flags.contains(Flags::SYN);
            hold!(syn || !negotiated, "timestamps were negotiated and are missing");
            return Ok(());
        };
        // After half a circle nobody can tell before from after.
        let comparable = at - self.stamped_at < Duration::from_secs(24 * 24 * 3600);
        if let Some(last) = self.last_timestamp.filter(|_| comparable) {
            hold!(!SeqNum::new(stamp.value).before(SeqNum::new(last)), "the timestamp goes back");
        }
        self.last_timestamp = Some(stamp.value);
        self.stamped_at = at;
        if segment.ack.is_some() && comparable {
            let Some(peer_stamp) = peer_stamp else {
                // The SYN-ACK of a simultaneous open offers what the peer's SYN may not have had.
                hold!(
                    segment.flags.contains(Flags::SYN) && stamp.echo == 0,
                    "echoes a timestamp that nobody sent"
                );
                return Ok(());
            };
            hold!(
                !SeqNum::new(stamp.echo).after(SeqNum::new(peer_stamp)),
                "echoes {} before it was sent (the peer's last is {peer_stamp})",
                stamp.echo
            );
        }
        Ok(())
    }

    fn blocks(&self, segment: &Segment<'_>) -> Outcome {
        let blocks = segment.options.sack.as_slice();
        for (index, block) in blocks.iter().enumerate() {
            let Some((ack, edge)) = segment.ack.zip(self.edge) else {
                return Err("SACK without ACK".into());
            };
            hold!(block.end.after(block.start), "the SACK block {block:?} is empty");
            let inside = block.start.after(ack) && !block.end.after(edge);
            // RFC 2883 4: the first one may tell of what came twice, acknowledged already.
            let twice = index == 0 && !block.end.after(ack);
            hold!(inside || twice, "the SACK block {block:?} is not between {ack} and {edge}");
        }
        Ok(())
    }

    fn carries(&mut self, at: Instant, segment: &Segment<'_>, again: bool) -> Outcome {
        let first = segment.seq + u32::from(segment.flags.contains(Flags::SYN));
        let start = self.offset(first);
        let sent = i64::try_from(self.content.len()).unwrap();
        // A probe may stand on the byte before the first unacknowledged one, and so on the SYN.
        hold!(start >= -1, "before its own SYN");
        hold!(start <= sent + i64::from(self.fin.is_some()), "leaves a gap behind {}", self.end());
        if let Some(allowed) = self.allowed.filter(|_| !segment.payload.is_empty()) {
            let end = first + u32::try_from(segment.payload.len()).unwrap();
            // RFC 9293 3.8.6.1: a probe is one byte beyond a window that is closed.
            let probe = segment.payload.len() == 1 && !first.after(allowed);
            hold!(probe || !end.after(allowed), "beyond the window, which ends at {allowed}");
            if end.after(allowed) {
                self.probed = start + 1;
                self.probed_at = Some(at);
            }
        }
        let known_fin = self.fin.is_some() && segment.flags.contains(Flags::FIN);
        let repeats = known_fin || (!segment.payload.is_empty() && start < sent);
        hold!(again || !repeats || start < self.probed, "is sent again on a clean path");
        let Ok(start) = usize::try_from(start) else {
            hold!(segment.payload.is_empty(), "a payload that begins on the SYN");
            return Ok(());
        };
        let known = self.content.len().saturating_sub(start).min(segment.payload.len());
        if known > 0 {
            hold!(
                self.content[start..start + known] == segment.payload[..known],
                "bytes {start}..{} differ from those sent before",
                start + known
            );
        }
        let end = start + segment.payload.len();
        if let Some(fin) = self.fin {
            hold!(end <= fin + usize::from(segment.payload.is_empty()), "text behind the FIN");
        }
        self.content.extend_from_slice(&segment.payload[known..]);
        if segment.flags.contains(Flags::FIN) {
            hold!(self.content.len() == end, "a FIN before the end of the text");
            hold!(self.fin.is_none_or(|fin| fin == end), "the FIN moves");
            self.fin = Some(end);
        }
        Ok(())
    }
}

/// A second opinion on the checksums, independent of the stack's own.
fn checksums_hold(frame: &[u8]) -> bool {
    let header = usize::from(frame[0] & 0xf) * 4;
    if sum(&[&frame[..header]]) != 0xffff {
        return false;
    }
    let body = &frame[header..];
    let protocol = frame[9];
    let len = u16::try_from(body.len()).unwrap().to_be_bytes();
    match protocol {
        1 => sum(&[body]) == 0xffff,
        6 => sum(&[&frame[12..20], &[0, protocol], &len, body]) == 0xffff,
        _ => true,
    }
}

/// One's complement sum of the parts; all but the last have an even length.
fn sum(parts: &[&[u8]]) -> u32 {
    let mut total = 0u64;
    for part in parts {
        for pair in part.chunks(2) {
            total += u64::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
        }
    }
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    u32::try_from(total).unwrap()
}
