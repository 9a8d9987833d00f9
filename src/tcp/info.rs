//! How does a connection fare? What it tells people and tests (`TCP_INFO`).

use std::time::Duration;

use super::connection::{Connection, Phase};
use super::flight::{Flight, Mode};
use super::handshake::Opening;
use super::tcb::Tcb;
use super::{Config, Error, State};
use crate::time::Instant;

/// What is the sender about?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum CongestionState {
    /// Nothing tells of a loss.
    #[default]
    Open,
    /// The peer holds something out of order, or acknowledges the same again: a loss, or nothing
    /// but reordering (RFC 3042, RFC 8985).
    Disorder,
    /// The window comes down because the network has marked segments (RFC 3168); nothing is lost.
    Reduced,
    /// Lost segments are sent again after a fast retransmit (RFC 6675, RFC 9937).
    Recovery,
    /// Slow start after the retransmission timer has expired (RFC 5681, 3.1; RFC 5682).
    Loss,
}

impl CongestionState {
    fn of(flight: Option<&Flight>) -> Self {
        let Some(flight) = flight else { return Self::Open };
        match flight.mode {
            Mode::Open if flight.board.sacked() > 0 || flight.dup_acks > 0 => Self::Disorder,
            Mode::Open => Self::Open,
            Mode::Reduced(_) => Self::Reduced,
            Mode::Fast(_) => Self::Recovery,
            Mode::Timeout { .. } => Self::Loss,
        }
    }
}

