//! Which way to a TUN? The fast one where the kernel has it, the plain one otherwise.

use std::fmt;
use std::str::FromStr;

use super::{Device, Tun, TunError, TunQueue};

/// Whether to use the kernel's offloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OffloadPolicy {
    /// Where the kernel has them.
    #[default]
    Auto,
    /// Never: every frame is one packet, complete as a wire carries it.
    Off,
}

impl fmt::Display for OffloadPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Off => "off",
        })
    }
}

impl FromStr for OffloadPolicy {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            _ => Err("auto or off is wanted"),
        }
    }
}

/// How to open a TUN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TunOptions {
    /// Whether to use the kernel's offloads. Default: where there are any.
    pub offload: OffloadPolicy,
    /// Queues, 1 at least: a packet loop each. More than one takes an interface that was made for
    /// several (`setup_tun.sh --queues N`). Default 1.
    pub queues: usize,
}

impl Default for TunOptions {
    fn default() -> Self {
        Self { offload: OffloadPolicy::Auto, queues: 1 }
    }
}

/// Opens the TUN interface `name`, which must exist in the calling thread's network namespace: a
/// device for each queue. Where the kernel has no offloads the plain path is taken, and the log
/// says so.
///
/// ```no_run
/// use tuntcp::device::{self, TunOptions};
///
/// let devices = device::open("tun0", &TunOptions::default())?;
/// println!("frames of up to {} bytes", devices[0].capabilities().max_frame);
/// # std::io::Result::Ok(())
/// ```
///
/// # Errors
/// What [`TunQueue::open`] and [`Tun::open`] say, but for `NoOffload`.
pub fn open(name: &str, options: &TunOptions) -> Result<Vec<Box<dyn Device>>, TunError> {
    if options.offload == OffloadPolicy::Auto {
        match TunQueue::open(name, options.queues, true) {
            Err(error @ TunError::NoOffload { .. }) => {
                log::warn!(target: "tuntcp::device", "{error}; every packet goes by itself");
            }
            opened => return opened.map(boxed),
        }
    }
    if options.queues <= 1 {
        match Tun::open(name) {
            // It was made for several queues, which tun-tap knows nothing of.
            Err(TunError::WrongKind { .. }) => {}
            opened => return opened.map(|tun| boxed(vec![tun])),
        }
    }
    TunQueue::open(name, options.queues, false).map(boxed)
}

fn boxed<D: Device + 'static>(devices: Vec<D>) -> Vec<Box<dyn Device>> {
    devices.into_iter().map(|device| Box::new(device) as Box<dyn Device>).collect()
}
