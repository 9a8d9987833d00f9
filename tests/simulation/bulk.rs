//! Two programs that send each other a stream of known bytes in random pieces with random pauses.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tuntcp::engine::{Engine, Listener, Socket};
use tuntcp::sim::{App, Next};
use tuntcp::tcp::Shutdown;
use tuntcp::time::Instant;

/// A stream of `len` bytes that `seed` tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    pub(crate) seed: u64,
    pub(crate) len: usize,
}

impl Stream {
    fn byte(self, offset: usize) -> u8 {
        let mut word = self.seed ^ ((offset as u64) >> 3);
        word = word.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        word = (word ^ (word >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (word >> (8 * (offset & 7))).to_le_bytes()[0]
    }

    fn fill(self, offset: usize, out: &mut [u8]) {
        for (byte, offset) in out.iter_mut().zip(offset..) {
            *byte = self.byte(offset);
        }
    }

    fn first_difference(self, offset: usize, bytes: &[u8]) -> Option<usize> {
        (offset..).zip(bytes).find(|&(at, &byte)| self.byte(at) != byte).map(|(at, _)| at)
    }
}

/// When one end shuts down its writing half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// When all is sent.
    Eager,
    /// When all is sent and the peer has closed.
    AfterPeer,
}

/// What one end does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) sends: Stream,
    pub(crate) expects: Stream,
    pub(crate) closing: Closing,
    /// Largest piece that is read or written at once.
    pub(crate) piece: usize,
    /// How often, of 100 reads, the program stops reading for a while.
    pub(crate) pauses: u8,
    /// How long at most.
    pub(crate) pause: Duration,
    pub(crate) seed: u64,
}

/// How an end fared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) received: usize,
    pub(crate) sent: usize,
    /// Set when the program has ended: in good order, or why not.
    pub(crate) ended: Option<Result<(), String>>,
}

/// A fate that the test and the program share.
pub(crate) type SharedFate = Rc<RefCell<Fate>>;

/// How the program gets its socket.
pub(crate) enum Door {
    Accept(Rc<Listener>),
    Open(Socket),
}

/// One end.
pub(crate) struct Bulk {
    door: Option<Door>,
    socket: Option<Socket>,
    plan: Plan,
    rng: Rng,
    reads_from: Instant,
    ended_reading: bool,
    shut: bool,
    fate: SharedFate,
    buffer: Vec<u8>,
}

impl Bulk {
    pub(crate) fn new(door: Door, plan: Plan) -> (Self, SharedFate) {
        let fate = SharedFate::default();
        let bulk = Self {
            door: Some(door),
            socket: None,
            plan,
            rng: Rng::with_seed(plan.seed),
            reads_from: Instant::ZERO,
            ended_reading: false,
            shut: false,
            fate: Rc::clone(&fate),
            buffer: vec![0; plan.piece],
        };
        (bulk, fate)
    }

    /// The socket, once it is open.
    fn enter(&mut self) -> Result<bool, String> {
        match self.door.take() {
            None => {}
            Some(Door::Open(socket)) => {
                if !socket.opened().map_err(|error| format!("open failed: {error}"))? {
                    self.door = Some(Door::Open(socket));
                    return Ok(false);
                }
                self.socket = Some(socket);
            }
            Some(Door::Accept(listener)) => {
                self.socket = listener.accept().map_err(|error| format!("accept: {error}"))?;
                if self.socket.is_none() {
                    self.door = Some(Door::Accept(listener));
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn read(&mut self, now: Instant) -> Result<(), String> {
        let socket = self.socket.as_ref().expect("entered");
        while !self.ended_reading && self.reads_from.is_due(now) {
            let piece = self.rng.usize(1..=self.plan.piece);
            let peek = self.rng.u8(..100) < 5;
            let got = socket.read(now, &mut self.buffer[..piece], peek);
            let Some(got) = got.map_err(|error| format!("read: {error}"))? else {
                return Ok(());
            };
            let mut fate = self.fate.borrow_mut();
            if got == 0 {
                self.ended_reading = true;
                if fate.received != self.plan.expects.len {
                    let expected = self.plan.expects.len;
                    return Err(format!("the end came at {} of {expected}", fate.received));
                }
                return Ok(());
            }
            let wrong = self.plan.expects.first_difference(fate.received, &self.buffer[..got]);
            if let Some(at) = wrong {
                return Err(format!("byte {at} arrived wrong"));
            }
            if !peek {
                fate.received += got;
                if fate.received > self.plan.expects.len {
                    return Err(format!("{} bytes arrived, too many", fate.received));
                }
            }
            if self.rng.u8(..100) < self.plan.pauses {
                self.reads_from = now + self.plan.pause.mul_f64(self.rng.f64());
            }
        }
        Ok(())
    }

    fn write(&mut self, now: Instant) -> Result<(), String> {
        let socket = self.socket.as_ref().expect("entered");
        let mut fate = self.fate.borrow_mut();
        while fate.sent < self.plan.sends.len {
            let piece = self.rng.usize(1..=self.plan.piece).min(self.plan.sends.len - fate.sent);
            self.plan.sends.fill(fate.sent, &mut self.buffer[..piece]);
            match socket.write(now, &self.buffer[..piece]) {
                Ok(Some(taken)) => fate.sent += taken,
                Ok(None) => return Ok(()),
                Err(error) => return Err(format!("write: {error:?}")),
            }
        }
        let may_close = self.plan.closing == Closing::Eager || self.ended_reading;
        if may_close && !self.shut {
            self.shut = true;
            socket.shutdown(now, Shutdown::Write).map_err(|_| "shutdown: not open")?;
        }
        Ok(())
    }

    fn proceed(&mut self, now: Instant) -> Result<Next, String> {
        if !self.enter()? {
            return Ok(Next::OnEvent);
        }
        self.read(now)?;
        self.write(now)?;
        if self.ended_reading && self.shut {
            let error = self.socket.as_ref().and_then(Socket::take_error);
            return error.map_or(Ok(Next::Done), |error| Err(format!("ended by: {error}")));
        }
        let paused = !self.ended_reading && !self.reads_from.is_due(now);
        Ok(if paused { Next::At(self.reads_from) } else { Next::OnEvent })
    }
}

impl App for Bulk {
    fn poll(&mut self, now: Instant, _engine: &Arc<Engine>) -> Next {
        let next = self.proceed(now);
        match next {
            Ok(Next::Done) => self.fate.borrow_mut().ended = Some(Ok(())),
            Ok(next) => return next,
            Err(why) => self.fate.borrow_mut().ended = Some(Err(why)),
        }
        if let Some(socket) = self.socket.take() {
            socket.close(now);
        }
        Next::Done
    }
}
