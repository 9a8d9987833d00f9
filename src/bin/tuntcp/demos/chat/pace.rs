//! How fast a member may talk: a bucket that fills with time and is emptied by messages.

use std::time::Duration;

use tuntcp::time::Instant;

/// Bytes in a second.
const RATE: u32 = 1 << 20;
/// Bytes at once: less than waits for a member before he is taken to be deaf, so that nobody can make
/// others look so.
const BURST: u32 = 128 << 10;
/// What a message costs besides its bytes.
const MESSAGE: u32 = 64;

/// Somebody's pace.
#[derive(Default)]
pub(super) struct Pace {
    /// When all that he has said so far was due at [`RATE`].
    due: Instant,
}

impl Pace {
    /// He has said `bytes` more: how long to wait before he is heard on.
    pub(super) fn pause(&mut self, now: Instant, bytes: usize) -> Duration {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).saturating_add(MESSAGE);
        self.due = self.due.max(now) + Duration::from_secs(1) * bytes / RATE;
        let ahead = self.due - now;
        ahead.saturating_sub(Duration::from_secs(1) * BURST / RATE)
    }
}
