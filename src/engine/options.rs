//! The options of a connection, in the application's hand.

use std::time::Duration;

use super::socket::Socket;
use crate::tcp::congestion::Algorithm;
use crate::tcp::{Config, Connection, KeepAlive, Signals};
use crate::time::Instant;

impl Socket {
    /// Changes a setting, and sends what is owed for it.
    fn set(&self, now: Instant, change: impl FnOnce(&mut Connection)) {
        self.engine.act(now, &self.slot, |inner| {
            change(&mut inner.connection);
            (Signals::empty(), ())
        });
    }

    fn get<T>(&self, of: impl FnOnce(&Config) -> T) -> T {
        of(self.slot.lock().connection.config())
    }

    /// DSCP of every segment from now on (RFC 9293 3.9.1.9, MUST-48, SHLD-21).
    pub fn set_dscp(&self, now: Instant, dscp: u8) {
        self.set(now, |connection| connection.set_dscp(dscp));
    }

    /// DSCP of what is sent.
    #[must_use]
    pub fn dscp(&self) -> u8 {
        self.get(|config| config.dscp)
    }

    /// Time to live of every segment from now on, hops (RFC 9293 3.9.2, MUST-49).
    pub fn set_ttl(&self, now: Instant, ttl: u8) {
        self.set(now, |connection| connection.set_ttl(ttl));
    }

    /// Time to live of what is sent, hops.
    #[must_use]
    pub fn ttl(&self) -> u8 {
        self.get(|config| config.ttl)
    }

    /// Bytes that may wait to be read, from now on: what was offered to the peer is taken still, and
    /// the buffer does not grow any more (`SO_RCVBUF`).
    pub fn set_receive_buffer(&self, now: Instant, bytes: usize) {
        self.set(now, |connection| connection.set_receive_buffer(bytes));
    }

    /// Bytes that may wait to be read now.
    #[must_use]
    pub fn receive_buffer(&self) -> usize {
        self.slot.lock().connection.receive_buffer()
    }

    /// Bytes that may wait to be sent or acknowledged, from now on: the buffer does not grow any more
    /// (`SO_SNDBUF`). Who waits for room looks again.
    pub fn set_send_buffer(&self, now: Instant, bytes: usize) {
        self.engine.act(now, &self.slot, |inner| {
            inner.connection.set_send_buffer(bytes);
            (Signals::WRITABLE, ())
        });
    }

    /// Bytes that may wait to be sent or acknowledged now.
    #[must_use]
    pub fn send_buffer(&self) -> usize {
        self.slot.lock().connection.send_buffer()
    }

    /// `TCP_NODELAY`. Switched on, it also sends what is held.
    pub fn set_nodelay(&self, now: Instant, nodelay: bool) {
        self.set(now, |connection| connection.set_nodelay(nodelay));
    }

    /// Whether small segments are sent at once.
    #[must_use]
    pub fn nodelay(&self) -> bool {
        self.get(|config| config.nodelay)
    }

    /// `TCP_CORK`: full segments only, the rest late; switched off, it sends what is held.
    pub fn set_cork(&self, now: Instant, cork: bool) {
        self.set(now, |connection| connection.set_cork(cork));
    }

    /// Whether small segments are held back.
    #[must_use]
    pub fn cork(&self) -> bool {
        self.get(|config| config.cork)
    }

    /// Whether text is acknowledged at once; switched on, an acknowledgement that waits leaves.
    pub fn set_quick_ack(&self, now: Instant, quick_ack: bool) {
        self.set(now, |connection| connection.set_quick_ack(quick_ack));
    }

    /// Whether text is acknowledged at once.
    #[must_use]
    pub fn quick_ack(&self) -> bool {
        self.get(|config| config.quick_ack)
    }

    /// Congestion control from now on; the window stays what it is.
    pub fn set_congestion(&self, now: Instant, algorithm: Algorithm) {
        self.set(now, |connection| connection.set_congestion(now, algorithm));
    }

    /// Congestion control.
    #[must_use]
    pub fn congestion(&self) -> Algorithm {
        self.get(|config| config.congestion)
    }

    /// Keep-alive on with these settings, or off.
    pub fn set_keepalive(&self, now: Instant, keepalive: Option<KeepAlive>) {
        self.set(now, |connection| connection.set_keepalive(now, keepalive));
    }

    /// Keep-alive settings, if it is on.
    #[must_use]
    pub fn keepalive(&self) -> Option<KeepAlive> {
        self.get(|config| config.keepalive)
    }

    /// The user timeout.
    pub fn set_user_timeout(&self, now: Instant, timeout: Option<Duration>) {
        self.set(now, |connection| connection.set_user_timeout(timeout));
    }

    /// The user timeout, if there is one.
    #[must_use]
    pub fn user_timeout(&self) -> Option<Duration> {
        self.get(|config| config.user_timeout)
    }
}
