//! ICMP beside the transports: what may be answered, and how often (RFC 792; RFC 1122, 3.2.2;
//! RFC 4443).

use std::time::Duration;

use crate::time::Instant;

/// Unreachable code: nobody here speaks that protocol.
pub const PROTOCOL_UNREACHABLE: u8 = 2;
/// Unreachable code: nobody listens at that port.
pub const PORT_UNREACHABLE: u8 = 3;
/// The same of IPv6.
pub const PORT_UNREACHABLE_V6: u8 = 4;

/// ICMP errors that a host sends in a second at most (RFC 1812, 4.3.2.8; RFC 4443, 2.4 f): nobody shall use it to
/// flood somebody else.
const PER_SECOND: u32 = 1000;

/// The limit on ICMP errors.
///
/// ```
/// use tuntcp::icmp::ErrorBudget;
/// use tuntcp::time::Instant;
///
/// let mut budget = ErrorBudget::new();
/// let sent = (0..5000).filter(|_| budget.spend(Instant::ZERO)).count();
/// assert_eq!(sent, 1000);
/// ```
#[derive(Debug, Default)]
pub struct ErrorBudget {
    since: Instant,
    spent: u32,
}

impl ErrorBudget {
    /// Nothing spent.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether one more may be sent now.
    pub fn spend(&mut self, now: Instant) -> bool {
        if now - self.since >= Duration::from_secs(1) {
            *self = Self { since: now, spent: 0 };
        }
        let may = self.spent < PER_SECOND;
        self.spent += u32::from(may);
        may
    }
}
