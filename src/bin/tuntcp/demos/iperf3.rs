//! iperf3's server (TCP): one test at a time, as iperf3 itself has it, for two would measure each other.
//!
//! The connection that a test is controlled by has its thread here, and so has each stream of data
//! that comes after it; those are known by the test's cookie, and handed over to the test.

use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tuntcp::TcpStream;
use tuntcp::net::KeepAlive;
use tuntcp::runtime::clock::Clock;

use super::{Number, Server};
use crate::iperf3::flow::{Course, Flow};
use crate::iperf3::meter::{Interval, Meter, Part, Total};
use crate::iperf3::protocol::{
    Code, Control, Cookie, MAX_STREAMS, Parameters, Results, State, wrong,
};
use crate::iperf3::report::{self, RULE, Style};

/// How long a client may take for each thing that he has to say.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a test may go on after it should have been over.
const GRACE: Duration = Duration::from_secs(10);
/// How long nothing may flow in a test that has no end of its own.
const IDLE: Duration = Duration::from_secs(120);
/// How long it may go unnoticed that a client who should open streams has gone.
const NAP: Duration = Duration::from_millis(50);
/// What a client may have to say at most, bytes.
const PARAMETERS: u32 = 64 << 10;
const RESULTS: u32 = 1 << 20;
/// What a client is told, at most, of what was printed here, bytes.
const OUTPUT: usize = 1 << 20;
/// Between two lines about a stream.
const INTERVAL: Duration = Duration::from_secs(1);

pub(super) fn server() -> Server {
    let service = Service { clock: Clock::start(), running: Mutex::new(None) };
    Server::numbered(move |stream, number| service.serve(stream, number))
}

struct Service {
    clock: Clock,
    running: Mutex<Option<Running>>,
}

/// The test that runs, as others see it.
struct Running {
    cookie: Cookie,
    streams: SyncSender<(Number, TcpStream)>,
}

/// What a connection turns out to be.
enum Kind {
    /// Of a test that may run now, and gets its streams from here.
    Control(Receiver<(Number, TcpStream)>),
    /// A stream of the test that runs.
    Data(SyncSender<(Number, TcpStream)>),
    /// Of a test that has to wait.
    Late,
}

/// Why a test ends before its end.
enum Fault {
    /// The client does not hear of it.
    Io(io::Error),
    Refused(Code),
    /// It should have been over long ago.
    Late,
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Service {
    fn serve(&self, stream: TcpStream, number: Number) -> io::Result<()> {
        let control = Control::new(stream, self.clock, PATIENCE)?;
        let cookie = control.receive_cookie(PATIENCE)?;
        match self.admit(cookie) {
            Kind::Late => control.say(State::AccessDenied),
            Kind::Data(streams) => streams
                .try_send((number, control.into_stream()))
                .map_err(|_| wrong("its test has all the streams that it wants")),
            Kind::Control(streams) => {
                let (place, output) = (Some(Place(self)), Output::default());
                let mut test = Test { clock: self.clock, control, streams, output, place };
                let outcome = test.run();
                // The client may come again as soon as he hears that this is the end.
                test.place = None;
                match outcome {
                    Ok(()) => Ok(()),
                    Err(Fault::Io(error)) => Err(error),
                    Err(Fault::Refused(code)) => {
                        test.control.refuse(code)?;
                        Err(wrong(&code.to_string()))
                    }
                    Err(Fault::Late) => {
                        test.control.say(State::ServerTerminate)?;
                        Err(ErrorKind::TimedOut.into())
                    }
                }
            }
        }
    }

    fn admit(&self, cookie: Cookie) -> Kind {
        let mut running = self.lock();
        match &*running {
            Some(test) if test.cookie == cookie => Kind::Data(test.streams.clone()),
            Some(_) => Kind::Late,
            None => {
                let (streams, arrivals) = mpsc::sync_channel(2 * MAX_STREAMS as usize);
                *running = Some(Running { cookie, streams });
                Kind::Control(arrivals)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of the one test, given back when it is dropped.
struct Place<'a>(&'a Service);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.lock() = None;
    }
}

/// How the data has stopped flowing.
enum End {
    /// The client says that the test is over.
    Over,
    /// The client does not want it any more.
    Cancelled,
}

struct Test<'a> {
    clock: Clock,
    control: Control,
    streams: Receiver<(Number, TcpStream)>,
    output: Output,
    place: Option<Place<'a>>,
}

impl Test<'_> {
    fn run(&mut self) -> Result<(), Fault> {
        // Otherwise nobody would notice a client who has gone without a word.
        let often = Duration::from_secs(5);
        let alive = KeepAlive { idle: 2 * often, interval: often, probes: 3 };
        self.control.stream().set_keepalive(Some(alive))?;
        self.control.say(State::ParamExchange)?;
        let parameters: Parameters = self
            .control
            .receive_json(PARAMETERS, PATIENCE)
            .map_err(|error| refusal(error, Code::PARAMETERS))?;
        parameters.check().map_err(Fault::Refused)?;
        self.output.wanted = parameters.get_server_output > 0;
        let client = self.control.stream().peer_addr()?;
        self.output.say(&format!(
            "Accepted connection from {}, port {}",
            client.ip(),
            client.port()
        ));

        self.control.say(State::CreateStreams)?;
        let flows = self.flows(&parameters)?;
        for flow in &flows {
            self.output.say(&report::connected(flow.id, &flow.stream)?);
        }
        self.control.say(State::TestStart)?;
        let sends = flows.iter().any(|flow| flow.sends);
        let style = Style::new('S', parameters.bidirectional, sends);
        let course = Course::new(self.clock, &parameters, None);
        let omit = Duration::from_secs(parameters.omit);
        let mut meter = Meter::start(&flows, self.clock, INTERVAL, omit);
        self.control.say(State::TestRunning)?;
        self.output.say(&style.header());
        let watch = || {
            let outcome = self.watch(&parameters, &course, &mut meter, style);
            Ok((outcome, self.clock.now()))
        };
        let (outcome, stopped) = course.run(&flows, watch)?;
        let (interval, total) = meter.end(stopped);
        if let Some(interval) = interval {
            self.output.interval(&interval, style);
        }
        self.tell(&flows, &total, style);
        match outcome? {
            End::Over => self.exchange(flows, &total),
            End::Cancelled => Err(io::Error::other("the client has terminated").into()),
        }
    }

