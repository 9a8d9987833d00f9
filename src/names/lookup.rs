//! Which server, which name is next? The path of one question from the name that was typed to an
//! answer. Pure: whoever carries the messages says what came back.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::config::ResolverConfig;
use super::domain::DomainName;
use super::error::{Cause, Failure, NameError};
use super::message::{self, Answer, MOST_ALIASES, RecordType, Reply};

/// One question to one server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) server: SocketAddr,
    /// Over TCP, with its length in front of it (RFC 1035 4.2.2).
    pub(crate) stream: bool,
    pub(crate) message: Vec<u8>,
    /// How long the answer may take.
    pub(crate) timeout: Duration,
}

/// What a message has brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nothing: the answer may still come.
    Wait,
    /// Enough to ask on: [`Lookup::next`] says what.
    AskOn,
    Found(Answer),
}

/// One question on its way.
#[derive(Debug)]
pub(crate) struct Lookup<'a> {
    config: &'a ResolverConfig,
    /// What was asked for, for people.
    subject: Subject,
    kind: RecordType,
    /// What the name may stand for, besides `name`.
    candidates: VecDeque<DomainName>,
    /// What is asked for now.
    name: DomainName,
    id: u16,
    /// Aliases that were followed to `name`, and how long they hold, seconds.
    aliases: usize,
    ttl: u32,
    /// Index of the server that is asked first.
    first: usize,
    /// Questions for `name` so far; each server has had `asked / servers` of them.
    asked: usize,
    stream: bool,
    edns: bool,
    failures: Vec<(SocketAddr, Failure)>,
    /// What the first server that knew better said of the candidates so far.
    denied: Option<Cause>,
    over: Option<Cause>,
}

#[derive(Debug)]
enum Subject {
    Name(String),
    Address(IpAddr),
}

impl<'a> Lookup<'a> {
    /// The addresses of `name`, those of the family that `kind` has. `first` is the index of the
    /// server that is asked first.
    pub(crate) fn of_name(
        config: &'a ResolverConfig,
        name: &str,
        kind: RecordType,
        first: usize,
    ) -> Result<Self, NameError> {
        let bad = |why| NameError::of_name(name, Cause::BadName(why));
        let mut candidates = candidates(config, name).map_err(bad)?;
        let first_name = candidates.pop_front().ok_or_else(|| bad("it is too long"))?;
        let subject = Subject::Name(name.to_owned());
        Ok(Self::new(config, subject, (first_name, kind), candidates, first))
    }

    /// The name of `address`.
    pub(crate) fn of_address(config: &'a ResolverConfig, address: IpAddr, first: usize) -> Self {
        let question = (message::reverse(address), RecordType::Ptr);
        Self::new(config, Subject::Address(address), question, VecDeque::new(), first)
    }

    fn new(
        config: &'a ResolverConfig,
        subject: Subject,
        (name, kind): (DomainName, RecordType),
        candidates: VecDeque<DomainName>,
        first: usize,
    ) -> Self {
        Self {
            config,
            subject,
            kind,
            candidates,
            name,
            id: 0,
            aliases: 0,
            ttl: u32::MAX,
            first,
            asked: 0,
            stream: config.use_vc,
            edns: config.edns0,
            failures: Vec::new(),
            denied: None,
            over: None,
        }
    }

    /// What is asked for now.
    pub(crate) fn name(&self) -> &DomainName {
        &self.name
    }

    /// The next question, with the number `id`, which nobody shall be able to guess (RFC 5452 9.2).
    ///
    /// Fails when there is nothing left to ask.
    pub(crate) fn next(&mut self, id: u16) -> Result<Attempt, NameError> {
        let servers = &self.config.servers;
        if self.over.is_none() && servers.is_empty() {
            self.over = Some(Cause::NoServers);
        } else if self.over.is_none() && self.asked >= servers.len() * self.config.attempts.max(1) {
            let failures = std::mem::take(&mut self.failures);
            self.over = Some(Cause::NoAnswer(failures));
        }
        if let Some(cause) = self.over.clone() {
            return Err(self.error(cause));
        }
        self.id = id;
        Ok(Attempt {
            server: self.server(),
            stream: self.stream,
            message: message::query(id, &self.name, self.kind, self.edns),
            timeout: self.config.timeout,
        })
    }

