//! A sender on such a path. It tells its controller what an engine would: samples of the delivery
//! rate as in draft-ietf-ccwg-bbr-06 4.1, losses as soon as three later segments have arrived,
//! time-outs. Every transmission has a number of its own, so that nothing is ambiguous.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::{Bbr, State};
use super::path::MSS;
use crate::tcp::congestion::{Ack, Congestion, CongestionControl, Lost, RateSample, Sent};
use crate::time::Instant;

/// What the application has to send.
#[derive(Clone, Copy, Debug)]
pub(super) enum App {
    /// Without end.
    Bulk,
    /// A segment each time this has passed.
    Every(Duration),
    /// Nothing.
    Silent,
}

/// A transmission in flight.
#[derive(Clone, Copy, Debug)]
struct Transmission {
    sent_at: Instant,
    first_sent_at: Instant,
    delivered: u64,
    delivered_at: Instant,
    lost: u64,
    tx_in_flight: u32,
    app_limited: bool,
}

/// One sender.
pub(super) struct Sender {
    pub(super) bbr: Bbr,
    pub(super) app: App,
    /// Segments that the application has written and that were not sent.
    pub(super) written: u64,
    /// When its pacer lets it send again.
    pub(super) next_send: Instant,
    /// When it will look whether it may; the path's.
    pub(super) wake: Instant,
    /// Acknowledgements so far.
    pub(super) acks: u64,
    /// What has happened to it.
    pub(super) story: Story,

    flying: BTreeMap<u64, Transmission>,
    next: u64,
    delivered_at: Instant,
    first_sent_at: Instant,
    app_limited_to: u64,
    /// The number that was next when the window was full.
    limited_to: u64,
    /// Segments that are lost and were not sent again.
    missing: u64,
    /// The number that was next when a loss was noticed.
    recover: Option<u64>,
    /// It was noticed by the timer.
    timed_out: bool,
    /// The number from which on marks are answered again.
    marks_from: u64,
}

/// What was seen of a sender, bytes and counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Story {
    pub(super) delivered: u64,
    pub(super) sent: u64,
    pub(super) lost: u64,
    pub(super) timeouts: u64,
    /// Its states in their order, and when they began.
    pub(super) states: Vec<(Instant, State)>,
}

impl Sender {
    pub(super) fn new(now: Instant, bbr: Bbr) -> Self {
        Self {
            app: App::Bulk,
            written: 0,
            next_send: now,
            wake: Instant::NEVER,
            acks: 0,
            story: Story { states: vec![(now, bbr.state)], ..Story::default() },
            bbr,
            flying: BTreeMap::new(),
            next: 0,
            delivered_at: now,
            first_sent_at: now,
            app_limited_to: 0,
            limited_to: 0,
            missing: 0,
            recover: None,
            timed_out: false,
            marks_from: 0,
        }
    }

    /// Bytes in flight.
    pub(super) fn inflight(&self) -> u32 {
        self.flying.len() as u32 * MSS
    }

    /// The number of a segment that leaves now, if one may.
    pub(super) fn send(&mut self, now: Instant) -> Option<u64> {
        let bulk = matches!(self.app, App::Bulk);
        let inflight = self.inflight();
        if inflight + MSS > self.bbr.window() {
            self.limited_to = self.next;
            return None;
        }
        if !bulk && self.written == 0 && self.missing == 0 {
            self.app_limited_to = self.story.delivered + u64::from(inflight).max(1);
            return None;
        }
        if now < self.next_send {
            return None;
        }
        let again = self.missing > 0;
        self.missing = self.missing.saturating_sub(1);
        if !again {
            self.written = self.written.saturating_sub(1);
        }
        let app_limited = self.app_limited_to > 0;
        self.bbr.on_sent(now, &Sent { again, app_limited, ..Sent::new(MSS, inflight) });
        self.note_state(now);
        if inflight == 0 {
            self.first_sent_at = now;
            self.delivered_at = now;
        }
        let transmission = Transmission {
            sent_at: now,
            first_sent_at: self.first_sent_at,
            delivered: self.story.delivered,
            delivered_at: self.delivered_at,
            lost: self.story.lost,
            tx_in_flight: inflight + MSS,
            app_limited,
        };
        self.flying.insert(self.next, transmission);
        self.next += 1;
        self.story.sent += u64::from(MSS);
        let rate = self.bbr.pacing_rate().unwrap();
        self.next_send = now + Duration::from_nanos(u64::from(MSS) * 1_000_000_000 / rate);
        Some(self.next - 1)
    }