    /// The streams that the client opens now, in his order.
    fn flows(&self, parameters: &Parameters) -> Result<Vec<Flow>, Fault> {
        let until = self.clock.now() + PATIENCE;
        let directions = parameters.directions();
        let mut streams = Vec::with_capacity(directions.len());
        while streams.len() < directions.len() {
            if let Ok(stream) = self.streams.recv_timeout(NAP) {
                streams.push(stream);
            } else if self.control.hear(Duration::from_millis(1))?.is_some() {
                return Err(Fault::Refused(Code::MESSAGE));
            } else if until.is_due(self.clock.now()) {
                return Err(Fault::Refused(Code::NEW_STREAM));
            }
        }
        streams.sort_by_key(|&(number, _)| number);
        let streams = streams.into_iter().zip(directions).enumerate();
        let flows = streams.map(|(index, ((_, stream), client_sends))| {
            Flow::new(stream, index, !client_sends, parameters)
        });
        Ok(flows.collect::<io::Result<_>>()?)
    }

    /// Until the client has enough.
    fn watch(
        &mut self,
        parameters: &Parameters,
        course: &Course,
        meter: &mut Meter<'_>,
        style: Style,
    ) -> Result<End, Fault> {
        let takes = Duration::from_secs(parameters.omit + parameters.time) + GRACE;
        let mut until = self.clock.now() + if parameters.time > 0 { takes } else { IDLE };
        let mut flowed = 0;
        loop {
            let now = self.clock.now();
            if course.has_failed() {
                return Err(Fault::Refused(Code::STREAM));
            }
            if until.is_due(now) {
                return Err(Fault::Late);
            }
            if meter.due().is_due(now) {
                self.output.interval(&meter.tick(), style);
                let bytes = meter.all_bytes();
                if parameters.time == 0 && bytes > flowed {
                    (flowed, until) = (bytes, now + IDLE);
                }
            }
            match self.control.hear(meter.due() - now)? {
                None => {}
                Some(State::TestEnd) => return Ok(End::Over),
                Some(State::ClientTerminate) => return Ok(End::Cancelled),
                Some(_) => return Err(Fault::Refused(Code::MESSAGE)),
            }
        }
    }

    /// What there was in all.
    fn tell(&mut self, flows: &[Flow], total: &Total, style: Style) {
        self.output.say(RULE);
        self.output.say(&style.total_header(flows.iter().any(|flow| flow.sends)));
        for sends in [true, false] {
            let by = if sends { "sender" } else { "receiver" };
            let parts = flows.iter().zip(&total.parts).filter(|(flow, _)| flow.sends == sends);
            let parts: Vec<_> = parts.map(|(_, part)| *part).collect();
            for (id, part) in &parts {
                self.output.say(&style.total(Some(*id), sends, part, by));
            }
            let sum = Part::sum(parts.iter().map(|(_, part)| *part));
            if let Some(sum) = sum.filter(|_| parts.len() > 1) {
                self.output.say(&style.total(None, sends, &sum, by));
            }
        }
    }

    fn exchange(&mut self, flows: Vec<Flow>, total: &Total) -> Result<(), Fault> {
        for flow in flows.iter().filter(|flow| flow.sends) {
            // The client may be waiting for the rest of a block, and hear nothing else meanwhile.
            flow.stream.shutdown(Shutdown::Write)?;
        }
        self.control.say(State::ExchangeResults)?;
        let _: Results = self.control.receive_json(RESULTS, PATIENCE)?;
        // Not before: up to here the client may read on, and takes a reset for a failure.
        drop(flows);
        let mut results = total.results();
        results.server_output_text = self.output.take();
        self.control.send_json(&results)?;
        // With his results in hand he may go, and come again.
        self.place = None;
        self.control.say(State::DisplayResults)?;
        // That it is done: whether the client says so or has gone is all the same.
        let _ = self.control.hear(PATIENCE);
        Ok(())
    }
}

/// What the client is told about what he said.
fn refusal(error: io::Error, code: Code) -> Fault {
    if error.kind() == ErrorKind::InvalidData {
        log::info!("iperf3: {error}");
        return Fault::Refused(code);
    }
    Fault::Io(error)
}

/// What is printed here, and told to a client who wants to know.
#[derive(Default)]
struct Output {
    wanted: bool,
    text: String,
    /// How many of them were told.
    intervals: usize,
}

impl Output {
    fn say(&mut self, line: &str) {
        log::info!("iperf3: {line}");
        if self.wanted && self.text.len() + line.len() < OUTPUT {
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    fn interval(&mut self, interval: &Interval, style: Style) {
        let lines = style.interval(interval);
        if self.intervals > 0 && lines.len() > 1 {
            self.say(RULE);
        }
        self.intervals += 1;
        for line in &lines {
            self.say(line);
        }
    }

    fn take(&mut self) -> Option<String> {
        self.wanted.then(|| std::mem::take(&mut self.text))
    }
}
