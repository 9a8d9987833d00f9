//! How much may fly? The question that has many answers, so it is a trait.
//!
//! A controller sees only its arguments: no connection, no send queue, no clock. Adding one
//! touches its own file and [`REGISTRY`].
//!
//! What a controller is told, in the order in which one acknowledgement tells it: what is thought
//! [lost](CongestionControl::on_lost), that this means
//! [congestion](CongestionControl::on_congestion), what has
//! [arrived](CongestionControl::on_ack). What a repair lets fly, segment by segment, is not its
//! business unless it [wants it to be](CongestionControl::governs_recovery): proportional rate
//! reduction (RFC 9937) leads the flight down to its window.
//!
//! # One of your own
//!
//! Outside of this crate an algorithm is a type with this trait, and an [`Algorithm`] that makes one
//! for each connection. A host takes it as `HostConfig::tcp.congestion`, a listener and a stream by
//! `set_congestion_algorithm`. Here it is tried in the simulator, over a path that loses one packet
//! in a hundred:
//!
//! ```
//! use std::time::Duration;
//! use tuntcp::HostConfig;
//! use tuntcp::sim::Network;
//! use tuntcp::tcp::congestion::{Ack, Algorithm, Congestion, CongestionControl, Start};
//! use tuntcp::time::Instant;
//!
//! /// Two segments more each round trip, an eighth less after a loss.
//! #[derive(Debug)]
//! struct Gentle {
//!     mss: u32,
//!     window: u32,
//! }
//!
//! impl CongestionControl for Gentle {
//!     fn window(&self) -> u32 {
//!         self.window
//!     }
//!
//!     fn on_ack(&mut self, ack: &Ack) {
//!         if ack.window_limited && !ack.in_recovery {
//!             let part = u64::from(ack.bytes) * u64::from(2 * self.mss) / u64::from(self.window);
//!             self.window += part.min(u64::from(2 * self.mss)) as u32;
//!         }
//!     }
//!
//!     fn on_congestion(&mut self, _now: Instant, _congestion: &Congestion) {
//!         self.window = (self.window / 8 * 7).max(2 * self.mss);
//!     }
//!
//!     fn on_mss(&mut self, mss: u32) {
//!         self.mss = mss;
//!         self.window = self.window.max(mss);
//!     }
//! }
//!
//! const GENTLE: Algorithm = Algorithm::new("gentle", |start: Start| {
//!     Box::new(Gentle { mss: start.mss, window: start.window.max(start.mss) })
//! });
//!
//! let mut net = Network::new(7);
//! let mut config = HostConfig::new(vec!["10.0.0.1/24".parse().unwrap()]);
//! config.tcp.congestion = GENTLE;
//! let sender = net.add_host(config, 1500);
//! let receiver = net.add_host(HostConfig::new(vec!["10.0.0.2/24".parse().unwrap()]), 1500);
//! net.set_egress(sender, &"delay=10ms,loss=1%".parse().unwrap());
//!
//! let _listener = net.engine(receiver).listen("10.0.0.2:9".parse().unwrap(), 1).unwrap();
//! let socket = net.engine(sender).connect(net.now(), None, "10.0.0.2:9".parse().unwrap()).unwrap();
//! let end = Instant::ZERO + Duration::from_secs(60);
//! net.run_while(end, |_| !socket.opened().unwrap()).unwrap();
//! let written = socket.write(net.now(), &[0; 500_000]).unwrap().unwrap_or(0) as u64;
//! net.run_while(end, |net| socket.info(net.now()).bytes_acked < written).unwrap();
//!
//! let info = socket.info(net.now());
//! println!("{} segments sent again, {} bytes of window", info.retransmissions, info.cwnd);
//! assert_eq!((info.congestion, info.bytes_acked), ("gentle", written));
//! ```

mod bbr;
mod cubic;
mod hystart;
mod new_reno;
mod signals;

use std::fmt;
use std::str::FromStr;

