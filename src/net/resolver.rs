//! Names to addresses and back, over our own UDP and TCP.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::thread;

use crate::engine::Engine;
use crate::names::{
    Answer, Attempt, Cause, Data, DomainName, Failure, Lookup, NameError, Names, Progress,
    RecordType, by_preference,
};
use crate::runtime::Host;
use crate::runtime::lead::Lead;
use crate::runtime::names::KnownNames;
use crate::time::Instant;

use super::{TcpStream, UdpSocket};

/// More than any server sends over UDP to one that has not asked for it.
const DATAGRAM: usize = 4096;
/// How often a port is guessed before any free one will do.
const GUESSES: usize = 8;

/// Looks names up for a host, through the host: the hosts file first, then the servers, as its
/// [`Names`] say. [`TcpStream::connect`] and its like do this by themselves.
///
/// A stub resolver (RFC 1034 5.3.1): over UDP from a port that nobody can guess, over TCP where the
/// answer is too long for that; a server that is silent or declines is followed by the next one.
/// Answers are remembered as long as they hold.
///
/// ```
/// use std::io::ErrorKind;
/// use tuntcp::names::{Hosts, Names, ResolverConfig, Services};
/// use tuntcp::net::Resolver;
///
/// let (_peer, host) = tuntcp::runtime::memory_pair()?;
/// let hosts: Hosts = "192.0.2.1 one.example".parse()?;
/// host.set_names(Names::new(ResolverConfig::default(), hosts, Services::well_known()));
///
/// let resolver = Resolver::new(&host);
/// assert_eq!(resolver.lookup("one.example")?, ["192.0.2.1".parse::<std::net::IpAddr>()?]);
/// let error = resolver.lookup("two.example").unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::NotFound);
/// assert!(error.to_string().starts_with("no address for \"two.example\": "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Resolver {
    engine: Arc<Engine>,
    leads: Arc<[Lead]>,
    names: KnownNames,
    /// Asked in place of the servers, by those who must not wait for these.
    pub(super) answers: Option<Arc<dyn Answers>>,
}

/// Who says what a name stands for in place of the servers.
pub(super) trait Answers: Send + Sync {
    /// The addresses of `name`, the best first.
    fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// Addresses of a name, the best first.
pub(super) struct Found {
    pub(super) addresses: Vec<IpAddr>,
    /// The name to which aliases have led.
    pub(super) canonical: String,
}

impl Resolver {
    /// With what `host` knows of names, each time that it is asked.
    ///
    /// ```
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let resolver = tuntcp::net::Resolver::new(&host);
    /// assert_eq!(resolver.lookup("192.0.2.9")?.len(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn new(host: &Host) -> Self {
        Self {
            engine: Arc::clone(host.engine()),
            leads: Arc::clone(host.leads()),
            names: host.known_names().clone(),
            answers: None,
        }
    }

    pub(super) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    pub(super) fn leads(&self) -> &Arc<[Lead]> {
        &self.leads
    }

    /// What the host knows of names now.
    pub(super) fn names(&self) -> Arc<Names> {
        self.names.get()
    }