    pub(super) fn on_ack(&mut self, now: Instant, numbers: &[u64], echo: bool) {
        self.acks += 1;
        let before = self.inflight();
        // What was thought lost and arrives all the same counts for nothing: it was sent again.
        let acked: Vec<_> =
            numbers.iter().filter_map(|n| Some((*n, self.flying.remove(n)?))).collect();
        let Some(&(newest, last)) = acked.last() else { return };
        let arrived = acked.len() as u32 * MSS;
        self.story.delivered += u64::from(arrived);
        self.delivered_at = now;
        self.first_sent_at = last.sent_at;
        if self.story.delivered > self.app_limited_to {
            self.app_limited_to = 0;
        }
        let lost = self.detect_losses(now, newest);
        if echo && newest >= self.marks_from {
            self.marks_from = self.next;
            self.bbr.on_congestion(now, &Congestion::Ecn { flight: before });
        }
        if self.recover.is_some_and(|recover| newest >= recover) {
            self.recover = None;
            if !std::mem::take(&mut self.timed_out) {
                self.bbr.on_recovered(now, self.inflight());
            }
        }
        let ack_elapsed = now - last.delivered_at;
        let rate = RateSample {
            delivered: self.story.delivered - last.delivered,
            interval: ack_elapsed.max(last.sent_at - last.first_sent_at),
            prior_delivered: last.delivered,
            delivered_total: self.story.delivered,
            tx_in_flight: last.tx_in_flight,
            lost: (self.story.lost - last.lost) as u32,
            app_limited: last.app_limited,
        };
        let ack = Ack {
            lost,
            pipe_before: before,
            pipe: self.inflight(),
            acked_total: self.story.delivered,
            sent_total: self.story.delivered
                + u64::from(self.inflight())
                + self.missing * u64::from(MSS),
            rtt: Some(now - last.sent_at),
            window_limited: newest < self.limited_to,
            in_recovery: self.recover.is_some() && !self.timed_out,
            ecn_echo: echo,
            rate: Some(rate),
            ..Ack::in_order(now, arrived, before)
        };
        self.bbr.on_ack(&ack);
        self.note_state(now);
    }

    /// The timer expires, unless there were acknowledgements since it was set. All is lost then.
    pub(super) fn on_timer(&mut self, now: Instant, acks: u64) -> bool {
        if acks != self.acks || self.flying.is_empty() {
            return false;
        }
        let flight = self.inflight();
        for number in self.flying.keys().copied().collect::<Vec<_>>() {
            self.lose(now, number);
        }
        self.story.timeouts += 1;
        self.recover = Some(self.next);
        self.timed_out = true;
        self.bbr.on_congestion(now, &Congestion::Timeout { flight, again: false });
        self.next_send = now;
        self.note_state(now);
        true
    }

    /// What is three numbers behind what has arrived is lost; how many bytes are so newly.
    fn detect_losses(&mut self, now: Instant, newest: u64) -> u32 {
        let flight = self.inflight();
        let late: Vec<u64> =
            self.flying.range(..newest.saturating_sub(2)).map(|(number, _)| *number).collect();
        for number in &late {
            self.lose(now, *number);
        }
        if !late.is_empty() && self.recover.is_none() {
            self.recover = Some(self.next);
            self.bbr.on_congestion(now, &Congestion::Loss { flight });
        }
        late.len() as u32 * MSS
    }

    fn lose(&mut self, now: Instant, number: u64) {
        let Some(lost) = self.flying.remove(&number) else { return };
        self.story.lost += u64::from(MSS);
        self.missing += 1;
        self.bbr.on_lost(
            now,
            &Lost {
                bytes: MSS,
                tx_in_flight: lost.tx_in_flight,
                lost: (self.story.lost - lost.lost) as u32,
                app_limited: lost.app_limited,
            },
        );
        self.note_state(now);
    }

    fn note_state(&mut self, now: Instant) {
        if self.story.states.last().is_none_or(|&(_, state)| state != self.bbr.state) {
            self.story.states.push((now, self.bbr.state));
        }
    }
}
