//! The Transmission Control Block: everything that an open connection knows (RFC 9293, 3.3.1).

use std::sync::Arc;
use std::time::Duration;

use super::blind::Challenges;
use super::buffers::ReceiveBuffer;
use super::congestion::{self, CongestionControl};
use super::ecn::Ecn;
use super::fast_open::Unconfirmed;
use super::flight::Flight;
use super::handshake::Opening;
use super::mtu_search::MtuSearch;
use super::negotiation::Negotiated;
use super::pacing::Pacer;
use super::receive::ReceiveHalf;
use super::recovery::Recovery;
use super::rtt::Rtt;
use super::send::SendHalf;
use super::state::{Event, State};
use super::stopwatch::Stopwatch;
use super::timers::{Timers, expire};
use super::timestamps::TimestampClock;
use super::{Config, Error, Signals};
use crate::time::Instant;
use crate::wire::{SeqNum, SeqRange, ip, tcp};

/// An open connection: ESTABLISHED to LAST-ACK.
#[derive(Debug)]
pub(super) struct Tcb {
    pub(super) config: Arc<Config>,
    pub(super) state: State,
    pub(super) snd: SendHalf,
    pub(super) rcv: ReceiveHalf,
    pub(super) rtt: Rtt,
    pub(super) recovery: Recovery,
    pub(super) congestion: Box<dyn CongestionControl>,
    pub(super) pacer: Pacer,
    pub(super) timers: Timers,
    /// Bytes of an IP and a TCP header without options.
    pub(super) headers: u8,
    /// Largest IP packet that the path takes, bytes; not asked yet: any.
    pub(super) path_mtu: u32,
    /// What larger packets than these get through, since some did not.
    pub(super) search: Option<Box<MtuSearch>>,
    /// Windows are scaled, whatever the shifts are.
    pub(super) window_scaling: bool,
    /// SACK was negotiated.
    pub(super) sack: bool,
    /// Timestamps, if negotiated.
    pub(super) timestamps: Option<TimestampClock>,
    /// Marks of congestion.
    pub(super) ecn: Ecn,
    /// RCV.NXT as last sent.
    pub(super) last_ack_sent: SeqNum,
    /// An acknowledgement shall go out even if nothing else does: one, however often it is asked for
    /// (RFC 5681 4.2, RFC5681-4.2-c).
    pub(super) ack_owed: bool,
    /// It is owed for the peer's FIN and for nothing else, and all before that was acknowledged.
    pub(super) only_fin_owed: bool,
    /// Duplicates of it that shall follow: one for each further segment behind a gap.
    pub(super) more_acks: u8,
    /// Our FIN goes with the acknowledgement of the peer's once more (`Config::repeat_fin`).
    pub(super) fin_again: bool,
    /// A keep-alive probe shall go out.
    pub(super) keepalive_owed: bool,
    /// Keep-alive probes without an answer.
    pub(super) keepalive_probes: u8,
    /// When an acceptable segment arrived last.
    pub(super) heard_at: Instant,
    /// When text arrived last, or the connection opened.
    pub(super) text_at: Instant,
    /// What sending has waited for.
    pub(super) stopwatch: Stopwatch,
    /// The application let go of the connection.
    pub(super) orphaned: bool,
    /// Challenge ACKs of late.
    pub(super) challenges: Challenges,
    /// Segments sent since the connection opened.
    pub(super) segments_out: u32,
    /// Those of them with text.
    pub(super) data_segments_out: u32,
    /// Segments received since then.
    pub(super) segments_in: u32,
    /// Those of them with text.
    pub(super) data_segments_in: u32,
    /// The last delivery rate that says something of the path, bytes a second.
    pub(super) delivery_rate: u64,
    /// The application, not the path, was its limit.
    pub(super) rate_app_limited: bool,
    /// Trouble that does not end the connection (RFC 9293 3.9.1.8, MUST-47).
    pub(super) soft_error: Option<Error>,
    /// What has changed for those outside since they asked last.
    pub(super) signals: Signals,
    /// The connection is over, and how.
    pub(super) ending: Option<Ending>,
    /// The peer has not acknowledged our SYN yet (RFC 7413).
    pub(super) unconfirmed: Option<Box<Unconfirmed>>,
}

