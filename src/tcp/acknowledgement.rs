//! What does an acknowledgement tell? RFC 9293 3.10.7.4, fifth step, for the synchronised states: it
//! frees what is acknowledged, is asked for the round trip and for what is lost, and brings the
//! peer's window.

use std::time::Duration;

use super::congestion::Ack;
use super::harvest::News;
use super::rack::RoundTrips;
use super::state::{Event, State};
use super::tcb::{Ending, Tcb};
use super::{Discard, Signals};
use crate::time::Instant;
use crate::wire::{SackBlocks, Segment, SeqNum, SeqRange};

/// What an acknowledgement has told of what was sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    /// Something has arrived behind a gap.
    Behind,
    /// Something has arrived in order, or that was believed lost: the retransmission timer starts
    /// anew (RFC 6298 5.2, 5.3, RFC6298-5.2, RFC6298-5.3).
    InOrder,
}

impl Tcb {
    /// RFC 9293 3.10.7.4, fifth.
    pub(super) fn take_ack(&mut self, now: Instant, segment: &Segment<'_>) -> Result<(), Discard> {
        let ack = segment.ack.ok_or(Discard::MissingAck)?;
        if ack.after(self.snd.nxt) {
            self.challenge(now);
            return Err(Discard::FutureAck);
        }
        if ack.before(self.snd.una - self.snd.max_wnd) {
            // RFC 5961 5.2.
            self.challenge(now);
            return Err(Discard::AncientAck);
        }
        let wnd = segment.window.scaled(self.snd.shift);
        let had = self.snd.wnd;
        let told = self.take_news(now, segment, ack, wnd);
        if !ack.before(self.snd.una) && self.snd.update_window(segment.seq, ack, wnd) {
            self.window_moved(now, had);
        }
        if told == Told::InOrder {
            // After the window was taken over: it decides which timer it is.
            self.arm_retransmit(now);
        }
        self.defer_retransmit();
        if told != Told::Nothing {
            self.arm_tail_probe(now);
        }
        if self.snd.window_closed() {
            // The peer answers: the backoff of the probes goes on, patience begins anew.
            self.recovery.renew_patience(now);
        }
        Ok(())
    }

    /// What the acknowledgement tells of what was sent.
    fn take_news(&mut self, now: Instant, segment: &Segment<'_>, ack: SeqNum, wnd: u32) -> Told {
        let none = SackBlocks::default();
        let una = self.snd.una;
        let advances = ack.after(una);
        let awaits_echo = segment.payload.is_empty() && self.recovery.probes();
        if self.snd.outstanding() == 0 && segment.options.sack.is_empty() && !awaits_echo {
            return Told::Nothing;
        }
        let timestamps = segment.options.timestamps;
        let echo = self.timestamps.zip(timestamps).map(|(clock, theirs)| clock.echo(theirs.echo));
        let blocks = if self.sack { &segment.options.sack } else { &none };
        let news = News {
            now,
            una,
            ack: ack.later(una),
            nxt: self.snd.nxt,
            blocks,
            reported: self.told_twice(ack, blocks),
            sack: self.sack,
            duplicate: self.is_duplicate(segment, ack, wnd),
            echo,
            mss: self.mss(),
            trips: self.round_trips(),
            new_data: self.snd.has_unsent() && self.snd.usable() > 0,
        };
        let flight = self.snd.outstanding();
        let ecn_echo = self.take_echo(now, segment, ack);
        let rtt = if advances { self.measure(now, segment, ack) } else { None };
        let findings = self.recovery.on_ack(&news, self.congestion.as_mut());
        self.note_reduction(findings.once);
        if let Some(rtt) = findings.rtt {
            self.rtt.note_least(now, rtt);
        }
        if let Some(sample) = findings.rate {
            let rate = sample.bytes_per_second();
            if !sample.app_limited || rate >= self.delivery_rate {
                self.delivery_rate = rate;
                self.rate_app_limited = sample.app_limited;
            }
        }
        let fin_acked = advances && self.snd.acknowledge(ack);
        self.judge_mtu_probe(now);
        if let Some(flight) = self.recovery.flight_mut().filter(|_| advances) {
            flight.advanced(now, ack);
        }
        if findings.undone {
            self.rtt.forgive();
            self.ecn.on_undone();
        }
        if advances || findings.delivered > 0 {
            self.congestion.on_ack(&Ack {
                delivered: findings.delivered,
                growth: if advances || self.recovery.reorders() { findings.delivered } else { 0 },
                lost: findings.lost,
                pipe_before: findings.pipe_before,
                pipe: self.pipe(),
                acked_total: self.snd.acked,
                sent_total: self.snd.acked + u64::from(self.snd.outstanding()),
                rtt: findings.rtt.or(rtt),
                min_rtt: self.rtt.least(),
                srtt: self.rtt.smoothed(),
                window_limited: self.was_window_limited(&news),
                in_recovery: findings.in_recovery,
                ecn_echo,
                rate: findings.rate,
                ..Ack::in_order(now, news.ack.since(una), flight)
            });
        }
        self.recovery.regulate(&news, &findings, self.congestion.as_ref());
        if advances {
            self.note_progress(now, fin_acked);
        }
        if advances || findings.undone {
            Told::InOrder
        } else if findings.delivered > 0 {
            Told::Behind
        } else {
            Told::Nothing
        }
    }