/// A snapshot of a connection for people and tests; grows with the stack.
///
/// Who knows Linux's `tcp_info` finds its fields here; where the units differ, the factor is
/// [`mss`](Self::mss) or a fraction of a second:
///
/// | `tcpi_` | here |
/// | --- | --- |
/// | `state` | `state` |
/// | `ca_state` | `congestion_state` |
/// | `retransmits`, `backoff`, `probes` | `timeouts`, `backoff`, `probes` |
/// | `options` | `timestamps`, `sack`, `window_scaling`, `ecn`, `ecn_seen` |
/// | `snd_wscale`, `rcv_wscale` | `send_shift`, `receive_shift` |
/// | `delivery_rate`, `delivery_rate_app_limited` | `delivery_rate`, `delivery_rate_app_limited` |
/// | `rto`, `ato` | `rto`, `delayed_ack` |
/// | `snd_mss`, `rcv_mss`, `advmss`, `pmtu` | `mss`, `receive_mss`, `advertised_mss`, `path_mtu` |
/// | `unacked` | `outstanding_segments`; bytes: `unacked` |
/// | `sacked` | `sacked_segments`; bytes: `sacked` |
/// | `lost` | `missing_segments`; bytes that still wait to be sent again: `lost` |
/// | `retrans` | `resent_segments` |
/// | `last_data_sent`, `last_data_recv`, `last_ack_recv` | `last_sent`, `last_text`, `last_heard` |
/// | `rtt`, `rttvar`, `min_rtt` | `srtt`, `rttvar`, `min_rtt` |
/// | `snd_cwnd`, `snd_ssthresh` | `cwnd`, `ssthresh` |
/// | `reordering`, `reord_seen` | `reordering_degree`, `reordering_events` |
/// | `total_retrans`, `bytes_retrans` | `retransmissions`, `bytes_retransmitted` |
/// | `pacing_rate` | `pacing_rate` |
/// | `bytes_acked`, `bytes_received`, `bytes_sent` | `bytes_acked`, `bytes_received`, `bytes_sent` |
/// | `segs_out`, `segs_in` | `segments_out`, `segments_in` |
/// | `data_segs_out`, `data_segs_in` | `data_segments_out`, `data_segments_in` |
/// | `notsent_bytes` | `unsent` |
/// | `delivered` | `delivered_segments`, and the SYN |
/// | `delivered_ce`, `received_ce` | `ce_delivered`, `ce_received` |
/// | `dsack_dups` | `dsacks` |
/// | `rcv_ooopack` | `early_segments` |
/// | `busy_time`, `rwnd_limited`, `sndbuf_limited` | the same |
/// | `snd_wnd`, `rcv_wnd` | `send_window`, `receive_window` |
/// | `total_rto` | `rto_expirations` |
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// RFC 9293's name of the state.
    pub state: State,
    /// What the sender is about.
    pub congestion_state: CongestionState,
    /// Payload of a full-sized segment that we send, bytes.
    pub mss: u32,
    /// Largest IP packet that the path to the peer takes, as far as is known, bytes.
    pub path_mtu: u32,
    /// The MSS that we offered, bytes.
    pub advertised_mss: u32,
    /// What the peer seems to call a full-sized segment, payload bytes.
    pub receive_mss: u32,
    /// Shift of the peer's windows (RFC 7323, 2.3).
    pub send_shift: u8,
    /// Shift of ours.
    pub receive_shift: u8,
    /// Window scaling was negotiated (RFC 7323, 2.2).
    pub window_scaling: bool,
    /// Timestamps were negotiated (RFC 7323, 3.2).
    pub timestamps: bool,
    /// SACK was negotiated (RFC 2018).
    pub sack: bool,
    /// Both sides use ECN (RFC 3168).
    pub ecn: bool,
    /// The peer has sent something that was ECN-capable.
    pub ecn_seen: bool,
    /// ECN was negotiated, but the path seems to drop what is ECN-capable, or to mark everything:
    /// we do not send it any more.
    pub ecn_stopped: bool,
    /// Segments that arrived with a mark of congestion (CE).
    pub ce_received: u32,
    /// Full-sized segments that the peer has acknowledged together with the echo of a mark (ECE).
    pub ce_delivered: u32,
    /// Acknowledgements that echoed a mark.
    pub ece_received: u32,
    /// Smoothed round trip, once there was a sample (RFC 6298).
    pub srtt: Option<Duration>,
    /// Its variance.
    pub rttvar: Duration,
    /// The retransmission time-out now, backoff included.
    pub rto: Duration,
    /// How long an acknowledgement may wait for company now.
    pub delayed_ack: Duration,
    /// How often the retransmission time-out was doubled since the last sample.
    pub backoff: u32,
    /// Time-outs in a row without progress.
    pub timeouts: u32,
    /// Probes of a closed window, or of a silent peer, without an answer.
    pub probes: u32,
    /// Duplicate ACKs in a row.
    pub duplicate_acks: u32,
    /// Name of the congestion control.
    pub congestion: &'static str,
    /// Congestion window, bytes.
    pub cwnd: u32,
    /// Slow-start threshold, bytes.
    pub ssthresh: u32,
    /// Bytes sent and not acknowledged, SYN and FIN counted.
    pub unacked: u32,
    /// Bytes that were never sent.
    pub unsent: u32,
    /// The peer's window, bytes.
    pub send_window: u32,
    /// The window that the peer sees, bytes.
    pub receive_window: u32,
    /// Bytes that may wait to be read now.
    pub receive_buffer: u32,
    /// Bytes that may wait to be sent or acknowledged now.
    pub send_buffer: u32,
    /// Bytes thought to be in the network (RFC 6675, 4: pipe).
    pub in_flight: u32,
    /// Bytes that the peer holds out of order, by its SACK blocks.
    pub sacked: u32,
    /// Bytes that are thought lost and were not sent again yet.
    pub lost: u32,
    /// Segments sent and not acknowledged.
    pub outstanding_segments: u32,
    /// Segments of them that the peer holds out of order. Without SACK: as many as duplicate ACKs
    /// have told of.
    pub sacked_segments: u32,
    /// Segments of them that were thought lost, whether or not they were sent again since.
    pub missing_segments: u32,
    /// Segments of them that were sent again, and are thought to be in the network.
    pub resent_segments: u32,
    /// Segments that the peer was told to have, in order or not, since the connection opened; it
    /// wraps.
    pub delivered_segments: u32,
    /// Segments sent again since the first SYN.
    pub retransmissions: u64,
    /// Bytes sent again since then.
    pub bytes_retransmitted: u64,
    /// Segments thought lost since then; it wraps.
    pub lost_segments: u32,
    /// Expirations of the retransmission timer since then.
    pub rto_expirations: u32,
    /// Tail probes sent since then (RFC 8985, 7).
    pub tail_probes: u32,
    /// Segments that arrived twice, as D-SACKs have told since then (RFC 2883).
    pub dsacks: u32,
    /// Reductions of the window since then that were mistakes, and were undone (RFC 3522, RFC 5682).
    pub undone: u32,
    /// The path was seen to reorder (RFC 8985 6.2, step 3).
    pub reordering: bool,
    /// By how many segments one was overtaken at most; 3, the threshold of RFC 5681, to begin with,
    /// and 300 at most.
    pub reordering_degree: u32,
    /// Acknowledgements that have told of reordering; it wraps.
    pub reordering_events: u32,
    /// How much later than those sent after it a segment may arrive before it is thought lost, once
    /// reordering was seen (RFC 8985 6.2, step 4).
    pub reordering_window: Duration,
    /// The least round trip of the last minutes, once there was a sample.
    pub min_rtt: Option<Duration>,
    /// What the congestion controller wants to spread sending over, bytes a second.
    pub pacing_rate: Option<u64>,
    /// How fast data was delivered, by the last sample that was not limited by the application, or
    /// a faster one that was; bytes a second.
    pub delivery_rate: Option<u64>,
    /// That sample was limited by the application.
    pub delivery_rate_app_limited: bool,
    /// Bytes sent, each as often as it was.
    pub bytes_sent: u64,
    /// Bytes that the peer has acknowledged, a FIN counted.
    pub bytes_acked: u64,
    /// Bytes received in order.
    pub bytes_received: u64,
    /// How long something was there to be sent or to be acknowledged, since the connection opened.
    pub busy_time: Duration,
    /// How much of that the peer's window was too small, and nothing else.
    pub rwnd_limited: Duration,
    /// How much of it the send buffer was too small: full, and all of it in flight.
    pub sndbuf_limited: Duration,
    /// Segments sent since the connection opened; it wraps.
    pub segments_out: u32,
    /// Segments received since then; it wraps.
    pub segments_in: u32,
    /// Segments with text sent since then; it wraps.
    pub data_segments_out: u32,
    /// Segments with text received since then; it wraps.
    pub data_segments_in: u32,
    /// Segments with text that have arrived before their turn; it wraps.
    pub early_segments: u32,
    /// How long ago text or FIN was sent last, or the connection opened.
    pub last_sent: Duration,
    /// How long ago text arrived last, or the connection opened.
    pub last_text: Duration,
    /// How long ago an acceptable segment arrived last: each one acknowledges.
    pub last_heard: Duration,
    /// Bytes of urgent data that were not read (RFC 9293 3.8.5, MUST-33).
    pub urgent_unread: u32,
    /// Trouble that has not ended the connection (RFC 9293 3.9.1.8, MUST-47).
    pub soft_error: Option<Error>,
}

