//! What was given out: codes, tokens and sessions, in memory. Each kind has so many places; when they
//! are taken, the oldest one goes.
//!
//! Tokens that come from the same consent are a family. Whatever may be used once only is kept after
//! that, so that who uses it again is found out: then somebody has stolen it, and since nobody can tell
//! whether the first or the second one did, the whole family ends (RFC 6749 4.1.2, RFC 9700 4.14.2).

use std::collections::VecDeque;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use oxide_auth::primitives::authorizer::Authorizer;
use oxide_auth::primitives::grant::Grant;
use subtle::ConstantTimeEq;

/// How many there may be of each kind.
const PLACES: usize = 1024;

const CODE: TimeDelta = TimeDelta::minutes(1);
const ACCESS: TimeDelta = TimeDelta::minutes(10);
const REFRESH: TimeDelta = TimeDelta::days(1);
const SESSION: TimeDelta = TimeDelta::hours(1);

#[derive(Default)]
pub(super) struct Ledger {
    codes: Shelf<Given>,
    access: Shelf<Given>,
    refresh: Shelf<Given>,
    sessions: Shelf<Session>,
    families: u64,
}

/// A code or a token.
struct Given {
    grant: Grant,
    family: Family,
    /// Whether what may be used once was used.
    used: bool,
}

/// What comes from one consent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Family(u64);

/// A user who has logged in.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) user: String,
    /// What his forms carry, which nobody else knows: no other site can fill them in for him.
    pub(super) seal: String,
}

/// What a client gets.
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) refresh: Option<String>,
    pub(super) scope: String,
    /// In seconds.
    pub(super) lifetime: i64,
}

impl Ledger {
    pub(super) fn new_family(&mut self) -> Family {
        self.families += 1;
        Family(self.families)
    }

    /// What a code stands for, once.
    pub(super) fn redeem(&mut self, code: &str) -> Option<(Grant, Family)> {
        let given = self.codes.find(code)?;
        let family = given.family;
        if given.used {
            self.revoke(family);
            return None;
        }
        given.used = true;
        Some((given.grant.clone(), family))
    }

    /// New tokens for what was granted.
    pub(super) fn issue(&mut self, mut grant: Grant, family: Family, refresh: bool) -> Tokens {
        let refresh = refresh.then(|| {
            grant.until = Utc::now() + REFRESH;
            self.refresh.put(Given { grant: grant.clone(), family, used: false }, REFRESH)
        });
        let scope = grant.scope.to_string();
        grant.until = Utc::now() + ACCESS;
        let access = self.access.put(Given { grant, family, used: false }, ACCESS);
        Tokens { access, refresh, scope, lifetime: ACCESS.num_seconds() }
    }

    /// What an access token stands for.
    pub(super) fn granted(&mut self, access: &str) -> Option<&Grant> {
        self.access.find(access).map(|given| &given.grant)
    }

    /// What a refresh token stands for, if it was not used before.
    pub(super) fn refreshable(&mut self, refresh: &str) -> Option<Grant> {
        let given = self.refresh.find(refresh)?;
        if given.used {
            let family = given.family;
            self.revoke(family);
            return None;
        }
        Some(given.grant.clone())
    }

    /// New tokens for a refresh token, the access token for what `grant` has left of it. RFC 6749 6: the
    /// new refresh token stands for as much as the old one.
    pub(super) fn rotate(&mut self, refresh: &str, grant: Grant) -> Option<Tokens> {
        let given = self.refresh.find(refresh)?;
        given.used = true;
        let (whole, family) = (given.grant.clone(), given.family);
        let fresh =
            Given { grant: Grant { until: Utc::now() + REFRESH, ..whole }, family, used: false };
        let fresh = self.refresh.put(fresh, REFRESH);
        Some(Tokens { refresh: Some(fresh), ..self.issue(grant, family, false) })
    }

    /// Ends a token of this client's, and all that came with it.
    pub(super) fn end(&mut self, token: &str, client: &str) {
        let access = self.access.find(token);
        let given = if access.is_some() { access } else { self.refresh.find(token) };
        if let Some(given) = given
            && given.grant.client_id == client
        {
            let family = given.family;
            self.revoke(family);
        }
    }

    fn revoke(&mut self, family: Family) {
        log::info!("oauth: all tokens of a consent are revoked");
        for shelf in [&mut self.access, &mut self.refresh] {
            shelf.places.retain(|place| place.what.family != family);
        }
    }

    /// A new session, and what it is called.
    pub(super) fn log_in(&mut self, user: &str) -> String {
        self.sessions.put(Session { user: user.into(), seal: secret() }, SESSION)
    }

    pub(super) fn session(&mut self, name: &str) -> Option<Session> {
        self.sessions.find(name).cloned()
    }

    pub(super) fn log_out(&mut self, name: &str) {
        self.sessions.places.retain(|place| place.name != name);
    }
}

/// Codes, as the crate asks for them. It takes them back by [`Ledger::redeem`].
impl Authorizer for Ledger {
    fn authorize(&mut self, mut grant: Grant) -> Result<String, ()> {
        grant.until = Utc::now() + CODE;
        let family = self.new_family();
        Ok(self.codes.put(Given { grant, family, used: false }, CODE))
    }

    fn extract(&mut self, code: &str) -> Result<Option<Grant>, ()> {
        Ok(self.redeem(code).map(|(grant, _)| grant))
    }
}

/// Things under names that nobody can guess, the oldest first.
struct Shelf<T> {
    places: VecDeque<Place<T>>,
}

struct Place<T> {
    name: String,
    until: DateTime<Utc>,
    what: T,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { places: VecDeque::new() }
    }
}

impl<T> Shelf<T> {
    fn put(&mut self, what: T, lifetime: TimeDelta) -> String {
        let now = Utc::now();
        // All of a shelf live equally long: what is over is in front.
        while self.places.front().is_some_and(|place| place.until <= now)
            || self.places.len() >= PLACES
        {
            self.places.pop_front();
        }
        let name = secret();
        self.places.push_back(Place { name: name.clone(), until: now + lifetime, what });
        name
    }

    /// Compares with each in constant time: how long it takes tells nothing of a name.
    fn find(&mut self, name: &str) -> Option<&mut T> {
        let now = Utc::now();
        let mut places = self.places.iter_mut().filter(|place| place.until > now);
        places.find(|place| same(&place.name, name)).map(|place| &mut place.what)
    }
}

/// Whether two secrets are the same; how long it takes tells nothing but their lengths.
pub(super) fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// 256 random bits, as 43 characters.
pub(super) fn secret() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the kernel has random numbers");
    URL_SAFE_NO_PAD.encode(bytes)
}
