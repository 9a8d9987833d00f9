//! What the machine's files say of names.

use std::fs;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::names::{BadLine, Hosts, Names, ResolverConfig, Services};

/// What a host knows of names; its sockets hold it, too, for names that they are given later.
#[derive(Clone, Default)]
pub(crate) struct KnownNames(
    /// `None`: nobody has asked yet.
    Arc<Mutex<Option<Arc<Names>>>>,
);

impl KnownNames {
    pub(crate) fn get(&self) -> Arc<Names> {
        Arc::clone(self.lock().get_or_insert_with(|| Arc::new(machine_names())))
    }

    pub(super) fn set(&self, names: Names) {
        *self.lock() = Some(Arc::new(names));
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Names>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Names as the machine's own programs know them: `/etc/resolv.conf`, `/etc/hosts` and
/// `/etc/services`, the latter's place taken by a table of well-known services where it is missing.
/// Each [`Host`](crate::Host) begins with them, read when the first name is asked for.
///
/// A stack on a TUN asks the servers itself, through its own device: those at a loopback address
/// (a `systemd-resolved` at 127.0.0.53) are out of its reach, and left out. What cannot be
/// understood is logged and passed over.
///
/// ```
/// use tuntcp::names::Protocol;
///
/// let names = tuntcp::runtime::machine_names();
/// assert_eq!(names.services().port("http", Protocol::Tcp), Some(80));
/// ```
#[must_use]
pub fn machine_names() -> Names {
    let mut resolver = read("/etc/resolv.conf", ResolverConfig::lenient).unwrap_or_default();
    resolver.servers.retain(|server| !server.ip().to_canonical().is_loopback());
    let hosts = read("/etc/hosts", Hosts::lenient).unwrap_or_default();
    let services = read("/etc/services", Services::lenient);
    Names::new(resolver, hosts, services.unwrap_or_else(Services::well_known))
}

fn read<T>(path: &str, parse: fn(&str) -> (T, Vec<BadLine>)) -> Option<T> {
    match fs::read(path) {
        Ok(bytes) => {
            let (value, bad) = parse(&String::from_utf8_lossy(&bytes));
            for line in bad {
                log::warn!("{path}: {line}");
            }
            Some(value)
        }
        Err(error) => {
            if error.kind() != ErrorKind::NotFound {
                log::warn!("{path}: {error}");
            }
            None
        }
    }
}
