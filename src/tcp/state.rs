//! In which state is the connection? (RFC 9293, 3.3.2)

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
