//! Which port is `http`, and what is port 80: `/etc/services`.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use super::lines::{self, BadLine};

/// Whose ports are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Ports of TCP.
    Tcp,
    /// Ports of UDP.
    Udp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// Ports and the names of the services there (RFC 6335). As text it has the syntax of `/etc/services`:
/// `name port/protocol alias ...`; `#` begins a comment. Upper and lower case are the same.
///
/// ```
/// use tuntcp::names::{Protocol, Services};
///
/// let services: Services = "http 80/tcp www # the web".parse()?;
/// assert_eq!(services.port("www", Protocol::Tcp), Some(80));
/// assert_eq!(services.name(80, Protocol::Tcp), Some("http"));
/// assert_eq!(services.port("www", Protocol::Udp), None);
///
/// let error = "http eighty/tcp".parse::<Services>().unwrap_err();
/// assert!(error.to_string().contains("a port"));
/// # Ok::<(), tuntcp::names::BadLine>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services {
    ports: HashMap<(String, Protocol), u16>,
    names: HashMap<(u16, Protocol), String>,
}

/// Those that examples and textbooks speak of (IANA's registry of service names and port numbers).
const WELL_KNOWN: &str = "
tcpmux 1/tcp
echo 7/tcp
echo 7/udp
discard 9/tcp sink null
discard 9/udp sink null
systat 11/tcp users
daytime 13/tcp
daytime 13/udp
qotd 17/tcp quote
chargen 19/tcp ttytst source
chargen 19/udp ttytst source
ftp-data 20/tcp
ftp 21/tcp
ssh 22/tcp
telnet 23/tcp
smtp 25/tcp mail
time 37/tcp timserver
time 37/udp timserver
whois 43/tcp nicname
domain 53/tcp
domain 53/udp
tftp 69/udp
gopher 70/tcp
finger 79/tcp
http 80/tcp www
kerberos 88/tcp
kerberos 88/udp
pop3 110/tcp pop-3
sunrpc 111/tcp portmapper
sunrpc 111/udp portmapper
nntp 119/tcp readnews untp
ntp 123/udp
imap2 143/tcp imap
snmp 161/udp
bgp 179/tcp
ldap 389/tcp
https 443/tcp
https 443/udp
submission 587/tcp
ldaps 636/tcp
imaps 993/tcp
pop3s 995/tcp
socks 1080/tcp
mysql 3306/tcp
postgresql 5432/tcp postgres
redis 6379/tcp
http-alt 8080/tcp webcache
";

impl FromStr for Services {
    type Err = BadLine;

    fn from_str(text: &str) -> Result<Self, BadLine> {
        lines::strict(Self::lenient(text))
    }
}

impl Services {
    /// A table of well-known services, for where there is no file.
    ///
    /// ```
    /// use tuntcp::names::{Protocol, Services};
    ///
    /// assert_eq!(Services::well_known().port("daytime", Protocol::Tcp), Some(13));
    /// ```
    #[must_use]
    pub fn well_known() -> Self {
        Self::lenient(WELL_KNOWN).0
    }

    /// What can be understood of `text`, and the lines that cannot. Services of other protocols than
    /// TCP and UDP are passed over.
    ///
    /// ```
    /// use tuntcp::names::Services;
    ///
    /// let (_services, bad) = Services::lenient("http 80/tcp\nnonsense\nsip 5060/sctp");
    /// assert_eq!(bad.len(), 1);
    /// ```
    #[must_use]
    pub fn lenient(text: &str) -> (Self, Vec<BadLine>) {
        let mut services = Self::default();
        let bad = lines::read(text, &['#'], |line| services.take(line));
        (services, bad)
    }

    fn take(&mut self, line: &str) -> Result<(), &'static str> {
        let wanted = "a port and its protocol, such as `http 80/tcp`,";
        let mut words = line.split_whitespace();
        let (Some(name), Some(place)) = (words.next(), words.next()) else { return Err(wanted) };
        let (port, protocol) = place.split_once('/').ok_or(wanted)?;
        let port: u16 = port.parse().map_err(|_| wanted)?;
        let protocol = match protocol {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            _ => return Ok(()),
        };
        self.names.entry((port, protocol)).or_insert_with(|| name.to_owned());
        for name in std::iter::once(name).chain(words) {
            self.ports.entry((name.to_ascii_lowercase(), protocol)).or_insert(port);
        }
        Ok(())
    }

    /// The port of the service that has this name or alias.
    #[must_use]
    pub fn port(&self, name: &str, protocol: Protocol) -> Option<u16> {
        self.ports.get(&(name.to_ascii_lowercase(), protocol)).copied()
    }

    /// The name of the service at this port.
    #[must_use]
    pub fn name(&self, port: u16, protocol: Protocol) -> Option<&str> {
        self.names.get(&(port, protocol)).map(String::as_str)
    }
}
