//! What does a name stand for? Pure: texts, messages and decisions; no socket, no clock, no file.
//!
//! | question | where |
//! | --- | --- |
//! | What is a name? | [`DomainName`] (RFC 1035 2.3.4, RFC 1123 2.1) |
//! | Which servers are asked, and how? | [`ResolverConfig`], in the syntax of `resolv.conf` |
//! | What needs no asking? | [`Hosts`], in the syntax of `/etc/hosts` |
//! | Which port is `http`? | [`Services`], in the syntax of `/etc/services` |
//! | What is sent to a server, what did it say? | `message.rs` (RFC 1035 4), through the crate `simple-dns` |
//! | Which server, which name is next? | `lookup.rs`: search list, aliases, time-outs, truncation |
//! | Was it asked before? | `cache.rs` |
//! | Which address is tried first? | `order.rs` (RFC 6724) |
//! | What went wrong, and who said so? | [`NameError`] |
//!
//! A stub resolver (RFC 1034 5.3.1): the servers do the recursion. Names beyond ASCII have to be
//! given in their `xn--` form, DNSSEC is left to the servers, and a name that does not exist is
//! asked for again each time. [`net::Resolver`](crate::net::Resolver) carries the messages.

mod cache;
mod config;
mod domain;
mod error;
mod hosts;
mod lines;
mod lookup;
mod message;
mod order;
mod services;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cache::Cache;
pub use config::ResolverConfig;
pub use domain::DomainName;
pub use error::{Cause, Failure, NameError};
pub use hosts::Hosts;
pub use lines::BadLine;
pub(crate) use lookup::{Attempt, Lookup, Progress};
pub(crate) use message::{Answer, Data, RecordType};
pub(crate) use order::by_preference;
pub use services::{Protocol, Services};

use crate::time::Instant;

/// All that a host knows of names: whom to ask, what needs no asking, and what was answered lately.
///
/// ```
/// use tuntcp::names::{Hosts, Names, ResolverConfig, Services};
///
/// let hosts: Hosts = "192.0.2.1 one.example one".parse()?;
/// let resolver: ResolverConfig = "nameserver 192.0.2.53\noptions timeout:2".parse()?;
/// let (host, _peer) = tuntcp::runtime::memory_pair()?;
/// host.set_names(Names::new(resolver, hosts, Services::well_known()));
/// let listener = tuntcp::TcpListener::bind(&host, "one:http")?;
/// assert_eq!(listener.local_addr()?.to_string(), "192.0.2.1:80");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Names {
    resolver: ResolverConfig,
    hosts: Hosts,
    services: Services,
    cache: Mutex<Cache>,
    /// Index of the server that answered last: it is asked first, so that a dead one costs its
    /// time-out once. With `rotate`: of the one whose turn it is.
    first: AtomicUsize,
}

impl Names {
    /// With nothing remembered.
    #[must_use]
    pub fn new(resolver: ResolverConfig, hosts: Hosts, services: Services) -> Self {
        Self { resolver, hosts, services, ..Self::default() }
    }

    /// Whom to ask.
    #[must_use]
    pub fn resolver(&self) -> &ResolverConfig {
        &self.resolver
    }

    /// What needs no asking.
    #[must_use]
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// Names of ports.
    #[must_use]
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// What was answered before and still holds.
    pub(crate) fn remembered(
        &self,
        now: Instant,
        name: &DomainName,
        kind: RecordType,
    ) -> Option<Answer> {
        self.cache().get(now, name, kind)
    }

    /// `server` has answered this.
    pub(crate) fn remember(
        &self,
        now: Instant,
        asked: (DomainName, RecordType),
        answer: &Answer,
        server: SocketAddr,
    ) {
        self.cache().insert(now, asked, answer);
        if let Some(index) = self.resolver.servers.iter().position(|&other| other == server)
            && !self.resolver.rotate
        {
            self.first.store(index, Ordering::Relaxed);
        }
    }

    /// Index of the server that is asked first.
    pub(crate) fn first_server(&self) -> usize {
        if self.resolver.rotate {
            self.first.fetch_add(1, Ordering::Relaxed)
        } else {
            self.first.load(Ordering::Relaxed)
        }
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