/// How an open connection ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    /// What the application is told.
    pub(super) error: Option<Error>,
    /// The peer is told by a RST.
    pub(super) reset: bool,
}

impl Tcb {
    /// The handshake is complete; `buffer` is what our SYN told of.
    pub(super) fn new(
        now: Instant,
        opening: &Opening,
        buffer: ReceiveBuffer,
        negotiated: &Negotiated,
    ) -> Self {
        let (iss, syn_retries) = (opening.iss, u32::from(opening.retries));
        let config = Arc::clone(&opening.config);
        let snd = SendHalf::new(iss, negotiated, config.send_buffer.initial, now);
        let rcv = ReceiveHalf::new(negotiated, buffer);
        let mss =
            u32::from(snd.mss) - u32::from(negotiated.timestamps.map_or(0, |_| TIMESTAMP_BYTES));
        let start = congestion::Start {
            sack: negotiated.sack,
            seed: seed(iss, negotiated.irs),
            ..congestion::Start::new(now, mss, initial_window(&config, mss, syn_retries > 1))
        };
        let mut tcb = Self {
            state: State::Established,
            rtt: Rtt::new(&config),
            recovery: Recovery::new(iss, syn_retries),
            congestion: config.congestion.start(start),
            pacer: Pacer::new(),
            timers: Timers::new(),
            headers: opening.headers,
            path_mtu: u32::MAX,
            search: None,
            window_scaling: negotiated.scaling,
            sack: negotiated.sack,
            timestamps: negotiated.timestamps,
            ecn: Ecn::new(negotiated.ecn, iss + 1),
            last_ack_sent: rcv.nxt,
            ack_owed: false,
            only_fin_owed: false,
            more_acks: 0,
            fin_again: false,
            keepalive_owed: false,
            keepalive_probes: 0,
            heard_at: now,
            text_at: now,
            stopwatch: Stopwatch::new(),
            orphaned: false,
            challenges: Challenges::new(now),
            segments_out: 0,
            data_segments_out: 0,
            segments_in: 0,
            data_segments_in: 0,
            delivery_rate: 0,
            rate_app_limited: false,
            soft_error: None,
            signals: Signals::empty(),
            ending: None,
            unconfirmed: None,
            snd,
            rcv,
            config,
        };
        tcb.arm_keepalive(now);
        tcb
    }

    /// The connection is one of IPv6.
    pub(super) fn is_v6(&self) -> bool {
        usize::from(self.headers) > ip::IPV4_HEADER + tcp::HEADER
    }

    /// Another algorithm was chosen: its controller takes over.
    pub(super) fn change_controller(&mut self, now: Instant) {
        let mss = self.mss();
        let initial_window = initial_window(&self.config, mss, false);
        self.congestion = self.config.congestion.start(congestion::Start {
            window: self.congestion.window(),
            ssthresh: self.congestion.ssthresh(),
            srtt: self.rtt.smoothed(),
            sack: self.sack,
            seed: seed(self.snd.nxt, self.rcv.nxt),
            ..congestion::Start::new(now, mss, initial_window)
        });
    }

    /// What is outstanding.
    pub(super) fn sent(&self) -> SeqRange {
        SeqRange { start: self.snd.una, end: self.snd.nxt }
    }

    /// Payload of a full-sized segment, bytes: what the peer and the path take (RFC 6691: fixed
    /// options subtracted).
    pub(super) fn mss(&self) -> u32 {
        let path = self.packet_size().saturating_sub(self.headers.into());
        let options = u32::from(self.timestamps.map_or(0, |_| TIMESTAMP_BYTES));
        u32::from(self.snd.mss).min(path).saturating_sub(options).max(1)
    }