impl Connection {
    /// A snapshot.
    #[must_use]
    pub fn info(&self, now: Instant) -> Info {
        match &self.phase {
            Phase::Opening(opening) => Info::of_opening(opening),
            Phase::Open(tcb) => Info::of_open(now, tcb),
            Phase::Lingering(_) | Phase::Over(_) => Info::of(self.state(), self.config()),
        }
    }
}

impl Connection {
    /// Bytes of urgent data, up to its end, that were not read (RFC 9293 3.8.5, MUST-33).
    #[must_use]
    pub fn urgent_unread(&self) -> u32 {
        if let Phase::Open(tcb) = &self.phase { tcb.rcv.urgent_unread() } else { 0 }
    }
}

impl Info {
    /// What there is to say of a connection that is not open.
    fn of(state: State, config: &Config) -> Self {
        Self {
            state,
            congestion_state: CongestionState::Open,
            mss: 0,
            path_mtu: 0,
            advertised_mss: 0,
            receive_mss: 0,
            send_shift: 0,
            receive_shift: 0,
            window_scaling: false,
            timestamps: false,
            sack: false,
            ecn: false,
            ecn_seen: false,
            ecn_stopped: false,
            ce_received: 0,
            ce_delivered: 0,
            ece_received: 0,
            srtt: None,
            rttvar: Duration::ZERO,
            rto: Duration::ZERO,
            delayed_ack: Duration::ZERO,
            backoff: 0,
            timeouts: 0,
            probes: 0,
            duplicate_acks: 0,
            congestion: config.congestion.name(),
            cwnd: 0,
            ssthresh: 0,
            unacked: 0,
            unsent: 0,
            send_window: 0,
            receive_window: 0,
            receive_buffer: 0,
            send_buffer: 0,
            in_flight: 0,
            sacked: 0,
            lost: 0,
            outstanding_segments: 0,
            sacked_segments: 0,
            missing_segments: 0,
            resent_segments: 0,
            delivered_segments: 0,
            retransmissions: 0,
            bytes_retransmitted: 0,
            lost_segments: 0,
            rto_expirations: 0,
            tail_probes: 0,
            dsacks: 0,
            undone: 0,
            reordering: false,
            reordering_degree: 0,
            reordering_events: 0,
            reordering_window: Duration::ZERO,
            min_rtt: None,
            pacing_rate: None,
            delivery_rate: None,
            delivery_rate_app_limited: false,
            bytes_sent: 0,
            bytes_acked: 0,
            bytes_received: 0,
            busy_time: Duration::ZERO,
            rwnd_limited: Duration::ZERO,
            sndbuf_limited: Duration::ZERO,
            segments_out: 0,
            segments_in: 0,
            data_segments_out: 0,
            data_segments_in: 0,
            early_segments: 0,
            last_sent: Duration::ZERO,
            last_text: Duration::ZERO,
            last_heard: Duration::ZERO,
            urgent_unread: 0,
            soft_error: None,
        }
    }

