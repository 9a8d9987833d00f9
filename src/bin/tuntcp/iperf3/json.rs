//! What programs read: the JSON of iperf3's client.

use std::io;
use std::net::SocketAddr;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::client::Pair;
use super::flow::Flow;
use super::meter::{Interval, Part};
use super::protocol::{Cookie, Parameters, Results};

/// A test in iperf3's form; what it knows of sockets alone is left out.
#[derive(Serialize)]
pub(super) struct Json {
    start: Value,
    intervals: Vec<Value>,
    end: Value,
    /// Why there is no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip)]
    samples: Vec<Sample>,
}

/// How a stream was, at the end of an interval.
struct Sample {
    id: u32,
    cwnd: u32,
    window: u32,
    /// Microseconds.
    rtt: u64,
}

impl Json {
    pub(super) fn new(server: SocketAddr, cookie: &Cookie, parameters: &Parameters) -> Self {
        let now = Timestamp::now();
        let time = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let start = json!({
            "connected": [],
            "version": concat!("tuntcp ", env!("CARGO_PKG_VERSION")),
            "timestamp": { "time": time, "timesecs": now.as_second() },
            "connecting_to": { "host": server.ip(), "port": server.port() },
            "cookie": cookie.text(),
            "target_bitrate": parameters.bandwidth,
            "test_start": {
                "protocol": "TCP",
                "num_streams": parameters.parallel,
                "blksize": parameters.len,
                "omit": parameters.omit,
                "duration": parameters.time,
                "bytes": parameters.num,
                "blocks": parameters.blockcount,
                "reverse": u8::from(parameters.reverse),
                "bidir": u8::from(parameters.bidirectional),
                "tos": 0,
                "target_bitrate": parameters.bandwidth,
            },
        });
        Self { start, intervals: Vec::new(), end: json!({}), error: None, samples: Vec::new() }
    }

    pub(super) fn connected(&mut self, flow: &Flow) -> io::Result<()> {
        let (local, remote) = (flow.stream.local_addr()?, flow.stream.peer_addr()?);
        let mss = flow.stream.info().mss;
        self.start["tcp_mss_default"] = mss.into();
        if let Some(connected) = self.start["connected"].as_array_mut() {
            connected.push(json!({
                "socket": flow.id,
                "local_host": local.ip(),
                "local_port": local.port(),
                "remote_host": remote.ip(),
                "remote_port": remote.port(),
            }));
        }
        Ok(())
    }

    pub(super) fn interval(&mut self, interval: &Interval) {
        let mut streams = Vec::new();
        for row in &interval.rows {
            let mut stream = span(&row.part, row.sends);
            stream["socket"] = row.id.into();
            stream["omitted"] = interval.omitted.into();
            if row.sends {
                let rtt = micros(row.info.srtt.unwrap_or_default());
                stream["snd_cwnd"] = row.info.cwnd.into();
                stream["snd_wnd"] = row.info.send_window.into();
                stream["rtt"] = rtt.into();
                stream["rttvar"] = micros(row.info.rttvar).into();
                stream["pmtu"] = row.info.path_mtu.into();
                if !interval.omitted {
                    let (cwnd, window) = (row.info.cwnd, row.info.send_window);
                    self.samples.push(Sample { id: row.id, cwnd, window, rtt });
                }
            }
            streams.push(stream);
        }
        let parts: Vec<_> = interval.rows.iter().map(|row| (row.sends, row.part)).collect();
        let mut value = json!({ "streams": streams });
        for (name, sends, sum) in sums("sum", &parts) {
            value[&name] = span(&sum, sends);
            value[&name]["omitted"] = interval.omitted.into();
        }
        self.intervals.push(value);
    }

    pub(super) fn end(&mut self, pairs: &[Pair], ours: &Results, theirs: &Results) {
        let streams: Vec<_> = pairs.iter().map(|pair| self.stream(pair)).collect();
        let mut end = json!({
            "streams": streams,
            "cpu_utilization_percent": {
                "host_total": ours.cpu_util_total,
                "host_user": ours.cpu_util_user,
                "host_system": ours.cpu_util_system,
                "remote_total": theirs.cpu_util_total,
                "remote_user": theirs.cpu_util_user,
                "remote_system": theirs.cpu_util_system,
            },
        });
        let sent: Vec<_> = pairs.iter().map(|pair| (pair.sends, pair.sender)).collect();
        let received = |pair: &Pair| (pair.sends, Part { retransmits: None, ..pair.receiver });
        let received: Vec<_> = pairs.iter().map(received).collect();
        for (what, parts) in [("sum_sent", sent), ("sum_received", received)] {
            for (name, sends, sum) in sums(what, &parts) {
                end[name] = span(&sum, sends);
            }
        }
        let (sender, receiver) =
            if pairs.iter().any(|pair| pair.sends) { (ours, theirs) } else { (theirs, ours) };
        end["sender_tcp_congestion"] = json!(sender.congestion_used);
        end["receiver_tcp_congestion"] = json!(receiver.congestion_used);
        self.end = end;
    }

    fn stream(&self, pair: &Pair) -> Value {
        let (mut sender, mut receiver) =
            (span(&pair.sender, pair.sends), span(&pair.receiver, pair.sends));
        sender["socket"] = pair.id.into();
        receiver["socket"] = pair.id.into();
        let samples: Vec<_> = self.samples.iter().filter(|sample| sample.id == pair.id).collect();
        if !samples.is_empty() {
            let rtts = samples.iter().map(|sample| sample.rtt);
            sender["max_snd_cwnd"] = samples.iter().map(|sample| sample.cwnd).max().into();
            sender["max_snd_wnd"] = samples.iter().map(|sample| sample.window).max().into();
            sender["max_rtt"] = rtts.clone().max().into();
            sender["min_rtt"] = rtts.clone().min().into();
            sender["mean_rtt"] = (rtts.sum::<u64>() / samples.len() as u64).into();
        }
        json!({ "sender": sender, "receiver": receiver })
    }

    pub(super) fn fail(&mut self, why: &str) {
        self.error = Some(why.into());
    }

    pub(super) fn text(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }
}

/// What each direction did in all, under the name that iperf3 has for it, and whether this end sent:
/// where there are both, the other's name says so.
fn sums(name: &str, parts: &[(bool, Part)]) -> Vec<(String, bool, Part)> {
    let mut sums = Vec::new();
    for sends in [true, false] {
        let parts = parts.iter().filter(|(direction, _)| *direction == sends);
        if let Some(sum) = Part::sum(parts.map(|(_, part)| *part)) {
            let name = if sums.is_empty() { name.into() } else { format!("{name}_bidir_reverse") };
            sums.push((name, sends, sum));
        }
    }
    sums
}

/// `sends`: whether this end did.
fn span(part: &Part, sends: bool) -> Value {
    let mut value = json!({
        "start": part.start,
        "end": part.end,
        "seconds": part.seconds(),
        "bytes": part.bytes,
        "bits_per_second": part.bits_per_second(),
        "sender": sends,
    });
    if let Some(count) = part.retransmits {
        value["retransmits"] = count.into();
    }
    value
}

fn micros(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