    /// CLOSE of the sending direction (RFC 9293 3.10.4): a FIN stands behind what is queued.
    pub(super) fn close_sending(&mut self) {
        if self.state.may_send() {
            self.snd.closed = true;
            self.state = self.state.after(Event::Close);
            self.signals |= Signals::WRITABLE;
        }
    }

    /// The application lets go. Unread data means a RST, so that the peer learns that it was lost
    /// (RFC 9293 3.6.1, SHLD-3).
    pub(super) fn orphan(&mut self, now: Instant) {
        self.orphaned = true;
        if !self.rcv.queue.is_empty() {
            self.end(Ending { error: Some(Error::Aborted), reset: true });
            return;
        }
        self.close_sending();
        self.arm_orphan(now);
    }

    /// An orphan does not wait for the peer's FIN for ever.
    pub(super) fn arm_orphan(&mut self, now: Instant) {
        if self.orphaned && self.state == State::FinWait2 {
            self.timers.orphan = now + self.config.orphan_timeout;
        }
    }

    /// The connection is over.
    pub(super) fn end(&mut self, ending: Ending) {
        self.state = self.state.after(Event::End);
        self.ending.get_or_insert(ending);
    }

    /// Keep-alive was set anew, or stopped.
    pub(super) fn restart_keepalive(&mut self, now: Instant) {
        self.keepalive_probes = 0;
        self.arm_keepalive(now);
    }

    /// When `on_timeout` wants to be called.
    pub(super) fn next_timeout(&self) -> Instant {
        let sending = self.recovery.next_timeout().min(self.pacer.next_timeout());
        self.timers.next().min(sending).min(self.confirmation_timeout())
    }

    /// Sets the timer of the tail probe, where probes may be (RFC 8985 4, RFC8985-4-a: with SACK).
    pub(super) fn arm_tail_probe(&mut self, now: Instant) {
        if self.sack && self.config.tail_probe && !self.snd.window_closed() {
            let trips = self.round_trips();
            self.recovery.set_probe_timer(now, self.timers.retransmit, &trips, self.mss());
        }
    }

    fn arm_keepalive(&mut self, now: Instant) {
        self.timers.keepalive = self.config.keepalive.map_or(Instant::NEVER, |k| now + k.idle);
    }

    /// How long the peer may leave us without progress: R2, or the user timeout.
    fn patience(&self) -> Duration {
        self.config.user_timeout.unwrap_or(self.config.r2)
    }

    /// Starts the retransmission timer anew (RFC 6298, 5.3), or the one that stands in for it.
    pub(super) fn arm_retransmit(&mut self, now: Instant) {
        let rto = self.time_out();
        self.timers.retransmit = if self.snd.window_closed() {
            // RFC 9293 3.8.6.1, SHLD-29, SHLD-30: one RTO after it closed, then ever more rarely.
            let wait = rto.saturating_mul(1 << self.snd.probes.min(20)).min(self.config.rto_max);
            let end = if self.snd.outstanding() > 0 {
                self.recovery.stuck_since(now) + self.patience()
            } else {
                Instant::NEVER
            };
            (now + wait).min(end.max(now + self.config.rto_min))
        } else if self.snd.outstanding() > 0 {
            (now + rto).min((self.recovery.stuck_since(now) + self.patience()).max(now))
        } else if self.snd.has_unsent() {
            self.ecn.held_until().unwrap_or(now + self.config.override_timeout)
        } else {
            Instant::NEVER
        };
        self.defer_retransmit();
    }

    /// RFC 8985 8, RFC8985-8: while the reordering timer runs the other one does not matter.
    pub(super) fn defer_retransmit(&mut self) {
        let flight = self.recovery.flight().filter(|flight| !flight.reorder_at.is_never());
        if let Some(flight) = flight.filter(|_| !self.snd.window_closed()) {
            self.timers.retransmit = self.timers.retransmit.max(flight.reorder_at);
        }
    }

