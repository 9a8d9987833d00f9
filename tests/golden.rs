//! What the algorithms do, as text that is checked in: a change of behaviour shows as a difference.
//!
//! Each table is computed anew and compared with `tests/golden/`; `TUNTCP_BLESS=1` writes it. The
//! tables go through the registry, so a new algorithm stands in them by itself.

#[path = "golden/compare.rs"]
mod compare;
#[path = "golden/fairness.rs"]
mod fairness;
#[path = "golden/paths.rs"]
mod paths;
#[path = "golden/queues.rs"]
mod queues;
#[path = "golden/scenarios.rs"]
mod scenarios;
