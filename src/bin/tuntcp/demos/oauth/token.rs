//! `/token`: what a client changes for tokens: a code, a refresh token, its own secret, or its user's
//! password. Errors are those of RFC 6749 5.2.

use std::borrow::Cow;

use ::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use ::http::{HeaderValue, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use oxide_auth::code_grant::error::{AccessTokenError, AccessTokenErrorType};
use oxide_auth::code_grant::extensions::Pkce;
use oxide_auth::code_grant::{accesstoken, client_credentials, refresh};
use oxide_auth::primitives::grant::{Extensions, Grant};
use oxide_auth::primitives::registrar::{
    BoundClient, ClientUrl, PreGrant, Registrar, RegistrarError,
};
use oxide_auth::primitives::scope::Scope;
use serde_json::json;
use url::form_urlencoded;

use super::clients::{self, Clients};
use super::ledger::{Ledger, Tokens};
use super::web::{Form, json};
use super::{PASSWORD_OFF, Provider};
use crate::http1::{Request, Response};

/// Answers `/token` of the provider at `base`.
pub(super) fn answer(provider: &Provider, base: &str, request: &Request) -> Response {
    match exchange(provider, base, request) {
        Ok(tokens) => {
            let mut answer = json!({
                "access_token": tokens.access,
                "token_type": "Bearer",
                "expires_in": tokens.lifetime,
                "scope": tokens.scope,
            });
            if let Some(refresh) = tokens.refresh {
                answer["refresh_token"] = refresh.into();
            }
            json(StatusCode::OK, &answer)
        }
        Err(refusal) => refusal.response(),
    }
}

fn exchange(provider: &Provider, base: &str, request: &Request) -> Result<Tokens, Refusal> {
    let (form, caller) = Caller::of(request)?;
    let asked = form.value("grant_type").ok_or(INCOMPLETE)?;
    let known = ["authorization_code", "refresh_token", "client_credentials", "password"];
    if !known.contains(&asked) {
        return Err(Refusal::new("unsupported_grant_type", "there is no such grant here"));
    }
    if asked == "password" && !provider.password {
        return Err(Refusal::new("unsupported_grant_type", PASSWORD_OFF));
    }
    let client = clients::find(&caller.id).ok_or(STRANGER)?;
    if !client.grants.contains(&asked) {
        return Err(Refusal::new("unauthorized_client", "this client may not use this grant"));
    }
    let clients = Clients { base };
    let ledger = &mut *provider.ledger();
    let asking = Asking { form: &form, caller: &caller };
    match asked {
        "authorization_code" => by_code(&clients, ledger, &asking),
        "refresh_token" => by_refresh(&clients, ledger, &asking),
        "client_credentials" => by_secret(&clients, ledger, &asking),
        _ => by_password(&clients, ledger, &asking),
    }
}

/// A code, for which the client shows what its hash was sent for (RFC 6749 4.1.3, RFC 7636 4.5).
fn by_code(
    clients: &Clients<'_>,
    ledger: &mut Ledger,
    asking: &Asking<'_>,
) -> Result<Tokens, Refusal> {
    use accesstoken::{AccessToken, Input, Output};
    let mut flow = AccessToken::new(asking);
    let mut input = Input::None;
    let mut from = None;
    loop {
        input = match flow.advance(input) {
            Output::Authenticate { client, passdata } => {
                clients.check(client, passdata)?;
                Input::Authenticated
            }
            Output::Recover { code } => {
                let (grant, family) = ledger.redeem(code).ok_or(SPENT)?;
                from = Some(family);
                Input::Recovered(Some(Box::new(grant)))
            }
            Output::Extend { extensions } => {
                let pkce = Pkce::required();
                let verifier = asking.form.value("code_verifier").map(Cow::Borrowed);
                // RFC 7636 4.6.
                let wrong =
                    |()| Refusal::new("invalid_grant", "code_verifier is not what was hashed");
                pkce.verify(extensions.remove(&pkce), verifier).map_err(wrong)?;
                Input::Extended { access_extensions: Extensions::new() }
            }
            Output::Issue { grant } => {
                let family = from.unwrap_or_else(|| ledger.new_family());
                return Ok(ledger.issue(grant.clone(), family, true));
            }
            Output::Ok(_) => return Err(INCOMPLETE),
            Output::Err(mut error) => return Err(Refusal::from(error.description())),
        };
    }
}

/// A refresh token, which is changed for a new one as well (RFC 6749 6, RFC 9700 4.14.2).
fn by_refresh(
    clients: &Clients<'_>,
    ledger: &mut Ledger,
    asking: &Asking<'_>,
) -> Result<Tokens, Refusal> {
    use refresh::{Input, Output, Refresh};
    let scope = || asking.form.value("scope").map(Cow::Borrowed);
    let mut flow = Refresh::new(asking);
    let mut input = Input::None;
    loop {
        input = match flow.advance(input) {
            Output::Unauthenticated { client, pass } => {
                clients.check(client, pass)?;
                Input::Authenticated { scope: scope() }
            }
            Output::RecoverRefresh { token } => {
                let grant = ledger.refreshable(token);
                // A public client proves nothing, but another one's token is refused to it.
                let grant = grant.filter(|grant| grant.client_id == asking.caller.id);
                Input::Recovered { scope: scope(), grant: grant.map(Box::new) }
            }
            Output::Refresh { token, grant } => {
                return ledger.rotate(token, *grant).ok_or(SPENT);
            }
            Output::Ok(_) => return Err(INCOMPLETE),
            Output::Err(mut error) => return Err(Refusal::from(error.description())),
        };
    }
}

/// The client's own secret, for what it does in its own name (RFC 6749 4.4).
fn by_secret(
    clients: &Clients<'_>,
    ledger: &mut Ledger,
    asking: &Asking<'_>,
) -> Result<Tokens, Refusal> {
    use client_credentials::{ClientCredentials, Input, Output};
    // The crate would call a wrong one an invalid request.
    let _: Option<Scope> = asking.scope()?;
    let mut flow = ClientCredentials::new(asking);
    let mut input = Input::None;
    loop {
        input = match flow.advance(input) {
            Output::Authenticate { client, passdata } => {
                clients.check(client, Some(passdata))?;
                Input::Authenticated
            }
            Output::Binding { client_id } => {
                Input::Bound { bound_client: bind(clients, client_id)? }
            }
            Output::Extend => Input::Extended { extensions: Extensions::new() },
            Output::Negotiate { bound_client, scope } => {
                let known = clients.negotiate(bound_client.clone(), scope);
                Input::Negotiated { pre_grant: known.map_err(|_| UNKNOWN_SCOPE)? }
            }
            Output::Ok { pre_grant, .. } => {
                let family = ledger.new_family();
                let grant = grant(pre_grant.clone(), &asking.caller.id);
                // RFC 6749 4.4.3: no refresh token, the secret is one.
                return Ok(ledger.issue(grant, family, false));
            }
            Output::Err(mut error) => return Err(Refusal::from(error.description())),
        };
    }
}

/// The user's password (RFC 6749 4.3), which the crate leaves out.
fn by_password(
    clients: &Clients<'_>,
    ledger: &mut Ledger,
    asking: &Asking<'_>,
) -> Result<Tokens, Refusal> {
    let Caller { id, secret } = asking.caller;
    clients.check(id, secret.as_deref().map(str::as_bytes))?;
    let user = asking.form.value("username").ok_or(INCOMPLETE)?;
    let password = asking.form.value("password").ok_or(INCOMPLETE)?;
    if !clients::is_user(user, password) {
        let why = "that is not the user, or not the password";
        return Err(Refusal::new("invalid_grant", why));
    }
    let known = clients.negotiate(bind(clients, id)?, asking.scope()?);
    let grant = grant(known.map_err(|_| UNKNOWN_SCOPE)?, user);
    let family = ledger.new_family();
    Ok(ledger.issue(grant, family, true))
}

fn bind(clients: &Clients<'_>, id: &str) -> Result<BoundClient<'static>, RegistrarError> {
    clients.bound_redirect(ClientUrl { client_id: Cow::Owned(id.into()), redirect_uri: None })
}

fn grant(granted: PreGrant, owner: &str) -> Grant {
    Grant {
        owner_id: owner.into(),
        client_id: granted.client_id,
        scope: granted.scope,
        redirect_uri: granted.redirect_uri.into_url(),
        until: chrono::Utc::now(),
        extensions: Extensions::new(),
    }
}

/// Who asks, as he says.
pub(super) struct Caller {
    pub(super) id: String,
    pub(super) secret: Option<String>,
}

impl Caller {
    /// The form that a client has sent, and how it calls itself: in the header or in the form (RFC 6749
    /// 2.3.1), not in both.
    pub(super) fn of(request: &Request) -> Result<(Form, Self), Refusal> {
        let form = Form::of_body(request).filter(|form| !form.repeats()).ok_or(INCOMPLETE)?;
        let (id, secret) = (form.value("client_id"), form.value("client_secret"));
        let caller = match request.headers().get(AUTHORIZATION) {
            Some(header) => {
                let caller = Self::of_header(header).ok_or(STRANGER)?;
                if secret.is_some() || id.is_some_and(|id| id != caller.id) {
                    let why = "who you are is said in two ways";
                    return Err(Refusal::new("invalid_request", why));
                }
                caller
            }
            None => Self { id: id.ok_or(STRANGER)?.into(), secret: secret.map(str::to_owned) },
        };
        Ok((form, caller))
    }

    fn of_header(header: &HeaderValue) -> Option<Self> {
        let (scheme, text) = header.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let text = String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok()?;
        let (id, secret) = text.split_once(':')?;
        // Both are encoded as in a form first.
        let decode = |text: &str| {
            let pair = form_urlencoded::parse(text.as_bytes()).next();
            pair.map_or_else(String::new, |(name, _)| name.into_owned())
        };
        Some(Self { id: decode(id), secret: Some(decode(secret)) })
    }

    /// Fails unless the caller is the client that he says he is.
    pub(super) fn check(&self, clients: &Clients<'_>) -> Result<(), Refusal> {
        Ok(clients.check(&self.id, self.secret.as_deref().map(str::as_bytes))?)
    }
}

/// Why there are no tokens (RFC 6749 5.2).
#[derive(Debug)]
pub(super) struct Refusal {
    error: &'static str,
    why: &'static str,
}

const INCOMPLETE: Refusal =
    Refusal::new("invalid_request", "a form is needed with each parameter of the grant, once");
const STRANGER: Refusal =
    Refusal::new("invalid_client", "no such client, or not its secret, or said in a wrong way");
const SPENT: Refusal =
    Refusal::new("invalid_grant", "unknown, too old, used before, or of another client or address");
const UNKNOWN_SCOPE: Refusal = Refusal::new("invalid_scope", "there are the scopes read and write");

impl Refusal {
    pub(super) const fn new(error: &'static str, why: &'static str) -> Self {
        Self { error, why }
    }

    pub(super) fn response(self) -> Response {
        let answer = json!({ "error": self.error, "error_description": self.why });
        if self.error != STRANGER.error {
            return json(StatusCode::BAD_REQUEST, &answer);
        }
        let mut response = json(StatusCode::UNAUTHORIZED, &answer);
        let how = HeaderValue::from_static("Basic realm=\"tuntcp\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, how);
        response
    }
}

impl From<RegistrarError> for Refusal {
    fn from(_: RegistrarError) -> Self {
        STRANGER
    }
}

/// The crate's errors; their own text has its description under another name than RFC 6749's.
impl From<Option<&mut AccessTokenError>> for Refusal {
    fn from(error: Option<&mut AccessTokenError>) -> Self {
        match error.map(AccessTokenError::kind) {
            Some(AccessTokenErrorType::InvalidClient) => STRANGER,
            Some(AccessTokenErrorType::InvalidGrant) => SPENT,
            Some(AccessTokenErrorType::InvalidScope) => UNKNOWN_SCOPE,
            _ => INCOMPLETE,
        }
    }
}

/// A request for tokens, as the crate reads it: who asks is found out already, so that it is one way for
/// all grants.
struct Asking<'a> {
    form: &'a Form,
    caller: &'a Caller,
}

impl Asking<'_> {
    fn value(&self, name: &str) -> Option<Cow<'_, str>> {
        self.form.value(name).map(Cow::Borrowed)
    }

    fn scope(&self) -> Result<Option<Scope>, Refusal> {
        self.form.value("scope").map(str::parse).transpose().map_err(|_| UNKNOWN_SCOPE)
    }

    fn credentials(&self) -> Option<(Cow<'_, str>, Cow<'_, [u8]>)> {
        let secret = self.caller.secret.as_ref()?;
        Some((Cow::Borrowed(&self.caller.id), Cow::Borrowed(secret.as_bytes())))
    }
}