    /// The time-out, backoff included (RFC 6298); less where the peer seems to have thrown away what
    /// it had reported. As in Linux it has the time to tell otherwise: the oddity of a moment shall
    /// not cost a whole flight.
    fn time_out(&self) -> Duration {
        let rto = self.rtt.rto(&self.config);
        let reneged = self.recovery.flight().is_some_and(Flight::has_reneged);
        let half = self.rtt.smoothed().unwrap_or_default() / 2;
        if reneged { rto.min(half.max(RENEGING)) } else { rto }
    }

    /// Starts the retransmission timer if something waits for it and it does not run
    /// (RFC 6298 5.1, RFC6298-5.1).
    pub(super) fn ensure_timer(&mut self, now: Instant) {
        if self.timers.retransmit.is_never() {
            self.arm_retransmit(now);
        }
    }

    /// Timers that are due do what they are for.
    pub(super) fn on_timeout(&mut self, now: Instant) {
        self.on_confirmation_timer(now);
        self.on_recovery_timers(now);
        if expire(&mut self.timers.retransmit, now) {
            self.on_retransmit_timer(now);
        }
        if expire(&mut self.timers.delayed_ack, now) {
            self.ack_owed = true;
        }
        if expire(&mut self.timers.keepalive, now) {
            self.on_keepalive_timer(now);
        }
        if expire(&mut self.timers.orphan, now) {
            self.end(Ending { error: None, reset: false });
        }
    }

    /// The reordering window has passed, or two round trips without a word.
    fn on_recovery_timers(&mut self, now: Instant) {
        self.pacer.on_timeout(now);
        let Some(flight) = self.recovery.flight_mut() else { return };
        let probe = expire(&mut flight.probe_at, now);
        let reorder = expire(&mut flight.reorder_at, now);
        if self.snd.window_closed() {
            return;
        }
        if probe && self.may_probe() {
            // RFC 8985 8, RFC8985-8: the time-out begins anew behind the probe.
            self.recovery.probe_now();
            self.arm_retransmit(now);
        }
        if reorder {
            // RFC 8985 8, RFC8985-8: and behind this one.
            self.arm_retransmit(now);
            let (sent, mss, trips) = (self.sent(), self.mss(), self.round_trips());
            let congestion = self.congestion.as_mut();
            self.recovery.on_reorder_timer(now, sent, &trips, mss, congestion);
            self.note_reduction(false);
            self.judge_mtu_probe(now);
        }
    }

    fn on_retransmit_timer(&mut self, now: Instant) {
        if self.snd.window_closed() {
            // MUST-37: as long as the peer answers, a closed window is no reason to give up.
            // Only a probe that is under way can lack an answer.
            if self.snd.outstanding() > 0 && now - self.recovery.stuck_since(now) >= self.patience()
            {
                return self.give_up();
            }
            self.snd.probe_due = true;
            self.snd.probes = self.snd.probes.saturating_add(1);
        } else if self.snd.outstanding() > 0 {
            if now - self.recovery.stuck_since(now) >= self.patience() {
                return self.give_up();
            }
            // RFC 6298 5.4 to 5.6, RFC6298-5.6; RFC 9293 3.8.1.
            self.rtt.back_off();
            self.recovery.stop_timing(now);
            let sent = self.sent();
            let trips = self.round_trips();
            self.recovery.on_timeout(now, sent, self.sack, &trips, self.congestion.as_mut());
            self.note_reduction(false);
            self.judge_mtu_probe(now);
            self.suspect_black_hole(now);
            if self.recovery.timeouts() >= self.config.r1 {
                // RFC 9293 3.8.3, SHLD-9: the application may learn of it.
                self.soft_error.get_or_insert(Error::TimedOut);
            }
        } else if self.ecn.is_held() {
            self.ecn.release(now);
        } else {
            self.snd.override_held = true;
        }
        self.arm_retransmit(now);
    }

