//! One transfer over one path, and what came of it.

use std::fmt::{self, Display, Formatter};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant, SystemTime};

use tuntcp::device::{Capture, Device};

use crate::Failure;
use crate::ends::{End, Kind, Stream};
use crate::paths::Path;
use crate::shuttle::Shuttle;

const SENDER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const RECEIVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
/// Discard.
const PORT: u16 = 9;

/// Bytes of one write, and of one read.
const BLOCK: usize = 64 << 10;

/// Who sends to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Contender {
    /// Linux to Linux.
    Linux,
    /// The same once more: how far two measurements of the same thing lie apart.
    Control,
    /// Ours to Linux.
    Sends,
    /// Linux to ours.
    Receives,
}

impl Contender {
    /// Everybody, in the order in which they are measured.
    pub const ALL: [Self; 4] = [Self::Linux, Self::Control, Self::Sends, Self::Receives];

    /// Sender and receiver.
    #[must_use]
    pub fn ends(self) -> (Kind, Kind) {
        match self {
            Self::Linux | Self::Control => (Kind::Linux, Kind::Linux),
            Self::Sends => (Kind::Ours, Kind::Linux),
            Self::Receives => (Kind::Linux, Kind::Ours),
        }
    }
}

/// What is to be tried.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Over what.
    pub path: &'static Path,
    /// Who.
    pub contender: Contender,
    /// Congestion control of both ends.
    pub algorithm: String,
    /// What decides what is lost and reordered.
    pub seed: u64,
    /// How long the receiver reads.
    pub span: Duration,
    /// Where to write what passes the sender, if anywhere.
    pub capture: Option<PathBuf>,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// What the receiving application has read, bits a second.
    pub goodput: f64,
    /// Payload bytes sent for the second time or oftener, of all that were sent.
    pub again: f64,
    /// The longest time in which the receiving application got nothing.
    pub gap: Duration,
    /// Retransmission time-outs of the sender.
    pub timeouts: u64,
    /// Frames that were lost on the way to the path or from it, not on it: none in a good trial.
    pub strays: u64,
    /// Share of the frames that the shuttle handed on late.
    pub late: f64,
}

impl Display for Outcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { goodput, again, gap, timeouts, strays, late } = self;
        let (rate, again, late) = (goodput / 1e6, again * 100.0, late * 100.0);
        write!(
            f,
            "{rate:.2} Mbit/s, {again:.2} % sent again, longest silence {} ms, time-outs {timeouts}, \
             strays {strays}, {late:.2} % of frames late",
            gap.as_millis(),
        )
    }
}

/// A party's word to the trial: its device is there; then it waits for the path.
struct Call {
    device: Sender<Box<dyn Device>>,
    go: Receiver<()>,
}

/// Tells the sender, when it goes, that there is no more to send for, however that came.
struct Measured<'a>(&'a AtomicBool);

impl Drop for Measured<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// The trial's side of that.
struct Party<'scope, T> {
    thread: ScopedJoinHandle<'scope, Result<T, Failure>>,
    device: Box<dyn Device>,
    go: Sender<()>,
}

struct Sent {
    timeouts: u64,
    dropped: u64,
}

struct Got {
    bytes: u64,
    gap: Duration,
    dropped: u64,
}