impl accesstoken::Request for Asking<'_> {
    fn valid(&self) -> bool {
        true
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        self.value("code")
    }

    fn authorization(&self) -> accesstoken::Authorization<'_> {
        self.credentials().map_or_else(
            || accesstoken::Authorization::Username(Cow::Borrowed(&self.caller.id)),
            |(id, secret)| accesstoken::Authorization::UsernamePassword(id, secret),
        )
    }

    fn client_id(&self) -> Option<Cow<'_, str>> {
        None
    }

    fn redirect_uri(&self) -> Option<Cow<'_, str>> {
        self.value("redirect_uri")
    }

    fn grant_type(&self) -> Option<Cow<'_, str>> {
        self.value("grant_type")
    }

    fn extension(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }
}

impl refresh::Request for Asking<'_> {
    fn valid(&self) -> bool {
        true
    }

    fn refresh_token(&self) -> Option<Cow<'_, str>> {
        self.value("refresh_token")
    }

    fn scope(&self) -> Option<Cow<'_, str>> {
        self.value("scope")
    }

    fn grant_type(&self) -> Option<Cow<'_, str>> {
        self.value("grant_type")
    }

    fn authorization(&self) -> Option<(Cow<'_, str>, Cow<'_, [u8]>)> {
        self.credentials()
    }

    fn extension(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }
}

impl client_credentials::Request for Asking<'_> {
    fn valid(&self) -> bool {
        true
    }

    fn authorization(&self) -> Option<(Cow<'_, str>, Cow<'_, [u8]>)> {
        self.credentials()
    }

    fn scope(&self) -> Option<Cow<'_, str>> {
        self.value("scope")
    }

    fn grant_type(&self) -> Option<Cow<'_, str>> {
        self.value("grant_type")
    }

    fn extension(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }
}
