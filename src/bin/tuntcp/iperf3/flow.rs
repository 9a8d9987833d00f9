//! The streams of a test at work, a thread for each.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tuntcp::TcpStream;
use tuntcp::net::State;
use tuntcp::runtime::clock::Clock;
use tuntcp::time::Instant;

use super::protocol::{Parameters, id};

/// How long a thread sleeps before it looks whether the test is over.
const NAP: Duration = Duration::from_millis(20);
/// How long, at most, what is under way at the end is waited for.
const LEFTOVERS: Duration = Duration::from_secs(1);
/// How long what was sent may stay unacknowledged before the peer is taken for gone.
const GONE: Duration = Duration::from_secs(30);
/// What a client may ask for: bytes of one buffer, and of all that his streams have.
const MAX_BUFFER: u64 = 16 << 20;
const MAX_BUFFERS: u64 = 128 << 20;

/// One stream of a test.
pub(crate) struct Flow {
    /// What both sides call it.
    pub(crate) id: u32,
    /// Whether this side sends.
    pub(crate) sends: bool,
    pub(crate) stream: TcpStream,
    bytes: AtomicU64,
    /// When the last of them came.
    last: AtomicU64,
}

impl Flow {
    /// The stream that was opened as the `index`th, as `parameters` want it.
    pub(crate) fn new(
        stream: TcpStream,
        index: usize,
        sends: bool,
        parameters: &Parameters,
    ) -> io::Result<Self> {
        stream.set_nodelay(parameters.nodelay)?;
        if let Some(name) = &parameters.congestion {
            stream.set_congestion(name)?;
        }
        let dscp = u8::try_from(parameters.tos).map_err(|_| ErrorKind::InvalidInput)? >> 2;
        if dscp > 0 {
            stream.set_dscp(dscp)?;
        }
        if parameters.window > 0 {
            let buffers = 2 * parameters.directions().len() as u64;
            let bytes = parameters.window.min(MAX_BUFFER).min(MAX_BUFFERS / buffers) as usize;
            stream.set_receive_buffer(bytes)?;
            stream.set_send_buffer(bytes)?;
        }
        stream.set_user_timeout(Some(GONE))?;
        if sends {
            // Nobody wants what is not sent by the end.
            stream.set_linger(Some(Duration::ZERO))?;
        }
        stream.set_read_timeout(Some(NAP))?;
        stream.set_write_timeout(Some(NAP))?;
        let (bytes, last) = Default::default();
        Ok(Self { id: id(index), sends, stream, bytes, last })
    }

    /// Bytes so far: written, or read.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// When the last of them was read.
    pub(crate) fn last_read(&self) -> Instant {
        Instant::from_nanos(self.last.load(Ordering::Relaxed))
    }

    /// Whether the peer has all of them.
    pub(crate) fn is_acknowledged(&self) -> bool {
        let info = self.stream.info();
        info.state != State::Closed && info.unacked == 0 && info.unsent == 0
    }

    /// Whether there is no connection any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.stream.info().state == State::Closed
    }

    fn count(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// How the streams of a test run.
pub(crate) struct Course {
    clock: Clock,
    /// What is written, again and again.
    block: Vec<u8>,
    /// Bits per second of each stream; 0 for as many as go.
    rate: u64,
    /// Bytes of all that this side sends, if it is they that end the test.
    limit: Option<u64>,
    /// How much of them the streams have taken upon themselves.
    claimed: AtomicU64,
    /// How long a stream may be silent at the end before there is nothing left to read.
    silence: Duration,
    over: AtomicBool,
    failed: AtomicBool,
}

impl Course {
    /// `limit`: bytes after which those that send stop.
    pub(crate) fn new(clock: Clock, parameters: &Parameters, limit: Option<u64>) -> Self {
        let mut block = vec![0; parameters.len as usize];
        fastrand::fill(&mut block);
        // What the clock has ended is not worth waiting for; of a number of bytes, all are.
        let counts = parameters.bytes().is_some();
        Self {
            clock,
            block,
            rate: parameters.bandwidth,
            limit,
            claimed: AtomicU64::new(0),
            silence: Duration::from_millis(if counts { 100 } else { 1 }),
            over: AtomicBool::new(false),
            failed: AtomicBool::new(false),
        }
    }

    /// Runs `flows` until `watch` returns.
    pub(crate) fn run<T>(
        &self,
        flows: &[Flow],
        watch: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        thread::scope(|scope| {
            let started = flows.iter().try_for_each(|flow| {
                thread::Builder::new().spawn_scoped(scope, || self.drive(flow)).map(drop)
            });
            let outcome = started.and_then(|()| watch());
            self.over.store(true, Ordering::Release);
            outcome
        })
    }

    /// Whether a stream has broken.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    fn drive(&self, flow: &Flow) {
        let outcome = if flow.sends { self.send(flow) } else { self.receive(flow) };
        if let Err(error) = outcome {
            log::info!("iperf3: stream {}: {error}", flow.id);
            self.failed.store(true, Ordering::Release);
        }
    }

    fn send(&self, flow: &Flow) -> io::Result<()> {
        let start = self.clock.now();
        let mut sent = 0_u64;
        while self.claim() {
            let mut rest = &self.block[..];
            while !rest.is_empty() {
                if self.is_over() {
                    return Ok(());
                }
                let written = (&flow.stream).write(rest);
                let count = if is_late(&written) { 0 } else { written? };
                flow.count(count);
                rest = &rest[count..];
            }
            sent += self.block.len() as u64;
            self.wait_until(start + self.takes(sent));
        }
        Ok(())
    }

    /// Whether there is another block to send.
    fn claim(&self) -> bool {
        let before = self.claimed.fetch_add(self.block.len() as u64, Ordering::Relaxed);
        !self.is_over() && self.limit.is_none_or(|limit| before < limit)
    }

    /// How long so many bytes take at the rate that is wanted.
    fn takes(&self, bytes: u64) -> Duration {
        if self.rate == 0 {
            return Duration::ZERO;
        }
        Duration::try_from_secs_f64(bytes as f64 * 8.0 / self.rate as f64).unwrap_or(Duration::MAX)
    }

    fn wait_until(&self, then: Instant) {
        loop {
            let left = then - self.clock.now();
            if left.is_zero() || self.is_over() {
                return;
            }
            thread::sleep(left.min(NAP));
        }
    }

    /// Until the test is over, and all is read that had come by then.
    fn receive(&self, flow: &Flow) -> io::Result<()> {
        let mut buffer = vec![0; self.block.len().min(128 << 10)];
        let mut leftovers = None;
        loop {
            if leftovers.is_none() && self.is_over() {
                leftovers = Some(self.clock.now() + LEFTOVERS);
                flow.stream.set_read_timeout(Some(self.silence))?;
            }
            let read = (&flow.stream).read(&mut buffer);
            match (is_late(&read), leftovers) {
                (true, None) => continue,
                (true, Some(_)) => return Ok(()),
                (false, _) => {}
            }
            let count = read?;
            flow.count(count);
            let now = self.clock.now();
            flow.last.store(now.as_nanos(), Ordering::Relaxed);
            if count == 0 || leftovers.is_some_and(|until| until.is_due(now)) {
                return Ok(());
            }
        }
    }
}

/// Whether the call has only taken too long.
fn is_late(outcome: &io::Result<usize>) -> bool {
    outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}