    /// The addresses of `name`, of the families that the host speaks, the best first (RFC 6724). An
    /// address stands for itself.
    ///
    /// A name that ends with a dot is looked up as it stands, any other also in the domains of the
    /// search list.
    ///
    /// Fails with a [`NameError`] inside, which says who told what: `NotFound` if there is no such
    /// name, no address of it, or nobody to ask; `TimedOut` if no server answers, `Other` if servers
    /// decline, `InvalidInput` for what cannot be a name.
    ///
    /// ```
    /// # let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let resolver = tuntcp::net::Resolver::new(&host);
    /// let error = resolver.lookup("two..dots").unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        if let Ok(address) = name.parse() {
            return Ok(vec![address]);
        }
        if let Some(answers) = &self.answers {
            return answers.addresses(name);
        }
        Ok(self.resolve(name, &self.families())?.addresses)
    }

    /// The name of `address`: that of the hosts file, or what the servers say (a PTR record).
    ///
    /// Fails as [`lookup`](Self::lookup) does.
    ///
    /// ```
    /// use tuntcp::names::{Hosts, Names, ResolverConfig, Services};
    ///
    /// # let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let hosts: Hosts = "192.0.2.1 one.example".parse()?;
    /// host.set_names(Names::new(ResolverConfig::default(), hosts, Services::well_known()));
    /// let resolver = tuntcp::net::Resolver::new(&host);
    /// assert_eq!(resolver.reverse("192.0.2.1".parse()?)?, "one.example");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reverse(&self, address: IpAddr) -> io::Result<String> {
        let names = self.names();
        if let Some(name) = names.hosts().name(address) {
            return Ok(name.to_owned());
        }
        let lookup = Lookup::of_address(names.resolver(), address, names.first_server());
        let answer = self.ask(&names, lookup, RecordType::Ptr)?;
        let name = answer.data.into_iter().find_map(|data| match data {
            Data::Name(name) => Some(name.as_str().to_owned()),
            Data::Address(_) => None,
        });
        name.ok_or_else(|| io::Error::other("a PTR record without a name"))
    }

    /// The records of the families in which the host has an address.
    pub(super) fn families(&self) -> Vec<RecordType> {
        let addresses = &self.engine.config().addresses;
        let mut families = Vec::new();
        if addresses.iter().any(|net| net.addr().is_ipv4()) {
            families.push(RecordType::A);
        }
        if addresses.iter().any(|net| net.addr().is_ipv6()) {
            families.push(RecordType::Aaaa);
        }
        families
    }

    /// What is known of `name` in these families.
    pub(super) fn resolve(&self, name: &str, families: &[RecordType]) -> io::Result<Found> {
        let fits = |address: &IpAddr| {
            families.contains(&if address.is_ipv4() { RecordType::A } else { RecordType::Aaaa })
        };
        if let Ok(address) = name.parse() {
            if !fits(&address) {
                return Err(NameError::of_name(name, Cause::WrongFamily).into());
            }
            return Ok(Found { addresses: vec![address], canonical: name.to_owned() });
        }
        let names = self.names();
        let known: Vec<IpAddr> = known(&names, name).into_iter().filter(fits).collect();
        let mut found = if known.is_empty() {
            self.ask_for(&names, name, families)?
        } else {
            Found { addresses: known, canonical: name.trim_end_matches('.').to_owned() }
        };
        by_preference(&mut found.addresses, |address| self.engine.source_for(address));
        Ok(found)
    }

    /// Asks the servers, for two families at the same time.
    fn ask_for(&self, names: &Names, name: &str, families: &[RecordType]) -> io::Result<Found> {
        let ask = |kind| {
            let lookup = Lookup::of_name(names.resolver(), name, kind, names.first_server())?;
            self.ask(names, lookup, kind)
        };
        let answers: Vec<Result<Answer, NameError>> = match *families {
            [one, other] => thread::scope(|scope| -> io::Result<_> {
                let asking = thread::Builder::new().spawn_scoped(scope, move || ask(other))?;
                let one = ask(one);
                let panicked = |_| io::Error::other("the thread of a lookup panicked");
                Ok(vec![one, asking.join().map_err(panicked)?])
            })?,
            _ => families.iter().map(|&kind| ask(kind)).collect(),
        };
        merged(name, answers)
    }

    /// Carries the questions of `lookup` to the servers until there is an answer.
    fn ask(
        &self,
        names: &Names,
        mut lookup: Lookup<'_>,
        kind: RecordType,
    ) -> Result<Answer, NameError> {
        loop {
            let name: DomainName = lookup.name().clone();
            if let Some(answer) = names.remembered(self.now(), &name, kind) {
                return Ok(answer);
            }
            let attempt = lookup.next(random())?;
            let outcome = if attempt.stream {
                self.over_stream(&attempt, &mut lookup)
            } else {
                self.over_datagrams(&attempt, &mut lookup)
            };
            match outcome {
                Ok(Some(answer)) => {
                    names.remember(self.now(), (name, kind), &answer, attempt.server);
                    return Ok(answer);
                }
                Ok(None) => {}
                Err(error) => {
                    log::debug!("name server {}: {name}: {error}", attempt.server);
                    lookup.on_failure(failure(&error));
                }
            }
        }
    }

    /// One question over UDP. `None`: there is more to ask.
    fn over_datagrams(
        &self,
        attempt: &Attempt,
        lookup: &mut Lookup<'_>,
    ) -> io::Result<Option<Answer>> {
        let deadline = self.now() + attempt.timeout;
        let socket = self.socket_for(attempt.server)?;
        // From now on nothing else arrives here (RFC 5452 9.1), and ICMP errors do.
        socket.connect(attempt.server)?;
        socket.send(&attempt.message)?;
        let mut bytes = vec![0; DATAGRAM];
        loop {
            socket.set_read_timeout(Some(self.left(deadline)?))?;
            let len = socket.recv(&mut bytes)?;
            match lookup.on_message(&bytes[..len]) {
                Progress::Wait => {}
                Progress::AskOn => return Ok(None),
                Progress::Found(answer) => return Ok(Some(answer)),
            }
        }
    }

    /// A socket at a port that nobody can guess (RFC 5452 9.2).
    fn socket_for(&self, server: SocketAddr) -> io::Result<UdpSocket> {
        let any: IpAddr = match server {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        for _ in 0..GUESSES {
            let port = random();
            if port < 1024 {
                continue;
            }
            match UdpSocket::bind_on(self, (any, port)) {
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                result => return result,
            }
        }
        UdpSocket::bind_on(self, (any, 0))
    }

    /// One question over TCP (RFC 7766). `None`: there is more to ask.
    fn over_stream(
        &self,
        attempt: &Attempt,
        lookup: &mut Lookup<'_>,
    ) -> io::Result<Option<Answer>> {
        let deadline = self.now() + attempt.timeout;
        let socket = self.engine.connect(self.now(), None, attempt.server)?;
        let mut stream = TcpStream::wait_open(&self.leads, socket, attempt.server, Some(deadline))?;
        let len = u16::try_from(attempt.message.len()).map_err(io::Error::other)?;
        // RFC 7766 8: the length and the message in one segment.
        stream.write_all(&[&len.to_be_bytes(), attempt.message.as_slice()].concat())?;
        loop {
            let mut len = [0; 2];
            self.read_by(deadline, &mut stream, &mut len)?;
            let mut bytes = vec![0; u16::from_be_bytes(len).into()];
            self.read_by(deadline, &mut stream, &mut bytes)?;
            match lookup.on_message(&bytes) {
                Progress::Wait => {}
                Progress::AskOn => return Ok(None),
                Progress::Found(answer) => return Ok(Some(answer)),
            }
        }
    }

    /// Fills `bytes`, however slowly they come, but not beyond `deadline`.
    fn read_by(
        &self,
        deadline: Instant,
        stream: &mut TcpStream,
        mut bytes: &mut [u8],
    ) -> io::Result<()> {
        while !bytes.is_empty() {
            stream.set_read_timeout(Some(self.left(deadline)?))?;
            let len = stream.read(bytes)?;
            if len == 0 {
                return Err(io::Error::new(
                    ErrorKind::UnexpectedEof,
                    "it closes the connection instead of answering",
                ));
            }
            bytes = &mut bytes[len..];
        }
        Ok(())
    }

    /// Time until `deadline`, never zero.
    fn left(&self, deadline: Instant) -> io::Result<std::time::Duration> {
        let now = self.now();
        if deadline.is_due(now) {
            return Err(ErrorKind::TimedOut.into());
        }
        Ok(deadline - now)
    }

    fn now(&self) -> Instant {
        self.leads[0].now()
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("names", &self.names()).finish_non_exhaustive()
    }
}