pub use bbr::Bbr;
pub use cubic::Cubic;
pub use new_reno::NewReno;
pub use signals::{Ack, Congestion, Lost, RateSample, Sent, Start};

use crate::time::Instant;

/// A congestion controller of one connection.
pub trait CongestionControl: fmt::Debug + Send {
    /// The congestion window, bytes: how much may be in flight. Never below one segment.
    fn window(&self) -> u32;

    /// Something arrived at the peer: new data was acknowledged, or reported by SACK.
    fn on_ack(&mut self, ack: &Ack);

    /// The path is congested: called once for each event, not for each lost segment.
    fn on_congestion(&mut self, now: Instant, congestion: &Congestion);

    /// A segment is thought lost: called for each one, before the `on_congestion` that may follow.
    fn on_lost(&mut self, _now: Instant, _lost: &Lost) {}

    /// A segment with text leaves.
    fn on_sent(&mut self, _now: Instant, _sent: &Sent) {}

    /// What was lost has been repaired; `flight` bytes are outstanding.
    fn on_recovered(&mut self, _now: Instant, _flight: u32) {}

    /// The last `on_congestion` was a mistake: nothing had been lost.
    fn on_spurious(&mut self, _now: Instant) {}

    /// Segments carry at most `mss` bytes from now on: the path has turned out narrower, or may be
    /// wider again. The window, in bytes, has no reason to change (RFC 1191, 6.4), unless one
    /// segment does not fit into it any more.
    fn on_mss(&mut self, mss: u32);

    /// Sending resumes after nothing was sent for longer than the retransmission time-out
    /// (RFC 5681, 4.1).
    fn on_idle(&mut self, _now: Instant) {}

    /// Bytes a second to spread what is sent over, if this controller wants that.
    fn pacing_rate(&self) -> Option<u64> {
        None
    }

    /// Slow-start threshold, bytes, for those who have one.
    fn ssthresh(&self) -> u32 {
        u32::MAX
    }

    /// Whether `window` holds while lost data is being repaired, too. Otherwise proportional rate
    /// reduction decides there, on the way down to `window`.
    fn governs_recovery(&self) -> bool {
        false
    }
}

/// Makes a controller.
pub type Make = fn(Start) -> Box<dyn CongestionControl>;

/// A way to control congestion: a name, and how a connection gets its controller.
#[derive(Clone, Copy)]
pub struct Algorithm {
    name: &'static str,
    make: Make,
}

impl Algorithm {
    /// An algorithm of your own.
    #[must_use]
    pub const fn new(name: &'static str, make: Make) -> Self {
        Self { name, make }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// A controller for one connection.
    #[must_use]
    pub fn start(&self, start: Start) -> Box<dyn CongestionControl> {
        (self.make)(start)
    }
}

impl Default for Algorithm {
    fn default() -> Self {
        REGISTRY[0]
    }
}

/// By name: two of the same name are the same.
impl PartialEq for Algorithm {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Algorithm {}

impl fmt::Debug for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

/// No algorithm of the [`REGISTRY`] has that name. The message lists those that there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownAlgorithm(String);

impl fmt::Display for UnknownAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<_> = REGISTRY.iter().map(Algorithm::name).collect();
        write!(f, "`{}`: no such congestion control; there are {}", self.0, known.join(", "))
    }
}

impl std::error::Error for UnknownAlgorithm {}

/// Finds an algorithm of the [`REGISTRY`] by its name.
impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        // `newreno` is what some call what Linux calls `reno`.
        let name = if name == "newreno" { "reno" } else { name };
        let found = REGISTRY.iter().find(|algorithm| algorithm.name == name);
        found.copied().ok_or_else(|| UnknownAlgorithm(name.to_owned()))
    }
}

/// Every algorithm that comes with the stack; the first one is the default.
pub const REGISTRY: &[Algorithm] = &[
    Algorithm::new("cubic", |start| Box::new(Cubic::new(start))),
    Algorithm::new("reno", |start| Box::new(NewReno::new(start))),
    Algorithm::new("bbr", |start| Box::new(Bbr::new(start))),
];