    /// Whether what `news` tells of was sent when the congestion window was used up, or, in slow
    /// start, half of it, as in Linux: the window may grow to twice what was in flight, and no
    /// further while the application is the limit (RFC 7661 4.4, RFC 9438 5.8).
    fn was_window_limited(&self, news: &News<'_>) -> bool {
        let window = self.congestion.window();
        let slow_start = window < self.congestion.ssthresh();
        let Some(usage) = self.recovery.flight().map(|flight| &flight.usage) else { return false };
        usage.was_limited(news) || slow_start && window < usage.most.saturating_mul(2)
    }

    /// RFC 2883 5, RFC2883-5: what has arrived twice is known by the ACK that it is told with, not by
    /// SND.UNA: an ACK that was overtaken reports what was above it when it left.
    fn told_twice(&self, ack: SeqNum, blocks: &SackBlocks) -> Option<SeqRange> {
        let twice = blocks.duplicate(ack)?;
        let ours = twice.start.before(twice.end) && !twice.end.after(self.snd.nxt);
        ours.then_some(twice)
    }

    fn note_progress(&mut self, now: Instant, fin_acked: bool) {
        self.soft_error = None;
        self.tune_send_buffer();
        if self.is_writable() {
            self.signals |= Signals::WRITABLE;
        }
        if fin_acked {
            self.fin_acknowledged(now);
        }
    }

    /// RFC 5681 2, RFC5681-2-dupack: outstanding data, no text, no SYN or FIN, the same ACK, the same
    /// window. With SACK, one that reports only what came twice is none (RFC 2883, 5); whether the
    /// rest is news is for the scoreboard to say (RFC 6675 2, RFC6675-2-dup).
    fn is_duplicate(&self, segment: &Segment<'_>, ack: SeqNum, wnd: u32) -> bool {
        let blocks = &segment.options.sack;
        self.snd.outstanding() > 0
            && ack == self.snd.una
            && segment.is_empty()
            && wnd == self.snd.wnd
            && wnd > 0
            && (!self.sack || blocks.duplicate(ack).is_none())
    }

    /// How long round trips take, as far as is known.
    pub(super) fn round_trips(&self) -> RoundTrips {
        // None at all is what a clock tells that is too coarse.
        let told = |trip: Option<Duration>| trip.filter(|trip| !trip.is_zero());
        RoundTrips { min: told(self.rtt.least()), smoothed: told(self.rtt.smoothed()) }
    }

    /// A sample from the segment that is timed, or, where retransmission has spoilt that, from the
    /// timestamp echo (RFC 6298, 3; RFC 7323, 4.1).
    fn measure(&mut self, now: Instant, segment: &Segment<'_>, ack: SeqNum) -> Option<Duration> {
        let smoothed = self.rtt.smoothed();
        let timing = &mut self.recovery.flight_mut()?.timing;
        let rtt = if timing.runs() {
            timing.end(now, ack)
        } else {
            let echo = segment.options.timestamps.map(|theirs| theirs.echo);
            let clock = self.timestamps.as_ref();
            let rtt = clock.zip(echo).and_then(|(clock, echo)| clock.round_trip(now, echo));
            rtt.filter(|&rtt| timing.is_credible(now, rtt, smoothed))
        };
        if let Some(rtt) = rtt {
            self.rtt.sample(rtt, &self.config);
            self.recovery.note_measured();
        }
        rtt
    }

    fn fin_acknowledged(&mut self, now: Instant) {
        self.state = self.state.after(Event::FinAcked);
        self.signals |= Signals::WRITABLE;
        if self.state == State::Closed {
            self.end(Ending { error: None, reset: false });
        }
        self.arm_orphan(now);
    }

    /// The peer's window has changed from `had`.
    fn window_moved(&mut self, now: Instant, had: u32) {
        let opened = had == 0 && self.snd.wnd > 0;
        if opened {
            // Not where it was closed for a moment only, which may happen again and again.
            let probed = self.snd.probes > 0;
            self.snd.probes = 0;
            self.snd.probe_due = false;
            self.recovery.renew_patience(now);
            if self.snd.outstanding() > 0 && probed {
                // The probe, and what the window shrank away from, was thrown away.
                let sent = self.sent();
                self.recovery.rewind(sent);
                self.recovery.stop_timing(now);
            }
        }
        if opened || self.snd.wnd == 0 && had > 0 {
            self.arm_retransmit(now);
        }
    }
}