/// What needs no asking.
fn known(names: &Names, name: &str) -> Vec<IpAddr> {
    let known = names.hosts().addresses(name);
    let lower = name.trim_end_matches('.').to_ascii_lowercase();
    // RFC 6761 6.3, 3: nobody is asked for what everybody has.
    if known.is_empty() && (lower == "localhost" || lower.ends_with(".localhost")) {
        return vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    }
    known.to_vec()
}

/// What the families' answers say together: what there is, or the failure that tells most.
fn merged(name: &str, answers: Vec<Result<Answer, NameError>>) -> io::Result<Found> {
    let mut found: Option<Found> = None;
    let mut failure: Option<NameError> = None;
    for answer in answers {
        match answer {
            Ok(answer) => {
                let addresses = answer.data.iter().filter_map(|data| match data {
                    Data::Address(address) => Some(*address),
                    Data::Name(_) => None,
                });
                let canonical = answer.canonical.as_str().to_owned();
                let found = found.get_or_insert_with(|| Found { addresses: Vec::new(), canonical });
                found.addresses.extend(addresses);
            }
            Err(error) => failure = Some(failure.map_or(error.clone(), |one| one.or(error))),
        }
    }
    found.ok_or_else(|| {
        failure.unwrap_or_else(|| NameError::of_name(name, Cause::WrongFamily)).into()
    })
}

fn failure(error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => Failure::TimedOut,
        _ => Failure::Unreachable(error.to_string()),
    }
}

/// A number that nobody can guess. (Where the operating system has none at all, no host starts.)
fn random() -> u16 {
    let mut bytes = [0; 2];
    // Fails only before the machine has gathered any randomness: guessable is better than none.
    let _ = getrandom::fill(&mut bytes);
    u16::from_be_bytes(bytes)
}