    fn on_keepalive_timer(&mut self, now: Instant) {
        let Some(keepalive) = self.config.keepalive else { return };
        // RFC 9293 3.8.4, MUST-26: only when nothing is outstanding and nothing was received.
        let busy = !self.snd.is_flushed() && self.snd.outstanding() > 0;
        if busy {
            self.timers.keepalive = now + keepalive.idle;
        } else if now - self.heard_at < keepalive.idle {
            self.timers.keepalive = self.heard_at + keepalive.idle;
        } else if self.keepalive_probes >= u8::try_from(keepalive.probes).unwrap_or(u8::MAX) {
            self.end(Ending { error: Some(self.why_silent()), reset: true });
        } else {
            self.keepalive_probes = self.keepalive_probes.saturating_add(1);
            self.keepalive_owed = true;
            self.timers.keepalive = now + keepalive.interval;
        }
    }

    /// RFC 9293 3.8.3 and 3.10.8: R2 or the user timeout has passed.
    fn give_up(&mut self) {
        self.end(Ending { error: Some(self.why_silent()), reset: false });
    }

    /// As Linux and BSD: what the network has said of it tells more than that it took long.
    fn why_silent(&self) -> Error {
        self.soft_error.unwrap_or(Error::TimedOut)
    }

    /// What must hold after every step.
    ///
    /// # Panics
    /// When it does not: a bug of ours.
    pub(super) fn check_invariants(&self) {
        let Self { snd, rcv, timers, congestion, .. } = self;
        assert!(!snd.una.after(snd.nxt), "SND.UNA is after SND.NXT");
        let end = snd.queue_end() + u32::from(snd.closed);
        assert!(!snd.nxt.after(end), "SND.NXT is beyond what was handed over");
        assert!(
            snd.closed || snd.outstanding() as usize <= snd.queue.len(),
            "sent more than queued"
        );
        assert!(!rcv.nxt.after(rcv.edge), "RCV.NXT is beyond the window");
        assert!(rcv.wnd() <= rcv.buffer.promised(), "a window that is not accounted for");
        assert!(congestion.window() >= self.mss(), "the congestion window is below one segment");
        assert!(self.ending.is_some() || self.state != State::Closed, "closed without an ending");
        let flight = self.recovery.flight();
        match flight {
            Some(flight) => flight.board.check_invariants(self.sent()),
            None => assert_eq!(snd.outstanding(), 0, "outstanding without a record"),
        }
        let waits = snd.outstanding() > 0 && self.ending.is_none();
        let owed = self.snd.probe_due
            || flight.is_some_and(|flight| flight.board.lost() > 0 || flight.probe_due);
        assert!(!waits || owed || !timers.retransmit.is_never(), "outstanding without a timer");
    }
}

/// A number that no other connection has, and no stranger knows: our numbers begin by chance.
fn seed(ours: SeqNum, theirs: SeqNum) -> u64 {
    u64::from(ours.raw()) << 32 | u64::from(theirs.raw())
}

/// RFC 6928, 2: ten segments, but of a large MSS only as many bytes as ten usual ones have, and two
/// at least (RFC5681-3.1-iw). One segment where a SYN was lost (RFC 5681 3.1, RFC5681-3.1-synloss),
/// which one repetition does not prove.
fn initial_window(config: &Config, mss: u32, syn_lost: bool) -> u32 {
    let segments = if syn_lost { 1 } else { config.initial_window.max(1) };
    let bytes = segments.saturating_mul(USUAL_MSS).max(mss.saturating_mul(2));
    segments.saturating_mul(mss).min(bytes)
}

/// The MSS of an Ethernet path, by which RFC 6928 counts.
const USUAL_MSS: u32 = 1460;

/// How long a peer that seems to have thrown away what it had reported has to tell otherwise, at
/// least.
const RENEGING: Duration = Duration::from_millis(10);

/// What timestamps take from every segment (RFC 7323, appendix A).
pub(super) const TIMESTAMP_BYTES: u16 = 12;