    fn of_opening(opening: &Opening) -> Self {
        Self {
            advertised_mss: u32::from(opening.our_mss()),
            rto: opening.rto(),
            backoff: opening.retries.into(),
            timeouts: opening.retries.into(),
            unacked: 1,
            outstanding_segments: 1,
            retransmissions: opening.retries.into(),
            soft_error: opening.soft_error,
            ..Self::of(opening.state, &opening.config)
        }
    }

    fn of_open(now: Instant, tcb: &Tcb) -> Self {
        let (config, flight, tally) = (&tcb.config, tcb.recovery.flight(), tcb.recovery.troubles());
        let (marks, times) = (tcb.ecn.counts(), tcb.stopwatch.times(now));
        let census = flight.map(|flight| flight.census(tcb.mss())).unwrap_or_default();
        Self {
            state: tcb.seen_state(),
            congestion_state: CongestionState::of(flight),
            mss: tcb.mss(),
            path_mtu: tcb.packet_size(),
            advertised_mss: u32::from(tcb.rcv.our_mss),
            receive_mss: u32::from(tcb.rcv.full_sized),
            send_shift: tcb.snd.shift,
            receive_shift: tcb.rcv.shift,
            window_scaling: tcb.window_scaling,
            timestamps: tcb.timestamps.is_some(),
            sack: tcb.sack,
            ecn: tcb.ecn.is_on(),
            ecn_seen: tcb.ecn.seen(),
            ecn_stopped: tcb.ecn.stopped(),
            ce_received: marks.ce_received,
            ce_delivered: marks.ce_delivered,
            ece_received: marks.ece_received,
            srtt: tcb.rtt.smoothed(),
            rttvar: tcb.rtt.variance(),
            rto: tcb.rtt.rto(config),
            delayed_ack: if config.quick_ack { Duration::ZERO } else { config.delayed_ack },
            backoff: tcb.rtt.backoff(),
            timeouts: tcb.recovery.timeouts(),
            probes: u32::from(tcb.snd.probes) + u32::from(tcb.keepalive_probes),
            duplicate_acks: flight.map_or(0, |flight| flight.dup_acks),
            congestion: config.congestion.name(),
            cwnd: tcb.reported_window(),
            ssthresh: tcb.congestion.ssthresh(),
            unacked: tcb.snd.outstanding(),
            unsent: tcb.snd.unsent(),
            send_window: tcb.snd.wnd,
            receive_window: tcb.rcv.wnd(),
            receive_buffer: tcb.rcv.buffer.capacity(),
            send_buffer: tcb.snd.capacity,
            in_flight: tcb.pipe(),
            sacked: flight.map_or(0, |flight| flight.board.sacked()),
            lost: flight.map_or(0, |flight| flight.board.lost()),
            outstanding_segments: census.outstanding,
            sacked_segments: census.sacked,
            missing_segments: census.missing,
            resent_segments: census.resent,
            delivered_segments: tcb.recovery.tally.delivered,
            retransmissions: tally.resent_segments.into(),
            bytes_retransmitted: tally.resent,
            lost_segments: tally.lost,
            rto_expirations: tally.timeouts,
            tail_probes: tally.probes,
            dsacks: tally.duplicates,
            undone: tally.undone,
            reordering: tcb.recovery.reordering.seen,
            reordering_degree: tcb.recovery.reordering.degree.into(),
            reordering_events: tcb.recovery.reordering.events,
            reordering_window: tcb.recovery.reordering.window(false, &tcb.round_trips()),
            min_rtt: tcb.rtt.least(),
            pacing_rate: tcb.congestion.pacing_rate(),
            delivery_rate: (tcb.delivery_rate > 0).then_some(tcb.delivery_rate),
            delivery_rate_app_limited: tcb.rate_app_limited,
            bytes_sent: tcb.snd.bytes_sent() + tally.resent,
            bytes_acked: tcb.snd.acked,
            bytes_received: tcb.rcv.position,
            busy_time: times.busy,
            rwnd_limited: times.peer_window,
            sndbuf_limited: times.send_buffer,
            segments_out: tcb.segments_out,
            segments_in: tcb.segments_in,
            data_segments_out: tcb.data_segments_out,
            data_segments_in: tcb.data_segments_in,
            early_segments: tcb.rcv.early_segments,
            last_sent: now - tcb.snd.last_sent,
            last_text: now - tcb.text_at,
            last_heard: now - tcb.heard_at,
            urgent_unread: tcb.rcv.urgent_unread(),
            soft_error: tcb.soft_error,
        }
    }
}
