//! In which state is the connection, and what moves it on? (RFC 9293, 3.3.2)
//!
//! ```text
//!                     CLOSED / LISTEN
//!        connect: SYN  |          | rcv SYN: SYN-ACK
//!                      v          v
//!                  SYN-SENT ---> SYN-RECEIVED          (rcv SYN: both open at once)
//!            rcv SYN-ACK \          / rcv ACK of SYN
//!                         v        v
//!                        ESTABLISHED
//!             close: FIN /          \ rcv FIN
//!                       v            v
//!               FIN-WAIT-1          CLOSE-WAIT
//!    rcv ACK of FIN |   \ rcv FIN       | close: FIN
//!                   v    v              v
//!           FIN-WAIT-2  CLOSING      LAST-ACK
//!          rcv FIN |       | rcv ACK    | rcv ACK of FIN
//!                  v       v  of FIN    v
//!                  TIME-WAIT ------> CLOSED
//!                            2 MSL
//! ```
//!
//! The states keep different data, so they are different structs (`handshake::Opening`,
//! `tcb::Tcb`, `time_wait::Lingering`); this table is the one place that says which follows which.

/// The states of RFC 9293. LISTEN belongs to the engine's listeners, not to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// We asked, nobody has answered.
    SynSent,
    /// Both have asked, our SYN is not yet acknowledged.
    SynReceived,
    /// Data flows both ways.
    Established,
    /// We closed; our FIN is not yet acknowledged.
    FinWait1,
    /// We closed and the peer knows; the peer may go on.
    FinWait2,
    /// The peer closed; we may go on.
    CloseWait,
    /// Both closed at once; our FIN is not yet acknowledged.
    Closing,
    /// The peer closed, then we; our FIN is not yet acknowledged.
    LastAck,
    /// Both closed; old segments die out.
    TimeWait,
    /// Over.
    Closed,
}

/// What moves a connection from one state to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A SYN arrived that does not acknowledge ours.
    Syn,
    /// Our SYN was acknowledged, and the peer's is known.
    SynAcked,
    /// The application closed the sending direction.
    Close,
    /// The peer's FIN was reached: everything before it has arrived.
    Fin,
    /// Our FIN was acknowledged.
    FinAcked,
    /// A RST, an abort, a time-out: the end without ceremony; or 2 MSL passed.
    End,
}

impl State {
    /// The state after `event`; the same state where the event means nothing.
    #[must_use]
    pub const fn after(self, event: Event) -> Self {
        match (self, event) {
            (Self::SynSent, Event::Syn) => Self::SynReceived,
            (Self::SynSent | Self::SynReceived, Event::SynAcked) => Self::Established,
            (Self::SynSent, Event::Close) | (Self::LastAck, Event::FinAcked) | (_, Event::End) => {
                Self::Closed
            }
            (Self::SynReceived | Self::Established, Event::Close) => Self::FinWait1,
            (Self::CloseWait, Event::Close) => Self::LastAck,
            (Self::Established, Event::Fin) => Self::CloseWait,
            (Self::FinWait1, Event::Fin) => Self::Closing,
            (Self::FinWait2, Event::Fin) | (Self::Closing, Event::FinAcked) => Self::TimeWait,
            (Self::FinWait1, Event::FinAcked) => Self::FinWait2,
            _ => self,
        }
    }

    /// Whether the application may still hand over data.
    #[must_use]
    pub const fn may_send(self) -> bool {
        matches!(self, Self::Established | Self::CloseWait)
    }

    /// Whether the peer may still send text (RFC 9293 3.10.7.4, seventh).
    #[must_use]
    pub const fn may_receive(self) -> bool {
        matches!(self, Self::Established | Self::FinWait1 | Self::FinWait2)
    }

    /// Whether the peer's FIN was reached and the connection is not over yet.
    #[must_use]
    pub const fn peer_closed(self) -> bool {
        matches!(self, Self::CloseWait | Self::Closing | Self::LastAck | Self::TimeWait)
    }
}
