//! Which servers are asked, and how: `resolv.conf`.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::str::{FromStr, SplitWhitespace};
use std::time::Duration;

use super::domain::DomainName;
use super::lines::{self, BadLine};

/// Where name servers listen (RFC 1035 4.2).
pub(super) const PORT: u16 = 53;

/// Which servers are asked, and how. As text it has the syntax of `resolv.conf`:
///
/// ```text
/// nameserver 192.0.2.53           # one line a server, asked in this order
/// search corp.example example     # or `domain corp.example`; the last of them holds
/// options ndots:1 timeout:5 attempts:2 rotate use-vc edns0
/// ```
///
/// Keywords and options that are not listed here are skipped, as libraries of C do.
///
/// ```
/// use std::time::Duration;
/// use tuntcp::names::ResolverConfig;
///
/// let config: ResolverConfig = "nameserver 192.0.2.53\noptions timeout:2".parse()?;
/// assert_eq!(config.servers, ["192.0.2.53:53".parse().unwrap()]);
/// assert_eq!(config.timeout, Duration::from_secs(2));
///
/// let error = "nameserver localhost".parse::<ResolverConfig>().unwrap_err();
/// assert_eq!(error.to_string(), "line 1, `nameserver localhost`: an IP address is wanted");
/// # Ok::<(), tuntcp::names::BadLine>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolverConfig {
    /// Servers, in the order in which they are asked. Default none.
    pub servers: Vec<SocketAddr>,
    /// Domains in which a short name is looked for. Default none.
    pub search: Vec<DomainName>,
    /// A name with at least so many dots is asked for as it stands before the search list is gone
    /// through, one with fewer after it. 0 to 15, default 1.
    pub ndots: usize,
    /// How long a server may take. 1 to 30 seconds, default 5.
    pub timeout: Duration,
    /// How often each server is asked. 1 to 5, default 2.
    pub attempts: usize,
    /// Begin with another server each time, instead of with the one that answered last.
    pub rotate: bool,
    /// Ask over TCP at once.
    pub use_vc: bool,
    /// Tell servers that answers of up to 1,232 bytes may come over UDP (RFC 6891), instead of 512.
    pub edns0: bool,
}

impl Default for ResolverConfig {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            search: Vec::new(),
            ndots: 1,
            timeout: Duration::from_secs(5),
            attempts: 2,
            rotate: false,
            use_vc: false,
            edns0: false,
        }
    }
}

impl FromStr for ResolverConfig {
    type Err = BadLine;

    fn from_str(text: &str) -> Result<Self, BadLine> {
        lines::strict(Self::lenient(text))
    }
}

impl ResolverConfig {
    /// What can be understood of `text`, and the lines that cannot.
    ///
    /// ```
    /// use tuntcp::names::ResolverConfig;
    ///
    /// let (config, bad) = ResolverConfig::lenient("nameserver nobody\nnameserver 192.0.2.53");
    /// assert_eq!((config.servers.len(), bad.len()), (1, 1));
    /// ```
    #[must_use]
    pub fn lenient(text: &str) -> (Self, Vec<BadLine>) {
        let mut config = Self::default();
        let bad = lines::read(text, &['#', ';'], |line| config.take(line));
        (config, bad)
    }

    fn take(&mut self, line: &str) -> Result<(), &'static str> {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("nameserver") => self.servers.push(server(words.next()).ok_or("an IP address")?),
            Some("search") => self.search = domains(words)?,
            Some("domain") => self.search = domains(words)?.into_iter().take(1).collect(),
            Some("options") => {
                for option in words {
                    self.take_option(option)?;
                }
            }
            // `sortlist`, and what other systems have.
            _ => {}
        }
        Ok(())
    }

    fn take_option(&mut self, option: &str) -> Result<(), &'static str> {
        let (name, value) = option.split_once(':').unwrap_or((option, ""));
        let number = || value.parse::<usize>().map_err(|_| "a number after the colon");
        match name {
            "ndots" => self.ndots = number()?.min(15),
            "timeout" => self.timeout = Duration::from_secs(number()?.clamp(1, 30) as u64),
            "attempts" => self.attempts = number()?.clamp(1, 5),
            "rotate" => self.rotate = true,
            "use-vc" => self.use_vc = true,
            "edns0" => self.edns0 = true,
            _ => {}
        }
        Ok(())
    }
}

/// An address with or without a scope.
fn server(word: Option<&str>) -> Option<SocketAddr> {
    let word = word?;
    match word.parse::<IpAddr>() {
        Ok(ip) => Some(SocketAddr::new(ip, PORT)),
        Err(_) => format!("[{word}]:{PORT}").parse::<SocketAddrV6>().ok().map(SocketAddr::V6),
    }
}

fn domains(words: SplitWhitespace<'_>) -> Result<Vec<DomainName>, &'static str> {
    // A lone dot is the root: nothing to append.
    let words = words.filter(|&word| word != ".");
    words.map(|word| DomainName::new(word).map_err(|_| "a list of domains")).collect()
}
