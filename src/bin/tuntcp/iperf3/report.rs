//! What people read: the lines of iperf3.

use std::io;

use tuntcp::TcpStream;

use super::meter::{Interval, Part};

#[cfg(test)]
mod tests;

/// Between intervals of several streams, and before the end.
pub(crate) const RULE: &str = "- - - - - - - - - - - - - - - - - - - - - - - - -";

/// How a test is told.
#[derive(Clone, Copy)]
pub(crate) struct Style {
    /// Which side tells it, `S` or `C`, where that is to be told.
    role: Option<char>,
    /// Whether there is a column for what was sent again.
    sends: bool,
}

impl Style {
    /// `sends`: whether this side does, on any of its streams.
    pub(crate) fn new(side: char, bidirectional: bool, sends: bool) -> Self {
        Self { role: bidirectional.then_some(side), sends }
    }

    /// Above the intervals.
    pub(crate) fn header(self) -> String {
        self.columns(if self.sends { "         Retr  Cwnd" } else { "" })
    }

    /// Above the totals. `retransmits`: whether those are told.
    pub(crate) fn total_header(self, retransmits: bool) -> String {
        self.columns(if retransmits { "         Retr" } else { "" })
    }

    fn columns(self, more: &str) -> String {
        let role = if self.role.is_some() { "[Role]" } else { "" };
        format!("[ ID]{role} Interval           Transfer     Bitrate{more}")
    }

    /// A line for each stream, and one for all where there are several in one direction.
    pub(crate) fn interval(self, interval: &Interval) -> Vec<String> {
        let note = if interval.omitted { "(omitted)" } else { "" };
        let mut lines = Vec::new();
        for sends in [true, false] {
            let rows: Vec<_> = interval.rows.iter().filter(|row| row.sends == sends).collect();
            for row in &rows {
                let cwnd = sends.then_some(row.info.cwnd);
                lines.push(self.line(Some(row.id), sends, &row.part, cwnd, note));
            }
            if let Some(sum) = Part::sum(rows.iter().map(|row| row.part)).filter(|_| rows.len() > 1)
            {
                lines.push(self.line(None, sends, &sum, None, note));
            }
        }
        lines
    }

    /// A line of the totals: of one stream or of all, as its sender or its receiver saw it. `sends`:
    /// whether this side was the sender.
    pub(crate) fn total(self, id: Option<u32>, sends: bool, part: &Part, by: &str) -> String {
        self.line(id, sends, part, None, by)
    }

    fn line(
        self,
        id: Option<u32>,
        sends: bool,
        part: &Part,
        cwnd: Option<u32>,
        note: &str,
    ) -> String {
        let id = id.map_or("SUM".into(), |id| format!("{id:>3}"));
        let way = if sends { "TX" } else { "RX" };
        let role = self.role.map(|side| format!("[{way}-{side}]")).unwrap_or_default();
        let (start, end) = (part.start, part.end);
        let (bytes, bits) = (bytes(part.bytes as f64), bits(part.bits_per_second()));
        let rest = match (part.retransmits, cwnd) {
            (None, _) => format!("                  {note}"),
            (Some(count), None) => format!("  {count:>3}             {note}"),
            (Some(count), Some(cwnd)) => {
                format!("  {count:>3}   {}       {note}", self::bytes(cwnd.into()))
            }
        };
        format!("[{id}]{role} {start:>6.2}-{end:<6.2} sec  {bytes}  {bits}/sec{rest}")
            .trim_end()
            .into()
    }
}

/// Who talks to whom.
pub(crate) fn connected(id: u32, stream: &TcpStream) -> io::Result<String> {
    let (local, peer) = (stream.local_addr()?, stream.peer_addr()?);
    Ok(format!(
        "[{id:>3}] local {} port {} connected to {} port {}",
        local.ip(),
        local.port(),
        peer.ip(),
        peer.port()
    ))
}

fn bytes(number: f64) -> String {
    scaled(number, 1024.0, ["Bytes", "KBytes", "MBytes", "GBytes", "TBytes"])
}

fn bits(number: f64) -> String {
    scaled(number, 1000.0, ["bits", "Kbits", "Mbits", "Gbits", "Tbits"])
}

/// Three digits and the unit that takes them.
fn scaled(mut number: f64, step: f64, units: [&str; 5]) -> String {
    let mut unit = 0;
    while number >= step && unit + 1 < units.len() {
        number /= step;
        unit += 1;
    }
    let digits = match number {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{number:>4.digits$} {}", units[unit])
}
