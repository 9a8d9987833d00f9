//! Carries out a script: its statements in order, each at its time, in virtual time.

use std::net::{IpAddr, SocketAddr};

use tuntcp::HostConfig;
use tuntcp::time::Instant;

use super::code::Variables;
use super::frame;
use super::judge;
use super::kernel::{Answer, Attempt, Fault, Kernel, Outcome};
use super::script::{BodySpec, Call, Event, Expr, OptionsSpec, Script, TcpOption, Way, What, When};
use super::settings::Settings;
use super::shell;
use super::symbols;
use super::world::World;

/// How long `*` waits for a segment, microseconds.
const FOR_EVER: i64 = 24 * 3600 * 1_000_000;

/// Why a script did not pass, and where.
#[derive(Debug)]
pub(super) struct Stop {
    /// Index of the statement; `None`: behind the last one.
    pub(super) event: Option<usize>,
    pub(super) fault: Fault,
}

/// A call that waits.
pub(super) struct Pending<'a> {
    event: usize,
    call: &'a Call,
    pub(super) attempt: Attempt,
    /// When it shall return, microseconds.
    until: Option<i64>,
    /// What the tolerance is a part of.
    span: i64,
}

pub(super) struct Run<'a> {
    script: &'a Script,
    pub(super) kernel: Kernel,
    /// The dialogue that packets without addresses belong to.
    pub(super) under_test: Option<usize>,
    pub(super) pending: Option<Pending<'a>>,
    /// The time of the statement before, microseconds.
    base: i64,
    variables: Variables,
    /// What happened, for `--verbose`.
    pub(super) log: Option<Vec<String>>,
}

pub(super) fn wrong(why: impl Into<String>) -> Fault {
    Fault::Wrong(why.into())
}

pub(super) fn instant(micros: i64) -> Instant {
    Instant::from_nanos(u64::try_from(micros.max(0)).unwrap_or(0).saturating_mul(1_000))
}

pub(super) fn micros(at: Instant) -> i64 {
    i64::try_from(at.as_nanos() / 1_000).unwrap_or(i64::MAX)
}

