//! Steps that count in full segments, for rows about loss. The first one is number 1.
//!
//! ```text
//! ack 4                 the peer has everything before the 4th segment
//! ack 4 6-7 9           it holds the 6th, the 7th and the 9th, too: SACK blocks, in this order
//! ack 4 7301:8761       a block in sequence numbers
//! ack 4 6 echo 120      with this timestamp echo; `win 500`: with that window
//! sends 4 6-7           these leave, in this order, whole
//! info cwnd 7300        what the connection tells of itself: bytes, counts, 5mss, 25ms, true
//! ```

use super::harness::{Harness, Outcome};
use super::words::{duration, number};
use crate::tcp::Info;
use crate::wire::{Flags, Options, RawWindow, SackBlocks, Segment, SeqNum, SeqRange, Timestamps};

impl Harness {
    /// A step of this kind that acts; whether it was one.
    pub(super) fn acknowledges(&mut self, verb: &str, rest: &str) -> Result<bool, String> {
        if verb != "ack" {
            return Ok(false);
        }
        let mut words = rest.split_whitespace();
        let ack = self.first_of(words.next().ok_or("of what?")?)?;
        let (mut sack, mut echo, mut window) = (SackBlocks::default(), self.last_stamp, 65_535);
        while let Some(word) = words.next() {
            let mut value = || words.next().map_or(Ok(0), number);
            match word {
                "echo" => echo = u32::try_from(value()?).map_err(|_| "too large an echo")?,
                "win" => window = u16::try_from(value()?).map_err(|_| "too large a window")?,
                _ if sack.push(self.block(word)?) => {}
                _ => return Err("more blocks than fit".into()),
            }
        }
        let value = self.peer.timestamp.map(|first| first.wrapping_add(self.millis()));
        let timestamps = value.map(|value| Timestamps { value, echo });
        let segment = Segment {
            seq: SeqNum::new(self.at.numbers().2.max(1)),
            ack: Some(ack),
            flags: Flags::empty(),
            window: RawWindow(window),
            options: Options { sack, timestamps, ..Options::default() },
            ..Segment::default()
        };
        self.inject(segment, true)?;
        Ok(true)
    }

    /// A step of this kind that looks; whether it was one.
    pub(super) fn counts(&mut self, verb: &str, rest: &str) -> Result<bool, String> {
        match verb {
            "sends" => {
                for word in rest.split_whitespace() {
                    let mut range = self.block(word)?;
                    while range.start.before(range.end) {
                        let next = range.start + self.mss();
                        self.leaves(SeqRange { start: range.start, end: next })?;
                        range.start = next;
                    }
                }
                if let Some(more) = self.emitted.front() {
                    return Err(format!("and {more}"));
                }
            }
            "info" => {
                let (name, wanted) = rest.split_once(' ').ok_or("what is it?")?;
                let now = self.now;
                let info = self.connection().info(now);
                let got = told(&info, name).ok_or(format!("`{name}` is not told"))?;
                let wanted = self.plain(wanted.trim())?;
                if got != wanted {
                    return Err(format!("it is {got}, not {wanted}"));
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn leaves(&mut self, range: SeqRange) -> Outcome {
        let sent = self.emitted.pop_front().ok_or(format!("{} was not sent", range.start))?;
        let len = u32::try_from(sent.payload.len()).unwrap();
        if SeqRange::of_len(sent.seq, len) == range {
            return Ok(());
        }
        Err(format!("sent {sent}, not {}:{}", range.start, range.end))
    }

    fn mss(&mut self) -> u32 {
        let now = self.now;
        self.connection().info(now).mss
    }

    /// `4`: the first number of the 4th segment; `=1461`: a number as it is.
    fn first_of(&mut self, word: &str) -> Result<SeqNum, String> {
        if let Some(exact) = word.strip_prefix('=') {
            return Ok(SeqNum::new(u32::try_from(number(exact)?).unwrap()));
        }
        let index = u32::try_from(number(word)?).unwrap();
        // Modulo 2^32, as sequence numbers are: the segment before the first ends with the SYN.
        Ok(SeqNum::new(1) + index.wrapping_sub(1).wrapping_mul(self.mss()))
    }

    /// `4`, `4-6` or `5841:7301`.
    fn block(&mut self, word: &str) -> Result<SeqRange, String> {
        if let Some((start, end)) = word.split_once(':') {
            let at = |text| number(text).map(|raw| SeqNum::new(u32::try_from(raw).unwrap()));
            return Ok(SeqRange { start: at(start)?, end: at(end)? });
        }
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let (start, last) = (self.first_of(first)?, self.first_of(last)?);
        Ok(SeqRange { start, end: last + self.mss() })
    }

    /// `5mss` as bytes, `25ms` as the library prints it, everything else as it is.
    fn plain(&mut self, value: &str) -> Result<String, String> {
        if let Some(count) = value.strip_suffix("mss") {
            return Ok((number(count)? * self.mss() as usize).to_string());
        }
        let is_time = value.starts_with(|c: char| c.is_ascii_digit()) && value.ends_with('s');
        if is_time { Ok(format!("{:?}", duration(value)?)) } else { Ok(value.to_owned()) }
    }
}

fn told(info: &Info, name: &str) -> Option<String> {
    Some(match name {
        "cwnd" => info.cwnd.to_string(),
        "ssthresh" => info.ssthresh.to_string(),
        "unacked" => info.unacked.to_string(),
        "in_flight" => info.in_flight.to_string(),
        "sacked" => info.sacked.to_string(),
        "lost" => info.lost.to_string(),
        "lost_segments" => info.lost_segments.to_string(),
        "retransmissions" => info.retransmissions.to_string(),
        "rto_expirations" => info.rto_expirations.to_string(),
        "tail_probes" => info.tail_probes.to_string(),
        "dsacks" => info.dsacks.to_string(),
        "undone" => info.undone.to_string(),
        "app_limited" => info.delivery_rate_app_limited.to_string(),
        "reordering" => info.reordering.to_string(),
        "reordering_window" => format!("{:?}", info.reordering_window),
        "min_rtt" => format!("{:?}", info.min_rtt?),
        "srtt" => format!("{:?}", info.srtt?),
        "rto" => format!("{:?}", info.rto),
        "backoff" => info.backoff.to_string(),
        _ => return None,
    })
}
