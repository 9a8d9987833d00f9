//! What may stand in a scenario's file? Its tables, field by field, before anything is made of them.

use serde::Deserialize;
use toml::Spanned;
use tuntcp::device::impair::{Spec, SpecError};
use tuntcp::tcp::Config;

use super::words::{Buffer, Congestion, Ecn, Plain, Rate, Size, Time};

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) title: Option<String>,
    #[serde(default)]
    pub(super) seed: u64,
    pub(super) duration: Spanned<Time>,
    pub(super) warmup: Option<Spanned<Time>>,
    pub(super) sample: Option<Spanned<Time>>,
    #[serde(default)]
    pub(super) config: Settings,
    #[serde(default, rename = "host")]
    pub(super) hosts: Vec<HostTable>,
    #[serde(default, rename = "link")]
    pub(super) links: Vec<Spanned<WireTable>>,
    #[serde(default, rename = "flow")]
    pub(super) flows: Vec<Spanned<FlowTable>>,
}

/// A host that flows share.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HostTable {
    pub(super) name: Spanned<String>,
    pub(super) mtu: Option<Spanned<u16>>,
    pub(super) cable: Option<Spanned<WireTable>>,
}

/// A flow, or several that are alike.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FlowTable {
    pub(super) name: Option<String>,
    pub(super) algorithm: Option<Congestion>,
    pub(super) count: Option<Spanned<u16>>,
    pub(super) from: Option<Spanned<String>>,
    pub(super) to: Option<Spanned<String>>,
    pub(super) via: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    pub(super) reverse: bool,
    pub(super) delay: Option<Spanned<Time>>,
    pub(super) start: Option<Time>,
    pub(super) stagger: Option<Time>,
    pub(super) stop: Option<Spanned<Time>>,
    pub(super) bytes: Option<Size>,
    pub(super) rate: Option<Rate>,
    pub(super) on: Option<Spanned<Time>>,
    pub(super) off: Option<Spanned<Time>>,
    #[serde(default)]
    pub(super) config: Settings,
}

/// Settings of connections that are not the stack's own.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    send_buffer: Option<Buffer>,
    receive_buffer: Option<Buffer>,
    mss: Option<u16>,
    initial_window: Option<u32>,
    window_scaling: Option<bool>,
    timestamps: Option<bool>,
    sack: Option<bool>,
    ecn: Option<Ecn>,
    nodelay: Option<bool>,
    delayed_ack: Option<Time>,
    rto_min: Option<Time>,
}

impl Settings {
    pub(super) fn apply(&self, config: &mut Config) {
        set(&mut config.send_buffer, self.send_buffer.map(|buffer| buffer.0.into()));
        set(&mut config.receive_buffer, self.receive_buffer.map(|buffer| buffer.0.into()));
        set(&mut config.mss, self.mss.map(Some));
        set(&mut config.initial_window, self.initial_window);
        set(&mut config.window_scaling, self.window_scaling);
        set(&mut config.timestamps, self.timestamps);
        set(&mut config.sack, self.sack);
        set(&mut config.ecn, self.ecn.map(|ecn| ecn.0));
        set(&mut config.nodelay, self.nodelay);
        set(&mut config.delayed_ack, self.delayed_ack.map(|time| time.0));
        set(&mut config.rto_min, self.rto_min.map(|time| time.0));
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// A link or a cable: what holds for both directions, and what for one of them. The fields are
/// those of `--impair`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireTable {
    pub(super) name: Option<Spanned<String>>,
    loss: Option<Spanned<Plain>>,
    burst: Option<Spanned<Plain>>,
    mark: Option<Spanned<Plain>>,
    delay: Option<Spanned<Plain>>,
    jitter: Option<Spanned<Plain>>,
    reorder: Option<Spanned<Plain>>,
    duplicate: Option<Spanned<Plain>>,
    corrupt: Option<Spanned<Plain>>,
    rate: Option<Spanned<Plain>>,
    queue: Option<Spanned<Plain>>,
    aqm: Option<Spanned<Plain>>,
    target: Option<Spanned<Plain>>,
    interval: Option<Spanned<Plain>>,
    ecn: Option<Spanned<Plain>>,
    outage: Option<Spanned<Plain>>,
    pub(super) there: Option<Box<Spanned<WireTable>>>,
    pub(super) back: Option<Box<Spanned<WireTable>>>,
}

/// A direction's spec is wrong: why, and where the field stands that is to blame.
pub(super) struct WrongWire {
    pub(super) why: SpecError,
    pub(super) at: Option<usize>,
}

impl WireTable {
    fn fields(&self) -> [(&'static str, &Option<Spanned<Plain>>); 15] {
        [
            ("loss", &self.loss),
            ("burst", &self.burst),
            ("mark", &self.mark),
            ("delay", &self.delay),
            ("jitter", &self.jitter),
            ("reorder", &self.reorder),
            ("duplicate", &self.duplicate),
            ("corrupt", &self.corrupt),
            ("rate", &self.rate),
            ("queue", &self.queue),
            ("aqm", &self.aqm),
            ("target", &self.target),
            ("interval", &self.interval),
            ("ecn", &self.ecn),
            ("outage", &self.outage),
        ]
    }

    /// One direction: what stands in `own`, and for the rest what holds for both.
    pub(super) fn spec(&self, own: Option<&Spanned<Self>>) -> Result<Spec, WrongWire> {
        let mut text = String::new();
        let mut places = Vec::new();
        let nothing = Self::default();
        let own = own.map_or(&nothing, |table| table.get_ref());
        for ((name, general), (_, special)) in self.fields().into_iter().zip(own.fields()) {
            let Some(value) = special.as_ref().or(general.as_ref()) else { continue };
            let comma = if text.is_empty() { "" } else { "," };
            let item = format!("{name}={}", value.get_ref().0);
            text += comma;
            text += &item;
            places.push((item, value.span().start));
        }
        text.parse().map_err(|why: SpecError| {
            let told = why.to_string();
            let blamed = places.iter().find(|(item, _)| told.starts_with(&format!("`{item}`")));
            WrongWire { why, at: blamed.map(|(_, at)| *at) }
        })
    }
}
