//! How much were the last turns of a packet loop about? Who leads next depends on it.

#[cfg(test)]
#[path = "tests/load.rs"]
mod tests;

/// Frames from the device that are few for a turn.
const FEW: usize = 32;

/// Bytes of frames, received and sent, that are little for a turn.
const LITTLE: usize = 32 << 10;

/// So many turns in succession with little to do are calm: what pours has its quiet moments, too. And
/// so many with one connection alone are the end of a crowd. Turns with nothing at all do not count.
const CALM: u8 = 16;

/// What the last turn was about, and those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    connections: usize,
    /// Turns with little to do since there was much.
    light: u8,
    /// Turns with one connection since there were several.
    since_several: u8,
}

impl Load {
    /// Another turn: it dealt with so many connections, took so many frames, which together with what
    /// was sent had so many bytes, and perhaps left `more` in the device.
    pub(crate) const fn note(
        &mut self,
        connections: usize,
        frames: usize,
        bytes: usize,
        more: bool,
    ) {
        self.connections = connections;
        if more || frames > FEW || bytes > LITTLE {
            self.light = 0;
        } else if connections > 0 {
            self.light = self.light.saturating_add(1);
        }
        self.since_several = match connections {
            0 => self.since_several,
            1 => self.since_several.saturating_add(1),
            _ => 0,
        };
    }

    /// Connections that the last turn dealt with.
    pub(crate) const fn connections(self) -> usize {
        self.connections
    }

    /// There are several connections, of which each wants little: whoever turns is done soon, and who
    /// was woken comes back soon.
    pub(crate) const fn is_crowd(self) -> bool {
        self.since_several < CALM && self.light >= CALM
    }

    /// The last turn had several connections, of which some want much: whoever turns is kept from
    /// everything else.
    pub(crate) const fn is_flood(self) -> bool {
        self.connections > 1 && self.light < CALM
    }
}