    /// `bytes` came from the server that was asked.
    pub(crate) fn on_message(&mut self, bytes: &[u8]) -> Progress {
        match message::reply(bytes, self.id, &self.name, self.kind) {
            Reply::NotOurs => return Progress::Wait,
            Reply::Answer(mut answer) => {
                answer.ttl = answer.ttl.min(self.ttl);
                return Progress::Found(answer);
            }
            Reply::Alias { target, ttl, hops } => self.follow(target, ttl, hops),
            Reply::TooManyAliases => self.over = Some(Cause::TooManyAliases(self.server())),
            Reply::NoSuchName => self.deny(Cause::NoSuchName(self.server())),
            Reply::NoRecord => {
                let cause = Cause::NoRecord { server: self.server(), record: self.kind.name() };
                self.deny(cause);
            }
            // RFC 7766 5: the same question again, to the same server, over TCP.
            Reply::Truncated if !self.stream => self.stream = true,
            Reply::Truncated | Reply::Malformed => self.on_failure(Failure::Malformed),
            Reply::NotUnderstood if self.edns => self.edns = false,
            Reply::NotUnderstood => self.on_failure(Failure::Declined("FORMERR")),
            Reply::Declined(code) => self.on_failure(Failure::Declined(code)),
        }
        Progress::AskOn
    }

    /// The server that was asked does not give an answer: the next one's turn.
    pub(crate) fn on_failure(&mut self, failure: Failure) {
        let server = self.server();
        // What it did last says most.
        self.failures.retain(|&(other, _)| other != server);
        self.failures.push((server, failure));
        self.asked += 1;
        self.stream = self.config.use_vc;
        self.edns = self.config.edns0;
    }

    fn server(&self) -> SocketAddr {
        let servers = &self.config.servers;
        servers[self.first.wrapping_add(self.asked) % servers.len()]
    }

    /// The name is an alias of `target`, of which the server has not said more (RFC 1034 5.3.3, 4c).
    fn follow(&mut self, target: DomainName, ttl: u32, hops: usize) {
        self.aliases += hops;
        self.ttl = self.ttl.min(ttl);
        if self.aliases > MOST_ALIASES {
            self.over = Some(Cause::TooManyAliases(self.server()));
        } else {
            self.begin(target);
        }
    }

    /// This name leads nowhere: the next candidate's turn.
    fn deny(&mut self, cause: Cause) {
        // That a name is there, without such a record, says more than that another one is not.
        let says_more = matches!(cause, Cause::NoRecord { .. });
        if self.denied.is_none() || says_more {
            self.denied = Some(cause);
        }
        match self.candidates.pop_front() {
            Some(name) => {
                (self.aliases, self.ttl) = (0, u32::MAX);
                self.begin(name);
            }
            None => self.over = self.denied.take(),
        }
    }

    /// Begins to ask for `name`, at the server that has just answered.
    fn begin(&mut self, name: DomainName) {
        self.first = self.first.wrapping_add(self.asked);
        self.asked = 0;
        self.stream = self.config.use_vc;
        self.failures.clear();
        self.name = name;
    }

    fn error(&self, cause: Cause) -> NameError {
        match &self.subject {
            Subject::Name(name) => NameError::of_name(name, cause),
            Subject::Address(address) => NameError::of_address(address, cause),
        }
    }
}

/// What `name` may stand for, in the order in which that is asked for: a name with a dot at its end
/// as it stands only; one with few dots in the domains of the search list first.
fn candidates(config: &ResolverConfig, name: &str) -> Result<VecDeque<DomainName>, &'static str> {
    let as_it_stands = DomainName::new(name)?;
    let mut all = VecDeque::new();
    if !name.ends_with('.') {
        let domains = config.search.iter();
        all.extend(domains.filter_map(|domain| as_it_stands.under(domain.as_str())));
    }
    let dots = name.bytes().filter(|&byte| byte == b'.').count();
    if dots >= config.ndots {
        all.push_front(as_it_stands);
    } else {
        all.push_back(as_it_stands);
    }
    Ok(all)
}
