//! Who is registered: two clients and a user. Everybody may read their secrets here and on the page,
//! which is right for a demo, and for nothing else.

use std::borrow::Cow;

use oxide_auth::primitives::registrar::{
    BoundClient, ClientUrl, ExactUrl, PreGrant, RegisteredUrl, Registrar, RegistrarError,
};
use oxide_auth::primitives::scope::Scope;

use super::ledger::same;

/// The user.
pub(super) const USER: &str = "alice";
pub(super) const PASSWORD: &str = "wonderland";

/// What a client may ask for; less if it asks for nothing.
const SCOPE: &str = "read write";
const DEFAULT_SCOPE: &str = "read";

/// A registered client.
pub(super) struct Client {
    pub(super) id: &'static str,
    /// A client without one is public: it runs where its user could read the secret.
    pub(super) secret: Option<&'static str>,
    /// The grants that it may use, as RFC 7591 2 calls them.
    pub(super) grants: &'static [&'static str],
}

/// The page in the browser.
const PAGE: Client = Client {
    id: "page",
    secret: None,
    grants: &["authorization_code", "refresh_token", "implicit", "password"],
};

/// A program that runs somewhere alone, and so can keep a secret.
pub(super) const ROBOT: Client = Client {
    id: "robot",
    secret: Some("looking-glass"),
    grants: &["authorization_code", "refresh_token", "client_credentials"],
};

/// The one at this place that calls itself so.
pub(super) fn find(id: &str) -> Option<&'static Client> {
    [&PAGE, &ROBOT].into_iter().find(|client| client.id == id)
}

/// Whether this is the user's password. All is compared, whatever is wrong.
pub(super) fn is_user(name: &str, password: &str) -> bool {
    same(name, USER) & same(password, PASSWORD)
}

/// The clients of the provider at `base`, as the crate asks for them.
pub(super) struct Clients<'a> {
    pub(super) base: &'a str,
}

impl Clients<'_> {
    /// Where a client may have its user sent back to, in these very words (RFC 9700 2.1).
    fn redirect(&self, client: &Client) -> Result<ExactUrl, RegistrarError> {
        let url = match client.id {
            "page" => format!("{}/client", self.base),
            _ => "http://localhost:9000/back".into(),
        };
        url.parse().map_err(|_| RegistrarError::PrimitiveError)
    }
}

impl Registrar for Clients<'_> {
    fn bound_redirect<'b>(&self, asked: ClientUrl<'b>) -> Result<BoundClient<'b>, RegistrarError> {
        let client = find(&asked.client_id).ok_or(RegistrarError::Unspecified)?;
        let registered = self.redirect(client)?;
        if asked.redirect_uri.is_some_and(|asked| *asked != registered) {
            return Err(RegistrarError::Unspecified);
        }
        let redirect_uri = Cow::Owned(RegisteredUrl::from(registered));
        Ok(BoundClient { client_id: asked.client_id, redirect_uri })
    }

    fn negotiate(
        &self,
        client: BoundClient<'_>,
        asked: Option<Scope>,
    ) -> Result<PreGrant, RegistrarError> {
        let known = |text: &str| text.parse::<Scope>().map_err(|_| RegistrarError::PrimitiveError);
        let asked = asked.filter(|scope| scope.iter().next().is_some());
        let scope = asked.map_or_else(|| known(DEFAULT_SCOPE), Ok)?;
        if !known(SCOPE)?.priviledged_to(&scope) {
            return Err(RegistrarError::Unspecified);
        }
        Ok(PreGrant {
            client_id: client.client_id.into_owned(),
            redirect_uri: client.redirect_uri.into_owned(),
            scope,
        })
    }

    fn check(&self, id: &str, secret: Option<&[u8]>) -> Result<(), RegistrarError> {
        let client = find(id).ok_or(RegistrarError::Unspecified)?;
        let right = match (client.secret, secret.map(std::str::from_utf8)) {
            (None, None) => true,
            (Some(known), Some(Ok(told))) => same(known, told),
            _ => false,
        };
        if right { Ok(()) } else { Err(RegistrarError::Unspecified) }
    }
}
