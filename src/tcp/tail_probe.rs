//! Is the tail lost? When the last segments of a flight are, nothing arrives behind them that would
//! tell: a probe after two round trips brings an acknowledgement, and with it SACK blocks, long
//! before the time-out (RFC 8985, 7).

use std::time::Duration;

use super::congestion::{Congestion, CongestionControl};
use super::flight::{Flight, Mode};
use super::harvest::News;
use super::rack::RoundTrips;
use super::recovery::Recovery;
use crate::time::Instant;
use crate::wire::SeqNum;

/// How long a peer may delay the acknowledgement of a single segment (RFC 8985 7.2,
/// `TLP.max_ack_delay`).
const MAX_ACK_DELAY: Duration = Duration::from_millis(200);

/// Room for the peer's scheduler where round trips are shorter than that, as Linux gives.
const SLACK: Duration = Duration::from_millis(2);

/// Before there is a sample (RFC 8985, 7.2).
const UNKNOWN: Duration = Duration::from_secs(1);

/// A probe that was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct TailProbe {
    /// SND.NXT then (`TLP.end_seq`).
    pub(super) end: SeqNum,
    /// It was no new data (`TLP.is_retrans`).
    pub(super) again: bool,
}

/// What an acknowledgement means for a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing yet.
    Open,
    /// Nothing was lost, or what was is found by others.
    Idle,
    /// The probe has repaired a loss.
    Repaired,
}

/// How long after the last sending the probe follows (RFC 8985 7.2, RFC8985-7.2): `alone`: less than
/// two full segments are in flight, whose acknowledgement the peer may delay (RFC 5681, 4.2).
pub(super) fn patience(trips: &RoundTrips, alone: bool) -> Duration {
    let spare = if alone { MAX_ACK_DELAY } else { SLACK };
    trips.smoothed.map_or(UNKNOWN, |smoothed| smoothed * 2 + spare)
}

impl TailProbe {
    /// RFC 8985 7.4: the loss that a probe has repaired wants an answer; a duplicate ACK or a D-SACK
    /// tells that there was none.
    pub(super) fn judge(&self, news: &News<'_>) -> Verdict {
        if news.ack.before(self.end) {
            return Verdict::Open;
        }
        let twice = news.reported.is_some_and(|range| range.end == self.end);
        // Where nothing is outstanding any more no ACK is a duplicate (RFC 5681 2): any counts.
        let second = news.duplicate || !news.advances() && news.nxt == news.ack;
        let echoed = second && news.blocks.is_empty();
        if !self.again || twice {
            Verdict::Idle
        } else if news.ack.after(self.end) {
            Verdict::Repaired
        } else if echoed {
            Verdict::Idle
        } else {
            Verdict::Open
        }
    }
}

impl Recovery {
    /// Sets the timer of the tail probe (RFC 8985 7.2, RFC8985-7.2): new data was sent, or
    /// acknowledged. Not while anything tells of a loss, nor behind a probe that nobody has
    /// answered (RFC8985-7.3-a). In a repair whose segments are all sent it is RFC 6675's rescue
    /// retransmission, once (4, NextSeg 4).
    pub(super) fn set_probe_timer(
        &mut self,
        now: Instant,
        rto_at: Instant,
        trips: &RoundTrips,
        mss: u32,
    ) {
        let measured = self.measured;
        let Some(flight) = self.flight.as_deref_mut() else { return };
        let quiet = flight.board.sacked() == 0 && flight.probe.is_none() && measured;
        let wanted = match flight.mode {
            Mode::Open | Mode::Reduced(_) => quiet,
            Mode::Fast(_) => !flight.rescued && flight.board.lost() == 0 && !flight.has_reneged(),
            Mode::Timeout { .. } => false,
        };
        flight.probe_at = match flight.board.first() {
            Some(first) if wanted && !flight.probe_due => {
                let last = flight.board.last().unwrap_or(first);
                let alone = last.range.end.since(first.range.start) < 2 * mss;
                (now + patience(trips, alone)).min(rto_at)
            }
            _ => Instant::NEVER,
        };
    }

    /// It is time for the probe.
    pub(super) fn probe_now(&mut self) {
        if let Some(flight) = self.flight.as_deref_mut() {
            flight.probe_due = true;
        }
    }

    /// The probe was sent: new data, or what was outstanding last `again` (RFC8985-7.3-b).
    pub(super) fn probed(&mut self, nxt: SeqNum, again: bool) {
        let Some(flight) = self.flight.as_deref_mut() else { return };
        flight.probe_due = false;
        flight.probe_at = Instant::NEVER;
        if flight.in_fast_recovery() {
            flight.rescued = true;
        } else {
            flight.probe = Some(TailProbe { end: nxt, again });
        }
        self.measured = false;
        let tally = self.tally.troubles_mut();
        tally.probes = tally.probes.saturating_add(1);
    }

    /// Whether a tail probe was sent, and nobody has told yet what for.
    pub(super) fn probes(&self) -> bool {
        self.flight().is_some_and(|flight| flight.probe.is_some())
    }

    /// What has become of the tail probe.
    pub(super) fn judge_probe(
        &mut self,
        flight: &mut Flight,
        news: &News<'_>,
        congestion: &mut dyn CongestionControl,
    ) {
        // One that found no room to be sent in time has no reason any more.
        flight.probe_due = false;
        let verdict = flight.probe.map_or(Verdict::Open, |probe| probe.judge(news));
        if verdict == Verdict::Repaired && flight.mode == Mode::Open {
            // RFC 8985 7.4, RFC8985-7.4: one answer to the loss that the probe has repaired.
            let outstanding = news.nxt.since(news.una).min(congestion.window());
            congestion.on_congestion(news.now, &Congestion::Loss { flight: outstanding });
            congestion.on_recovered(news.now, news.nxt.since(news.ack));
            self.reduced = true;
        }
        if verdict != Verdict::Open {
            flight.probe = None;
        }
    }
}
