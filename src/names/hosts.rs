//! What needs no asking: `/etc/hosts`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::str::FromStr;

use super::domain::DomainName;
use super::lines::{self, BadLine};

/// Addresses and their names. As text it has the syntax of `/etc/hosts`: a line an address, followed
/// by its name and aliases; `#` begins a comment.
///
/// ```
/// use tuntcp::names::Hosts;
///
/// let hosts: Hosts = "192.0.2.1 one.example one # the first".parse()?;
/// assert_eq!(hosts.addresses("ONE").to_vec(), ["192.0.2.1".parse::<std::net::IpAddr>().unwrap()]);
/// assert_eq!(hosts.name("192.0.2.1".parse().unwrap()), Some("one.example"));
///
/// let error = "192.0.2.1000 one".parse::<Hosts>().unwrap_err();
/// assert!(error.to_string().contains("line 1"));
/// # Ok::<(), tuntcp::names::BadLine>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    addresses: HashMap<DomainName, Vec<IpAddr>>,
    names: HashMap<IpAddr, DomainName>,
}

impl FromStr for Hosts {
    type Err = BadLine;

    fn from_str(text: &str) -> Result<Self, BadLine> {
        lines::strict(Self::lenient(text))
    }
}

impl Hosts {
    /// What can be understood of `text`, and the lines that cannot.
    ///
    /// ```
    /// use tuntcp::names::Hosts;
    ///
    /// let (hosts, bad) = Hosts::lenient("192.0.2.1 one\nnonsense");
    /// assert_eq!((hosts.addresses("one").len(), bad.len()), (1, 1));
    /// ```
    #[must_use]
    pub fn lenient(text: &str) -> (Self, Vec<BadLine>) {
        let mut hosts = Self::default();
        let bad = lines::read(text, &['#'], |line| hosts.take(line));
        (hosts, bad)
    }

    fn take(&mut self, line: &str) -> Result<(), &'static str> {
        let mut words = line.split_whitespace();
        let address = words.next().unwrap_or_default();
        if address.contains('%') {
            // An interface of the machine's, which a stack on a TUN does not have.
            return Ok(());
        }
        let address: IpAddr = address.parse().map_err(|_| "an IP address and its names")?;
        let names: Result<Vec<_>, _> = words.map(DomainName::new).collect();
        let names = names.map_err(|_| "names of letters, digits, hyphens and dots")?;
        let Some(first) = names.first() else { return Err("a name after the address") };
        self.names.entry(address).or_insert_with(|| first.clone());
        for name in names {
            let addresses = self.addresses.entry(name).or_default();
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        Ok(())
    }

    /// The addresses of `name`, in the order of their lines; none if it does not stand there.
    #[must_use]
    pub fn addresses(&self, name: &str) -> &[IpAddr] {
        let name = DomainName::new(name).ok();
        name.and_then(|name| self.addresses.get(&name)).map_or(&[], Vec::as_slice)
    }

    /// The name of `address`: the first one of its first line.
    #[must_use]
    pub fn name(&self, address: IpAddr) -> Option<&str> {
        self.names.get(&address).map(DomainName::as_str)
    }
}