impl Trial {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {} {:?} {}", self.algorithm, self.path.name, self.contender, self.seed)
    }

    /// Runs it.
    pub fn run(&self) -> Result<Outcome, Failure> {
        let (sending, receiving) = self.contender.ends();
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let over = &over;
            let receiver = Party::start(scope, move |call| self.receive(receiving, &call, over))?;
            let sender = Party::start(scope, move |call| self.send(sending, &call, over))?;
            let [data, acks] = self.path.wires(self.seed);
            let near = self.captured(sender.device)?;
            let shuttle = Shuttle::between(near, receiver.device, &data, &acks);
            // Whoever has gone will say why.
            let _ = (receiver.go.send(()), sender.go.send(()));
            let sent = join(sender.thread);
            drop(receiver.go);
            let got = join(receiver.thread);
            let carried = shuttle.end();
            let (sent, got, (data, acks)) = (sent?, got?, carried?);
            let frames = data.tally.delivered + acks.tally.delivered;
            Ok(Outcome {
                goodput: got.bytes as f64 * 8.0 / self.span.as_secs_f64(),
                again: data.again as f64 / data.payload.max(1) as f64,
                gap: got.gap,
                timeouts: sent.timeouts,
                strays: sent.dropped + got.dropped + data.refused + acks.refused,
                late: (data.late + acks.late) as f64 / frames.max(1) as f64,
            })
        })
    }

    fn receive(&self, kind: Kind, call: &Call, over: &AtomicBool) -> Result<Got, Failure> {
        let measured = Measured(over);
        let (end, device) = End::new(kind, RECEIVER, &self.algorithm)?;
        let listener = end.listen(SocketAddr::from((RECEIVER, PORT)))?;
        call.ready(device)?;
        let mut stream = listener.accept().map_err(|error| format!("accept: {error}"))?;
        let read = read_for(self.span, &mut stream);
        drop(measured);
        // While the connection stands, the sender can be asked how it has fared.
        call.wait_until_dismissed();
        let (bytes, gap) = read?;
        Ok(Got { bytes, gap, dropped: end.dropped()? })
    }

    fn send(&self, kind: Kind, call: &Call, over: &AtomicBool) -> Result<Sent, Failure> {
        let (end, device) = End::new(kind, SENDER, &self.algorithm)?;
        call.ready(device)?;
        let to = SocketAddr::from((RECEIVER, PORT));
        let mut stream = end.connect(to).map_err(|error| format!("connect: {error}"))?;
        let before = end.timeouts(&stream)?;
        let block = vec![0x5a; BLOCK];
        while !over.load(Ordering::Acquire) {
            match stream.write(&block) {
                Ok(_) => {}
                Err(error) if is_glance(error.kind()) => {}
                Err(error) => return Err(format!("write: {error}").into()),
            }
        }
        Ok(Sent { timeouts: end.timeouts(&stream)? - before, dropped: end.dropped()? })
    }

    /// The sender's device, captured if that was asked for.
    fn captured(&self, device: Box<dyn Device>) -> Result<Box<dyn Device>, Failure> {
        let Some(path) = &self.capture else { return Ok(device) };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        Ok(Box::new(Capture::create(device, path, now)?))
    }
}

impl Call {
    fn ready(&self, device: Box<dyn Device>) -> Result<(), Failure> {
        let failed = |_| "the other end failed";
        self.device.send(device).map_err(|_| "nobody listens")?;
        self.go.recv().map_err(failed)?;
        Ok(())
    }

    fn wait_until_dismissed(&self) {
        // The trial says nothing more: it lets go of its end.
        let _ = self.go.recv();
    }
}

impl<'scope, T: Send + 'scope> Party<'scope, T> {
    /// Starts a thread, which gets a namespace of its own if it wants one, and waits until its end of
    /// the path is there.
    fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        body: impl FnOnce(Call) -> Result<T, Failure> + Send + 'scope,
    ) -> Result<Self, Failure> {
        let (give, take) = channel();
        let (go, gone) = channel();
        let thread = scope.spawn(move || body(Call { device: give, go: gone }));
        match take.recv() {
            Ok(device) => Ok(Self { thread, device, go }),
            Err(_) => Err(join(thread).err().unwrap_or_else(|| "no device".into())),
        }
    }
}

fn join<T>(thread: ScopedJoinHandle<'_, Result<T, Failure>>) -> Result<T, Failure> {
    thread.join().map_err(|_| "a party panicked")?
}

/// How many bytes come in this time, and the longest time in which none did.
fn read_for(span: Duration, stream: &mut Stream) -> Result<(u64, Duration), Failure> {
    let begun = Instant::now();
    let end = begun + span;
    let (mut bytes, mut gap, mut last) = (0, Duration::ZERO, begun);
    let mut block = vec![0; BLOCK];
    loop {
        let read = stream.read(&mut block);
        let now = Instant::now();
        // The silence in which the time runs out counts, too.
        gap = gap.max(now.min(end) - last);
        if now >= end {
            return Ok((bytes, gap));
        }
        match read {
            Ok(0) => return Err("the sender has closed".into()),
            Ok(count) => (bytes, last) = (bytes + count as u64, now),
            Err(error) if is_glance(error.kind()) => {}
            Err(error) => return Err(format!("read: {error}").into()),
        }
    }
}

/// Whether a read or write only ended to let its caller look at the time.
fn is_glance(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