pub(super) fn seconds(micros: i64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

impl<'a> Run<'a> {
    pub(super) fn new(
        script: &'a Script,
        mut settings: Settings,
        verbose: bool,
    ) -> Result<Self, Stop> {
        for option in &script.options {
            settings.take_option(option).map_err(|fault| Stop { event: None, fault })?;
        }
        if is_of_bsd(script) {
            settings.become_bsd();
        }
        // The host is made with what the script sets first.
        let mut first = settings.clone();
        for event in &script.events {
            let What::Shell(line) = &event.what else { break };
            shell::take_settings(line, &mut first);
        }
        let net = ipnet::IpNet::new(IpAddr::V4(settings.local), 16)
            .map_err(|_| Stop { event: None, fault: wrong("a bad address") })?;
        let mut host = HostConfig::new(vec![net]);
        host.tcp = first.tcp;
        host.drop_syn_fin = first.drop_syn_fin;
        let mtu = settings.mtu;
        Ok(Self {
            script,
            kernel: Kernel::new(settings, World::new(host, mtu)),
            under_test: None,
            pending: None,
            base: 0,
            variables: Variables::default(),
            log: verbose.then(Vec::new),
        })
    }

    /// All of it.
    pub(super) fn run(&mut self) -> Result<(), Stop> {
        let script = self.script;
        for (index, event) in script.events.iter().enumerate() {
            if let Err((at, fault)) = self.event(index, event)
                && self.go_on_after(event, &fault).is_none()
            {
                return Err(Stop { event: Some(at), fault });
            }
        }
        let last = script.events.len();
        self.finish_pending().map_err(|(event, fault)| Stop { event: Some(event), fault })?;
        if self.kernel.settings.exact
            && let Some((at, bytes)) = self.kernel.world.sent.pop_front()
        {
            let shown = self.show_frame(&bytes);
            let why =
                format!("nothing more was expected, got at {}\n  {shown}", seconds(micros(at)));
            return Err(Stop { event: Some(last.saturating_sub(1)), fault: wrong(why) });
        }
        Ok(())
    }

    /// What is wrong with a statement is told only, if the script wants that.
    fn go_on_after(&mut self, event: &Event, fault: &Fault) -> Option<()> {
        let (packets, calls) = self.kernel.settings.goes_on;
        let Fault::Wrong(why) = fault else { return None };
        let goes_on = match &event.what {
            What::Packet(_) => packets,
            What::Call(_) => calls,
            What::Shell(_) | What::Code(_) => false,
        };
        goes_on.then(|| self.note(|_| format!("not fatal: {why}")))
    }

    fn event(&mut self, index: usize, event: &'a Event) -> Result<(), (usize, Fault)> {
        let here = |fault| (index, fault);
        let (start, end) = match event.when {
            When::Any => (self.now(), self.now() + FOR_EVER),
            When::Absolute(at) => (at, at),
            When::Relative(after) => (self.base + after, self.base + after),
            When::AbsoluteRange(from, to) => (from, to),
            When::RelativeRange(from, to) => (self.base + from, self.base + to),
        };
        let span = start - self.base;
        if let What::Packet(spec) = &event.what
            && spec.way == Way::Out
        {
            let window = if event.when == When::Any { (0, end) } else { (start, end) };
            self.expect(index, event, spec, window, span)?;
            self.base = if event.when == When::Any { self.now() } else { start };
            return Ok(());
        }
        self.advance(start)?;
        self.note(|_| format!("{} {}", seconds(start), event.text));
        match &event.what {
            What::Packet(spec) => {
                self.inject(spec).map_err(here)?;
            }
            What::Call(call) => {
                self.finish_pending()?;
                let until = match event.when {
                    When::Relative(_) => call.until.map(|until| self.base + until),
                    _ => call.until,
                };
                self.start(index, call, until, span)?;
            }
            What::Shell(line) => self.kernel.shell(line).map_err(here)?,
            What::Code(code) => {
                let fd = self.socket_under_test();
                let code = code.as_str();
                self.kernel.run_code(code, fd, &mut self.variables).map_err(here)?;
            }
        }
        self.settle()?;
        self.base = if event.when == When::Any { self.now() } else { start };
        Ok(())
    }

    fn now(&self) -> i64 {
        micros(self.kernel.world.now)
    }

    pub(super) fn note(&mut self, line: impl FnOnce(&Self) -> String) {
        if self.log.is_some() {
            let line = line(self);
            self.log.get_or_insert_default().push(line);
        }
    }

    /// Lets the stack, and a call that waits, do what is to be done now.
    pub(super) fn settle(&mut self) -> Result<(), (usize, Fault)> {
        self.kernel.world.settle().map_err(|why| (0, wrong(why)))?;
        if let Some(mut pending) = self.pending.take() {
            let outcome = self.kernel.call(pending.call, &mut pending.attempt);
            if !self.conclude(&pending, outcome).map_err(|fault| (pending.event, fault))? {
                self.pending = Some(pending);
            }
            self.kernel.world.settle().map_err(|why| (0, wrong(why)))?;
        }
        Ok(())
    }

    /// Lets time pass until `to`.
    fn advance(&mut self, to: i64) -> Result<(), (usize, Fault)> {
        let to = instant(to);
        self.settle()?;
        loop {
            let patience = self.pending.as_ref().and_then(|pending| pending.attempt.deadline);
            let limit = to.min(patience.unwrap_or(Instant::NEVER)).max(self.kernel.world.now);
            let more = self.kernel.world.step(limit).map_err(|why| (0, wrong(why)))?;
            let before = self.pending.is_some();
            self.settle()?;
            let went_on = before && self.pending.is_none();
            if !more && limit >= to && !went_on {
                return Ok(());
            }
            if !more && limit < to && self.pending.is_some() && !went_on {
                // A deadline that the call itself does not end at.
                if let Some(pending) = &mut self.pending {
                    pending.attempt.deadline = Some(Instant::NEVER);
                }
            }
        }
    }

    /// Begins a call.
    fn start(
        &mut self,
        event: usize,
        call: &'a Call,
        until: Option<i64>,
        span: i64,
    ) -> Result<(), (usize, Fault)> {
        let mut pending = Pending { event, call, attempt: Attempt::default(), until, span };
        let outcome = self.kernel.call(call, &mut pending.attempt);
        if !self.conclude(&pending, outcome).map_err(|fault| (event, fault))? {
            if until.is_none() {
                return Err((event, wrong(format!("{}: the call blocks", call.name))));
            }
            self.pending = Some(pending);
        }
        Ok(())
    }

    /// Judges a call that has returned; whether it has.
    fn conclude(&mut self, pending: &Pending<'_>, outcome: Outcome) -> Result<bool, Fault> {
        let Some(answer) = outcome? else { return Ok(false) };
        check_answer(pending.call, answer)?;
        if let Some(until) = pending.until {
            let now = self.now();
            let tolerance = self.tolerance(pending.span);
            if (now - until).abs() > tolerance {
                return Err(wrong(format!(
                    "{}: expected to return at {}, returned at {}",
                    pending.call.name,
                    seconds(until),
                    seconds(now)
                )));
            }
        }
        Ok(true)
    }

    /// A call that waits must end before the next one begins.
    fn finish_pending(&mut self) -> Result<(), (usize, Fault)> {
        let Some(pending) = &self.pending else { return Ok(()) };
        let (event, until) = (pending.event, pending.until.unwrap_or(0));
        let last = until + self.tolerance(pending.span);
        self.advance(last.max(self.now()))?;
        match self.pending.take() {
            None => Ok(()),
            Some(pending) => Err((
                event,
                wrong(format!(
                    "{}: expected to return at {}, still waits",
                    pending.call.name,
                    seconds(until)
                )),
            )),
        }
    }

    pub(super) fn tolerance(&self, span: i64) -> i64 {
        let settings = &self.kernel.settings;
        let part = span.max(0) as f64 * settings.tolerance_percent / 100.0;
        settings.tolerance.max(part as i64)
    }

    fn show_frame(&self, bytes: &[u8]) -> String {
        match (frame::parse(bytes), self.under_test) {
            (Ok(packet), Some(index)) => judge::show(&packet, &self.kernel.dialogues[index]),
            (Ok(_), None) => "a packet".into(),
            (Err(why), _) => format!("a bad packet: {why}"),
        }
    }

    /// The descriptor whose connection the script is about.
    fn socket_under_test(&self) -> Option<i64> {
        let tuple = self.under_test.map(|index| {
            let dialogue = &self.kernel.dialogues[index];
            (SocketAddr::V4(dialogue.local), SocketAddr::V4(dialogue.remote))
        });
        let found = self.kernel.files.iter().find_map(|(fd, file)| match file {
            super::kernel::File::Socket(sock) => sock
                .connection()
                .filter(|socket| Some((socket.local_addr(), socket.peer_addr())) == tuple)
                .map(|_| *fd),
            _ => None,
        });
        found.or(self.kernel.current)
    }
}

/// Whether a script that may name no `sysctl` counts with a BSD: its SYN has the options in their
/// order, or its receive buffer is theirs.
fn is_of_bsd(script: &Script) -> bool {
    script.events.iter().any(|event| match &event.what {
        What::Packet(spec) => matches!(&spec.body, BodySpec::Tcp(tcp)
            if spec.way == Way::Out
                && matches!(&tcp.options, OptionsSpec::List(options)
                    if matches!(options[..], [TcpOption::Mss(_), TcpOption::Nop, TcpOption::WindowScale(_), _, ..]))),
        What::Call(call) => {
            call.name == "getsockopt"
                && call.arguments.get(2) == Some(&Expr::Word("SO_RCVBUF".into()))
                && call.arguments.get(3) == Some(&Expr::List(vec![Expr::Int(65_536)]))
        }
        _ => false,
    })
}

/// Compares what a call gave back.
fn check_answer(call: &Call, answer: Answer) -> Result<(), Fault> {
    let got = match answer.errno {
        Some(errno) => format!("-1 {errno}"),
        None => answer.value.to_string(),
    };
    let expected = match &call.result {
        None | Some(Expr::Ellipsis) => return Ok(()),
        Some(Expr::Word(word)) if word == "?" => return Ok(()),
        Some(result) => super::kernel::number(result)?,
    };
    let same_errno = match (&call.errno, answer.errno) {
        (Some(wanted), Some(errno)) => {
            if !symbols::is_errno(wanted) {
                return Err(Fault::Unsupported(format!("the error {wanted}")));
            }
            symbols::value(wanted) == symbols::value(errno)
        }
        (Some(_), None) => expected != -1,
        (None, _) => true,
    };
    if expected != answer.value || !same_errno {
        let wanted = match &call.errno {
            Some(errno) => format!("{expected} {errno}"),
            None => expected.to_string(),
        };
        return Err(wrong(format!("{}: expected {wanted}, got {got}", call.name)));
    }
    Ok(())
}
