//! What may be changed while a connection lives? Its settings are shared with all that began with
//! the same ones, until the first change, which makes a copy.

use std::sync::Arc;
use std::time::Duration;

use super::congestion::Algorithm;
use super::connection::{Connection, Phase};
use super::{Config, KeepAlive};
use crate::time::Instant;

impl Connection {
    /// The settings now.
    #[must_use]
    pub fn config(&self) -> &Config {
        match &self.phase {
            Phase::Opening(opening) => &opening.config,
            Phase::Open(tcb) => &tcb.config,
            Phase::Lingering(lingering) => &lingering.wait.config,
            Phase::Over(over) => &over.config,
        }
    }

    fn config_mut(&mut self) -> &mut Config {
        let config = match &mut self.phase {
            Phase::Opening(opening) => &mut opening.config,
            Phase::Open(tcb) => &mut tcb.config,
            Phase::Lingering(lingering) => &mut lingering.wait.config,
            Phase::Over(over) => &mut over.config,
        };
        Arc::make_mut(config)
    }

    /// DSCP of every segment from now on (RFC 9293 3.9.1.9, MUST-48, SHLD-21, SHLD-22), six bits.
    pub fn set_dscp(&mut self, dscp: u8) {
        self.config_mut().dscp = dscp & 0x3f;
    }

    /// Time to live of every segment from now on, hops (RFC 9293 3.9.2, MUST-49).
    pub fn set_ttl(&mut self, ttl: u8) {
        self.config_mut().ttl = ttl;
    }

    /// `TCP_NODELAY`. Switched on, it also sends what is held, by a cork too, as in Linux.
    pub fn set_nodelay(&mut self, nodelay: bool) {
        self.config_mut().nodelay = nodelay;
        if nodelay {
            self.push();
        }
    }

    /// `TCP_CORK`: only full segments leave, and the rest once nothing is outstanding and
    /// `Config::override_timeout` has passed. Switched off, it sends what is held.
    pub fn set_cork(&mut self, cork: bool) {
        self.config_mut().cork = cork;
        if !cork {
            self.push();
        }
    }

    /// What is not sent yet leaves as soon as the windows allow.
    fn push(&mut self) {
        if let Phase::Open(tcb) = &mut self.phase {
            tcb.snd.override_held |= tcb.snd.unsent() > 0;
        }
    }

    /// Whether acknowledgements of text wait for no company; switched on, one that waits leaves.
    pub fn set_quick_ack(&mut self, quick_ack: bool) {
        self.config_mut().quick_ack = quick_ack;
        if let Phase::Open(tcb) = &mut self.phase
            && quick_ack
            && !tcb.timers.delayed_ack.is_never()
        {
            tcb.ack_owed = true;
        }
    }

    /// Bytes that may wait to be read, from now on: the buffer does not grow any more. What the peer
    /// was offered already is taken still; the shift of our windows stays what the SYN said.
    pub fn set_receive_buffer(&mut self, bytes: usize) {
        self.config_mut().receive_buffer = bytes.into();
        match &mut self.phase {
            Phase::Opening(opening) => opening.buffer.pin(bytes),
            Phase::Open(tcb) => {
                tcb.rcv.buffer.pin(bytes);
                tcb.ack_owed |= tcb.rcv.update_due();
            }
            _ => {}
        }
    }

    /// Bytes that may wait to be read now.
    #[must_use]
    pub fn receive_buffer(&self) -> usize {
        match &self.phase {
            Phase::Open(tcb) => tcb.rcv.buffer.capacity() as usize,
            _ => self.config().receive_buffer.initial,
        }
    }

    /// Bytes that may wait to be sent or acknowledged, from now on: the buffer does not grow any
    /// more. What waits already stays.
    pub fn set_send_buffer(&mut self, bytes: usize) {
        self.config_mut().send_buffer = bytes.into();
        if let Phase::Open(tcb) = &mut self.phase {
            tcb.snd.set_capacity(bytes);
        }
    }

    /// Bytes that may wait to be sent or acknowledged now.
    #[must_use]
    pub fn send_buffer(&self) -> usize {
        match &self.phase {
            Phase::Open(tcb) => tcb.snd.capacity as usize,
            _ => self.config().send_buffer.initial,
        }
    }

    /// Congestion control from now on (`TCP_CONGESTION` of Linux; RFC 9293 3.8.2, MAY-18). Where the
    /// connection is open the new controller goes on with the window, the slow-start threshold and
    /// the round trip of the old one; if it is of the same name already, nothing changes.
    pub fn set_congestion(&mut self, now: Instant, algorithm: Algorithm) {
        if self.config().congestion == algorithm {
            return;
        }
        self.config_mut().congestion = algorithm;
        if let Phase::Open(tcb) = &mut self.phase {
            tcb.change_controller(now);
        }
    }

    /// Keep-alive on, with these settings, or off.
    pub fn set_keepalive(&mut self, now: Instant, keepalive: Option<KeepAlive>) {
        self.config_mut().keepalive = keepalive;
        if let Phase::Open(tcb) = &mut self.phase {
            tcb.restart_keepalive(now);
        }
    }

    /// The user timeout, or none (then `Config::r2` decides).
    pub fn set_user_timeout(&mut self, timeout: Option<Duration>) {
        self.config_mut().user_timeout = timeout;
    }
}
