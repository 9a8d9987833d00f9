//! What does a congestion controller do on this path, beside those flows? The instrument.
//!
//! A [`Scenario`] says which flows pass which links between which hosts, and for how long; running
//! it gives an [`Outcome`]: what each flow got, what it cost, and how everything went over time.
//! One seed decides everything that is random, so the same scenario gives the same outcome.
//!
//! ```text
//!   host --cable--\                                     /--cable-- host
//!   host --cable---o--- link: rate, delay, queue, .. ---o--cable-- host      there -->
//!   host --cable--/                                     \--cable-- host      <-- back
//! ```
//!
//! A flow has a host of its own at each end, unless it is told to share one, and passes the links
//! it is told to; each link is an [`Impairment`](crate::device::impair::Impairment) in each
//! direction. What is measured comes from where it happens: goodput from the receiving program,
//! segments, what is sent twice and waits in queues from the wire, windows and round trips from the
//! sender's [`Info`](crate::tcp::Info).
//!
//! ```
//! use std::time::Duration;
//! use tuntcp::sim::lab::Scenario;
//! use tuntcp::tcp::congestion::Algorithm;
//!
//! let mut scenario = Scenario::new(7, Duration::from_secs(5));
//! scenario.add_link("bottleneck", "rate=10mbit,delay=10ms,queue=50".parse().unwrap(),
//!                   "delay=10ms".parse().unwrap());
//! for _ in 0..2 {
//!     scenario.add_flow(Algorithm::default());
//! }
//! let outcome = scenario.run().unwrap();
//! let total: f64 = outcome.flows.iter().map(|flow| flow.goodput).sum();
//! assert!(total > 8e6 && total < 10e6, "{total} bits a second");
//! assert!(outcome.fairness() > 0.5);
//! ```
//!
//! Not here: files. `tuntcp sim` reads scenarios from TOML and writes tables, CSV and plots.

mod histogram;
mod outcome;
mod probe;
mod run;
mod scenario;
mod traffic;

pub use outcome::{FlowReport, FlowSample, LinkReport, LinkSample, Outcome, jain};
pub use run::Problem;
pub use scenario::{Flow, Host, Link, OnOff, Scenario};
