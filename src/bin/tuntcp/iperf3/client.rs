//! A test, as its client runs it.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tuntcp::runtime::clock::Clock;
use tuntcp::{Host, TcpStream};

use super::Arguments;
use super::flow::{Course, Flow};
use super::json::Json;
use super::meter::{Interval, Meter, Part, Total};
use super::protocol::{Control, Cookie, Parameters, Results, State};
use super::report::{self, RULE, Style};
use crate::Failure;

/// How long the server may take for each thing that it has to say.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a signal may go unnoticed.
const NAP: Duration = Duration::from_millis(100);
/// How long it may go unnoticed that all bytes are there.
const SHORT_NAP: Duration = Duration::from_millis(2);
/// What a server may have to say at most, bytes.
const RESULTS: u32 = 1 << 24;

/// Runs a test against the first of `addresses` that answers, and tells of it on standard output.
pub(super) fn test(
    host: &Host,
    addresses: &[SocketAddr],
    arguments: &Arguments,
    interrupted: &AtomicBool,
) -> Result<(), Failure> {
    let (stream, server) = open(host, addresses)?;
    let parameters = Parameters {
        tcp: true,
        omit: arguments.omit,
        time: if arguments.bytes.is_some() { 0 } else { arguments.time },
        num: arguments.bytes.unwrap_or(0),
        parallel: arguments.parallel,
        reverse: arguments.reverse,
        bidirectional: arguments.bidir,
        len: arguments.length,
        bandwidth: arguments.bitrate,
        client_version: "3.12".into(),
        ..Parameters::default()
    };
    let clock = host.clock();
    let cookie = Cookie::random();
    let mut output = Output { json: None, intervals: 0 };
    if arguments.json {
        output.json = Some(Json::new(server, &cookie, &parameters));
    }
    let mut client = Client {
        host,
        clock,
        server,
        control: Control::new(stream, clock, PATIENCE)?,
        cookie,
        parameters,
        interval: arguments.interval,
        interrupted,
        output,
    };
    let outcome = client.run();
    if let (Some(json), Err(error)) = (&mut client.output.json, &outcome) {
        json.fail(&error.to_string());
    }
    client.output.finish()?;
    outcome.map_err(|error| format!("{server}: {error}").into())
}

/// A connection to the first of `addresses` that answers.
fn open(host: &Host, addresses: &[SocketAddr]) -> Result<(TcpStream, SocketAddr), Failure> {
    let mut failure = String::from("the server has no address");
    for &server in addresses {
        match TcpStream::connect_timeout(host, &server, PATIENCE) {
            Ok(stream) => return Ok((stream, server)),
            Err(error) => failure = format!("cannot connect to {server}: {error}"),
        }
    }
    Err(failure.into())
}

/// What a stream did, as both of its ends saw it.
pub(super) struct Pair {
    pub(super) id: u32,
    /// Whether it was this end that sent.
    pub(super) sends: bool,
    pub(super) sender: Part,
    pub(super) receiver: Part,
}

/// Why data has stopped flowing.
enum End {
    Over,
    Interrupted,
}

struct Client<'a> {
    host: &'a Host,
    clock: Clock,
    server: SocketAddr,
    control: Control,
    cookie: Cookie,
    parameters: Parameters,
    interval: Duration,
    interrupted: &'a AtomicBool,
    output: Output,
}

