//! Whose pages may show our images. A browser says by Referer (RFC 9110 10.1.3) which page it loads
//! them for; one that says nothing, as many people have it do, gets them.

use ::http::Uri;
use ::http::header::{HOST, REFERER};
use ::http::uri::Authority;

use crate::http1::Request;

/// A host, perhaps with its port, or `none`; from the command line.
pub(super) fn host(text: &str) -> Result<String, String> {
    let is_host = text.parse::<Authority>().is_ok_and(|host| !host.as_str().contains('@'));
    let wanted = "a host is wanted, such as example.org or example.org:8080, or none";
    if is_host { Ok(text.into()) } else { Err(wanted.into()) }
}

/// The hosts whose pages may.
pub(super) struct Hotlinks {
    /// `None`: all of them.
    hosts: Option<Vec<Authority>>,
}

impl Hotlinks {
    pub(super) fn new(hosts: &[String]) -> Self {
        let named = hosts.iter().filter(|host| *host != "none");
        let named = named.filter_map(|host| host.parse().ok()).collect();
        Self { hosts: (!hosts.is_empty()).then_some(named) }
    }

    /// Whether what is sent depends on the page.
    pub(super) fn are_looked_at(&self) -> bool {
        self.hosts.is_some()
    }

    /// Whether an image may be had for the page that the request names.
    pub(super) fn allow(&self, request: &Request) -> bool {
        let Some(hosts) = &self.hosts else { return true };
        let headers = request.headers();
        let Some(referer) = headers.get(REFERER).filter(|referer| !referer.is_empty()) else {
            return true;
        };
        let Ok(page) = Uri::try_from(referer.as_bytes()) else { return false };
        let Some(page) = page.authority() else { return false };
        let own = headers.get(HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
        own.is_some_and(|own| is_same(&own, page) && port(&own) == port(page))
            || hosts.iter().any(|host| {
                is_same(host, page) && host.port().is_none_or(|_| port(host) == port(page))
            })
    }
}

fn is_same(one: &Authority, other: &Authority) -> bool {
    one.host().eq_ignore_ascii_case(other.host())
}

fn port(authority: &Authority) -> u16 {
    authority.port_u16().unwrap_or(80)
}

#[cfg(test)]
mod tests;
