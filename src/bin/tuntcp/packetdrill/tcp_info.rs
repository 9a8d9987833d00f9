//! The state of a connection under the names that Linux's `tcp_info` gives it.

use std::collections::BTreeMap;
use std::time::Duration;

use tuntcp::tcp::{CongestionState, Info, State};

/// Linux's number of a state.
fn state_number(state: State) -> i128 {
    match state {
        State::Established => 1,
        State::SynSent => 2,
        State::SynReceived => 3,
        State::FinWait1 => 4,
        State::FinWait2 => 5,
        State::TimeWait => 6,
        State::Closed => 7,
        State::CloseWait => 8,
        State::LastAck => 9,
        State::Closing => 11,
    }
}

/// Linux's number of what the sender is about.
fn congestion_number(state: CongestionState) -> i128 {
    match state {
        CongestionState::Open => 0,
        CongestionState::Disorder => 1,
        CongestionState::Reduced => 2,
        CongestionState::Recovery => 3,
        CongestionState::Loss => 4,
        // Whatever comes later has no number there.
        _ => -1,
    }
}

/// Every field that the stack has a value for. Times are microseconds or milliseconds as on Linux,
/// windows of the sender segments.
pub(super) fn fields(info: Option<&Info>) -> BTreeMap<&'static str, i128> {
    let Some(info) = info else {
        return [("tcpi_state", 7)].into();
    };
    let micros = |time: Duration| i128::try_from(time.as_micros()).unwrap_or(i128::MAX);
    let millis = |time: Duration| i128::try_from(time.as_millis()).unwrap_or(i128::MAX);
    let mss = i128::from(info.mss.max(1));
    let segments = |bytes: u32| i128::from(bytes) / mss;
    let endless = info.ssthresh >= i32::MAX.unsigned_abs();
    let ssthresh = if endless { 0x7fff_ffff } else { segments(info.ssthresh) };
    let options = i128::from(info.timestamps)
        | i128::from(info.sack) << 1
        | i128::from(info.window_scaling) << 2
        | i128::from(info.ecn) << 3
        | i128::from(info.ecn_seen) << 4;
    [
        ("tcpi_state", state_number(info.state)),
        ("tcpi_ca_state", congestion_number(info.congestion_state)),
        ("tcpi_retransmits", i128::from(info.timeouts)),
        ("tcpi_probes", i128::from(info.probes)),
        ("tcpi_backoff", i128::from(info.backoff)),
        ("tcpi_options", options),
        ("tcpi_snd_wscale", i128::from(info.send_shift)),
        ("tcpi_rcv_wscale", i128::from(info.receive_shift)),
        ("tcpi_rto", micros(info.rto)),
        ("tcpi_ato", micros(info.delayed_ack)),
        ("tcpi_snd_mss", i128::from(info.mss)),
        ("tcpi_rcv_mss", i128::from(info.receive_mss)),
        ("tcpi_advmss", i128::from(info.advertised_mss)),
        ("tcpi_unacked", info.outstanding_segments.into()),
        ("tcpi_sacked", info.sacked_segments.into()),
        ("tcpi_lost", info.missing_segments.into()),
        ("tcpi_retrans", info.resent_segments.into()),
        // Forward acknowledgements are gone there; nor is this time remembered.
        ("tcpi_fackets", 0),
        ("tcpi_last_ack_sent", 0),
        ("tcpi_last_data_sent", millis(info.last_sent)),
        ("tcpi_last_data_recv", millis(info.last_text)),
        ("tcpi_last_ack_recv", millis(info.last_heard)),
        ("tcpi_rtt", micros(info.srtt.unwrap_or_default())),
        ("tcpi_rttvar", micros(info.rttvar)),
        ("tcpi_busy_time", micros(info.busy_time)),
        ("tcpi_rwnd_limited", micros(info.rwnd_limited)),
        ("tcpi_sndbuf_limited", micros(info.sndbuf_limited)),
        ("tcpi_min_rtt", info.min_rtt.map_or(u32::MAX.into(), micros)),
        ("tcpi_pmtu", info.path_mtu.into()),
        ("tcpi_snd_cwnd", segments(info.cwnd)),
        ("tcpi_snd_ssthresh", ssthresh),
        ("tcpi_reordering", info.reordering_degree.into()),
        ("tcpi_reord_seen", info.reordering_events.into()),
        ("tcpi_dsack_dups", info.dsacks.into()),
        ("tcpi_rcv_ooopack", info.early_segments.into()),
        ("tcpi_total_retrans", info.retransmissions.into()),
        ("tcpi_total_rto", info.rto_expirations.into()),
        ("tcpi_bytes_retrans", info.bytes_retransmitted.into()),
        ("tcpi_bytes_sent", info.bytes_sent.into()),
        // The SYN is delivered, too.
        ("tcpi_delivered", i128::from(info.delivered_segments) + 1),
        ("tcpi_data_segs_out", info.data_segments_out.into()),
        ("tcpi_data_segs_in", info.data_segments_in.into()),
        ("tcpi_pacing_rate", info.pacing_rate.unwrap_or(u64::MAX).into()),
        ("tcpi_max_pacing_rate", u64::MAX.into()),
        ("tcpi_delivery_rate", info.delivery_rate.unwrap_or(0).into()),
        ("tcpi_delivery_rate_app_limited", info.delivery_rate_app_limited.into()),
        ("tcpi_bytes_acked", i128::from(info.bytes_acked)),
        ("tcpi_bytes_received", i128::from(info.bytes_received)),
        ("tcpi_segs_out", i128::from(info.segments_out)),
        ("tcpi_segs_in", i128::from(info.segments_in)),
        ("tcpi_notsent_bytes", i128::from(info.unsent)),
        ("tcpi_snd_wnd", i128::from(info.send_window)),
        ("tcpi_rcv_wnd", i128::from(info.receive_window)),
        ("tcpi_delivered_ce", i128::from(info.ce_delivered)),
        ("tcpi_received_ce", i128::from(info.ce_received)),
    ]
    .into()
}