impl Client<'_> {
    fn run(&mut self) -> Result<(), Failure> {
        let (host, port) = (self.server.ip(), self.server.port());
        self.output.say(&format!("Connecting to host {host}, port {port}"));
        if self.parameters.reverse {
            self.output.say(&format!("Reverse mode, remote host {host} is sending"));
        }
        self.cookie.send(self.control.stream())?;
        self.expect(State::ParamExchange)?;
        self.control.send_json(&self.parameters)?;
        self.expect(State::CreateStreams)?;
        let flows = self.flows()?;
        self.expect(State::TestStart)?;
        self.expect(State::TestRunning)?;

        let sends = flows.iter().any(|flow| flow.sends);
        let style = Style::new('C', self.parameters.bidirectional, sends);
        self.output.say(&style.header());
        let course = Course::new(self.clock, &self.parameters, self.parameters.bytes());
        let omit = Duration::from_secs(self.parameters.omit);
        let mut meter = Meter::start(&flows, self.clock, self.interval, omit);
        let watch = || {
            let outcome = self.watch(&flows, &course, &mut meter, style);
            Ok((outcome, self.clock.now()))
        };
        let (outcome, stopped) = course.run(&flows, watch)?;
        let (interval, total) = meter.end(stopped);
        if let Some(interval) = interval {
            self.output.interval(&interval, style);
        }
        match outcome? {
            End::Over => self.finish(&flows, &total, style),
            End::Interrupted => {
                let own = |(flow, &(id, part)): (&Flow, _)| Pair::of(id, flow.sends, part, None);
                let pairs: Vec<_> = flows.iter().zip(&total.parts).map(own).collect();
                self.output.totals(&pairs, style, false);
                self.control.say(State::ClientTerminate)?;
                Err("interrupted".into())
            }
        }
    }

    /// What the server must say next.
    fn expect(&self, wanted: State) -> Result<(), Failure> {
        match self.control.hear(PATIENCE)? {
            None => Err("the server says nothing".into()),
            Some(state) if state == wanted => Ok(()),
            Some(state) => Err(self.bad_news(state)),
        }
    }

    fn bad_news(&self, state: State) -> Failure {
        match state {
            State::AccessDenied => "the server is busy running a test, try again later".into(),
            State::ServerTerminate => "the server has terminated the test".into(),
            State::ServerError => match self.control.receive_code(PATIENCE) {
                Ok(code) => format!("the server refuses: {code}").into(),
                Err(error) => error.into(),
            },
            state => format!("the server says {state:?} out of turn").into(),
        }
    }

    fn flows(&mut self) -> Result<Vec<Flow>, Failure> {
        let mut flows = Vec::new();
        for (index, sends) in self.parameters.directions().into_iter().enumerate() {
            let stream = TcpStream::connect_timeout(self.host, &self.server, PATIENCE)?;
            self.cookie.send(&stream)?;
            let flow = Flow::new(stream, index, sends, &self.parameters)?;
            self.output.connected(&flow)?;
            flows.push(flow);
        }
        Ok(flows)
    }

    /// Until the time is over, or all bytes have arrived.
    fn watch(
        &mut self,
        flows: &[Flow],
        course: &Course,
        meter: &mut Meter<'_>,
        style: Style,
    ) -> Result<End, Failure> {
        loop {
            let now = self.clock.now();
            if self.interrupted.load(Ordering::Acquire) {
                return Ok(End::Interrupted);
            }
            if course.has_failed() || flows.iter().any(Flow::is_broken) {
                return Err("a stream broke".into());
            }
            let until = match (self.parameters.bytes(), meter.began()) {
                (Some(bytes), _) if is_enough(bytes, flows, meter) => return Ok(End::Over),
                (Some(_), _) => now + SHORT_NAP,
                (None, None) => now + NAP,
                (None, Some(began)) => began + Duration::from_secs(self.parameters.time),
            };
            if until.is_due(now) {
                return Ok(End::Over);
            }
            if meter.due().is_due(now) {
                self.output.interval(&meter.tick(), style);
                continue;
            }
            let until = until.min(meter.due()).min(now + NAP);
            if let Some(state) = self.control.hear(until - now)? {
                return Err(self.bad_news(state));
            }
        }
    }

    fn finish(&mut self, flows: &[Flow], total: &Total, style: Style) -> Result<(), Failure> {
        self.control.say(State::TestEnd)?;
        self.expect(State::ExchangeResults)?;
        let ours = total.results();
        self.control.send_json(&ours)?;
        let theirs: Results = self.control.receive_json(RESULTS, PATIENCE)?;
        self.expect(State::DisplayResults)?;
        let mut pairs = Vec::new();
        for (flow, &(id, own)) in flows.iter().zip(&total.parts) {
            let other = theirs.streams.iter().find(|stream| stream.id == u64::from(id));
            let other = other.ok_or_else(|| format!("the server knows no stream {id}"))?;
            let other = Part {
                start: other.start_time,
                end: other.end_time,
                bytes: other.bytes,
                retransmits: other.retransmits.filter(|_| !flow.sends),
            };
            pairs.push(Pair::of(id, flow.sends, own, Some(other)));
        }
        self.output.totals(&pairs, style, true);
        if let Some(json) = &mut self.output.json {
            json.end(&pairs, &ours, &theirs);
        }
        self.control.say(State::IperfDone)?;
        self.output.say("");
        self.output.say("iperf Done.");
        Ok(())
    }
}

/// Whether so many bytes have arrived, here or there.
fn is_enough(bytes: u64, flows: &[Flow], meter: &Meter<'_>) -> bool {
    let sent = meter.bytes(true) >= bytes
        && flows.iter().filter(|flow| flow.sends).all(Flow::is_acknowledged);
    sent || meter.bytes(false) >= bytes
}

impl Pair {
    /// `own` is what this end saw.
    fn of(id: u32, sends: bool, own: Part, other: Option<Part>) -> Self {
        let other = other.unwrap_or_default();
        let (sender, receiver) = if sends { (own, other) } else { (other, own) };
        Self { id, sends, sender, receiver }
    }
}

/// Standard output. Whether anybody still reads it changes nothing.
struct Output {
    /// To be printed in the end, instead of lines.
    json: Option<Json>,
    /// How many of them were told.
    intervals: usize,
}

impl Output {
    fn say(&self, line: &str) {
        if self.json.is_none() {
            let _ = writeln!(io::stdout(), "{line}");
        }
    }

    fn connected(&mut self, flow: &Flow) -> io::Result<()> {
        self.say(&report::connected(flow.id, &flow.stream)?);
        self.json.as_mut().map_or(Ok(()), |json| json.connected(flow))
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
        if let Some(json) = &mut self.json {
            json.interval(interval);
        }
    }

    /// `both`: what both ends saw, instead of this one alone.
    fn totals(&self, pairs: &[Pair], style: Style, both: bool) {
        self.say(RULE);
        let told = pairs.iter().any(|pair| pair.sender.retransmits.is_some());
        self.say(&style.total_header(told));
        for sends in [true, false] {
            let pairs: Vec<_> = pairs.iter().filter(|pair| pair.sends == sends).collect();
            let tell = |id, part: &Part, by, own: bool| {
                if both || own {
                    self.say(&style.total(id, sends, part, by));
                }
            };
            for pair in &pairs {
                tell(Some(pair.id), &pair.sender, "sender", sends);
                tell(Some(pair.id), &pair.receiver, "receiver", !sends);
            }
            if pairs.len() > 1 {
                let sender = Part::sum(pairs.iter().map(|pair| pair.sender));
                let receiver = Part::sum(pairs.iter().map(|pair| pair.receiver));
                tell(None, &sender.unwrap_or_default(), "sender", sends);
                tell(None, &receiver.unwrap_or_default(), "receiver", !sends);
            }
        }
    }

    /// The test is over, or failed.
    fn finish(&self) -> Result<(), Failure> {
        if let Some(json) = &self.json {
            writeln!(io::stdout(), "{}", json.text()?)?;
        }
        Ok(())
    }
}
