//! `/authorize`: a client sends its user's browser here; the user logs in, and allows or denies; the
//! browser is sent back with a code, or (implicit grant) with the token itself.
//!
//! The request stays in the page's address and is checked anew with each form that comes from it, so
//! nothing has to be remembered about who began and never ended.

use std::borrow::Cow;

use ::http::header::SET_COOKIE;
use ::http::{HeaderValue, Method, StatusCode};
use oxide_auth::code_grant::authorization::{
    Endpoint, Error, Extension, Pending, Request as Parameters, authorization_code,
};
use oxide_auth::code_grant::extensions::Pkce;
use oxide_auth::primitives::authorizer::Authorizer;
use oxide_auth::primitives::grant::{Extensions, Grant};
use oxide_auth::primitives::registrar::{ClientUrl, PreGrant, Registrar};
use url::Url;

use super::clients::{self, Clients, PASSWORD, USER};
use super::ledger::{Ledger, same, secret};
use super::web::{Form, complaint, cookie, escape, page, redirect};
use super::{IMPLICIT_OFF, Provider};
use crate::http1::{Request, Response};

/// The cookie's name. It names a session, or a browser in which nobody has logged in yet.
const COOKIE: &str = "tuntcp-oauth";

/// Answers `/authorize` of the provider at `base`.
pub(super) fn answer(provider: &Provider, base: &str, request: &Request) -> Response {
    let query = Form::of_query(request);
    let clients = Clients { base };
    let ledger = &mut *provider.ledger();
    let mut desk = Desk { clients: &clients, ledger, challenge: Challenge };
    let wish = match Wish::read(provider, &mut desk, &query) {
        Ok(wish) => wish,
        Err(response) => return *response,
    };
    if request.method() == Method::POST {
        return decide(wish, &mut desk, request);
    }
    // One that cannot be ours is not taken over.
    let name = cookie(request, COOKIE).filter(|name| name.len() == 43).map(str::to_owned);
    let name = name.unwrap_or_else(secret);
    let mut response = ask(&wish, desk.ledger, &name, "");
    hold(&mut response, &name);
    response
}

/// Has the browser keep the cookie.
fn hold(response: &mut Response, name: &str) {
    // No script reads it, and no other site's form comes with it.
    let text = format!("{COOKIE}={name}; Path=/authorize; HttpOnly; SameSite=Lax");
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().insert(SET_COOKIE, value);
    }
}

/// What the forms of the browser with this cookie carry: without a session there is nothing to steal,
/// and what only this browser knows is enough.
fn seal(ledger: &mut Ledger, name: &str) -> String {
    ledger.session(name).map_or_else(|| name.to_owned(), |session| session.seal)
}

/// The page on which the user logs in or, when he has, decides.
fn ask(wish: &Wish, ledger: &mut Ledger, name: &str, complaint: &str) -> Response {
    let seal = seal(ledger, name);
    let grant = wish.grant();
    let (client, back) = (escape(&grant.client_id), escape(grant.redirect_uri.as_str()));
    let seal = format!("<input type=\"hidden\" name=\"seal\" value=\"{}\">", escape(&seal));
    let deny = "<button name=\"decision\" value=\"deny\" formnovalidate>Deny</button>";
    if let Some(session) = ledger.session(name) {
        let (user, scope) = (escape(&session.user), escape(&grant.scope.to_string()));
        let content = format!(
            "<p><b>{client}</b> asks for <b id=\"scope\">{scope}</b> in the name of \
             <b id=\"user\">{user}</b>. Whatever you decide, you go back to {back}.</p>\n\
             <form method=\"post\">{seal}\n\
             <button name=\"decision\" value=\"allow\">Allow</button>\n{deny}\n\
             <button name=\"decision\" value=\"leave\">Be somebody else</button>\n</form>\n",
        );
        return page(StatusCode::OK, "May it?", &content);
    }
    let content = format!(
        "<p>Log in, so that <b>{client}</b> can ask you for something. It will not see your \
         password.</p>\n<p>In this demo you are <code>{USER}</code>, and your password is \
         <code>{PASSWORD}</code>.</p>\n<p id=\"why\">{}</p>\n<form method=\"post\">{seal}\n\
         <label>User <input name=\"username\" autocomplete=\"username\" required></label>\n\
         <label>Password <input name=\"password\" type=\"password\" \
         autocomplete=\"current-password\" required></label>\n\
         <button name=\"decision\" value=\"login\">Log in</button>\n{deny}\n</form>\n",
        escape(complaint),
    );
    let status = if complaint.is_empty() { StatusCode::OK } else { StatusCode::FORBIDDEN };
    page(status, "Log in", &content)
}

/// Does what a form of ours says.
fn decide(wish: Wish, desk: &mut Desk<'_>, request: &Request) -> Response {
    let Some(form) = Form::of_body(request) else {
        return complaint(StatusCode::UNSUPPORTED_MEDIA_TYPE, "A form was expected.");
    };
    if form.repeats() {
        return complaint(StatusCode::BAD_REQUEST, TWICE);
    }
    let name = cookie(request, COOKIE).unwrap_or_default();
    let sealed = form.value("seal").is_some_and(|told| same(told, &seal(desk.ledger, name)));
    if name.is_empty() || !sealed {
        let why = "This form is not from here, or too old, or your browser keeps no cookies.";
        return complaint(StatusCode::FORBIDDEN, why);
    }
    let session = desk.ledger.session(name);
    let again = || redirect(request.uri().path_and_query().map_or("/client", |here| here.as_str()));
    match (form.value("decision"), session) {
        (Some("login"), _) => {
            let user = form.value("username").unwrap_or_default();
            if !clients::is_user(user, form.value("password").unwrap_or_default()) {
                return ask(&wish, desk.ledger, name, "That is not the user, or not the password.");
            }
            // Under a new name: nobody can have given the browser this one before.
            desk.ledger.log_out(name);
            let name = desk.ledger.log_in(user);
            let mut response = again();
            hold(&mut response, &name);
            response
        }
        (Some("leave"), _) => {
            desk.ledger.log_out(name);
            again()
        }
        (Some("allow"), Some(session)) => wish.allow(desk, session.user),
        (Some("deny"), _) => wish.deny(desk.clients.base),
        _ => complaint(StatusCode::BAD_REQUEST, "Allow or deny?"),
    }
}

/// What a client wants for its user, checked.
enum Wish {
    /// A code, which the client changes for a token.
    Code(Pending),
    /// The token at once.
    Token { grant: PreGrant, state: Option<String> },
}

impl Wish {
    fn read(provider: &Provider, desk: &mut Desk<'_>, query: &Form) -> Result<Self, Box<Response>> {
        let base = desk.clients.base;
        let lost = |why: &str| Box::new(complaint(StatusCode::BAD_REQUEST, why));
        if query.repeats() {
            return Err(lost(TWICE));
        }
        // RFC 6749 4.1.2.1: who is not known to belong to a client is never sent there.
        if query.value("client_id").and_then(clients::find).is_none() {
            return Err(lost("No client is registered under this client_id."));
        }
        if query.value("response_type") == Some("token") {
            return Self::token(provider, desk, query);
        }
        authorization_code(desk, query).map(Self::Code).map_err(|error| match error {
            Error::Redirect(url) => {
                let mut url: Url = url.into();
                let error = url.query_pairs().find(|pair| pair.0 == "error");
                let why = explain(error.map(|pair| pair.1).as_deref());
                url.query_pairs_mut()
                    .append_pair("error_description", why)
                    .append_pair("iss", base);
                Box::new(redirect(url.as_str()))
            }
            Error::Ignore => lost(NOT_REGISTERED),
            Error::PrimitiveError => lost("The request cannot be understood."),
        })
    }

    /// The implicit grant (RFC 6749 4.2), which the crate leaves out.
    fn token(provider: &Provider, desk: &Desk<'_>, query: &Form) -> Result<Self, Box<Response>> {
        let lost = || Box::new(complaint(StatusCode::BAD_REQUEST, NOT_REGISTERED));
        let id = query.value("client_id").unwrap_or_default();
        let url = query.value("redirect_uri").map(str::parse).transpose().map_err(|_| lost())?;
        let asked = ClientUrl { client_id: Cow::Borrowed(id), redirect_uri: url.map(Cow::Owned) };
        let client = desk.clients.bound_redirect(asked).map_err(|_| lost())?;

        let state = query.value("state").map(str::to_owned);
        let back = client.redirect_uri.to_url();
        let refused = |error: &str, why: &str| {
            let pairs = [("error", error), ("error_description", why)];
            let base = desk.clients.base;
            Box::new(redirect(&with_fragment(back.clone(), &pairs, state.as_deref(), base)))
        };
        if !provider.implicit {
            return Err(refused("unsupported_response_type", IMPLICIT_OFF));
        }
        if !clients::find(id).is_some_and(|client| client.grants.contains(&"implicit")) {
            return Err(refused("unauthorized_client", "this client may not use this grant"));
        }
        let unknown = || refused("invalid_scope", explain(Some("invalid_scope")));
        let scope = query.value("scope").map(str::parse).transpose();
        let scope = scope.map_err(|_| unknown())?;
        let grant = desk.clients.negotiate(client, scope).map_err(|_| unknown())?;
        Ok(Self::Token { grant, state })
    }

    fn grant(&self) -> &PreGrant {
        match self {
            Self::Code(pending) => pending.pre_grant(),
            Self::Token { grant, .. } => grant,
        }
    }

    /// Back to the client, with what it wanted.
    fn allow(self, desk: &mut Desk<'_>, user: String) -> Response {
        let base = desk.clients.base;
        match self {
            Self::Code(pending) => match pending.authorize(desk, user.into()) {
                Ok(mut url) => {
                    // RFC 9207: who answers, for a client that asks more than one.
                    url.query_pairs_mut().append_pair("iss", base);
                    redirect(url.as_str())
                }
                Err(_) => complaint(StatusCode::INTERNAL_SERVER_ERROR, "There is no code."),
            },
            Self::Token { grant, state } => {
                let url = grant.redirect_uri.to_url();
                let grant = Grant {
                    owner_id: user,
                    client_id: grant.client_id,
                    scope: grant.scope,
                    redirect_uri: url.clone(),
                    until: chrono::Utc::now(),
                    extensions: Extensions::new(),
                };
                let family = desk.ledger.new_family();
                // RFC 6749 4.2.2: no refresh token.
                let tokens = desk.ledger.issue(grant, family, false);
                let pairs = [
                    ("access_token", tokens.access.as_str()),
                    ("token_type", "Bearer"),
                    ("expires_in", &tokens.lifetime.to_string()),
                    ("scope", &tokens.scope),
                ];
                redirect(&with_fragment(url, &pairs, state.as_deref(), base))
            }
        }
    }

    /// Back to the client, with nothing.
    fn deny(self, base: &str) -> Response {
        let why = explain(Some("access_denied"));
        match self {
            Self::Code(pending) => match pending.deny() {
                Err(Error::Redirect(url)) => {
                    let mut url: Url = url.into();
                    let mut pairs = url.query_pairs_mut();
                    pairs.append_pair("error_description", why).append_pair("iss", base);
                    drop(pairs);
                    redirect(url.as_str())
                }
                _ => complaint(StatusCode::INTERNAL_SERVER_ERROR, "There is no way back."),
            },
            Self::Token { grant, state } => {
                let pairs = [("error", "access_denied"), ("error_description", why)];
                let url = grant.redirect_uri.to_url();
                redirect(&with_fragment(url, &pairs, state.as_deref(), base))
            }
        }
    }
}

const TWICE: &str = "A parameter is there twice.";
const NOT_REGISTERED: &str =
    "This redirect_uri is not registered for the client, so you are not sent there.";

/// What an error means, for people.
fn explain(error: Option<&str>) -> &'static str {
    match error {
        Some("access_denied") => "the user said no",
        Some("invalid_scope") => "there are the scopes read and write",
        Some("unsupported_response_type") => "there are code and, if it is allowed, token",
        _ => "PKCE is needed: a code_challenge of 43 characters, and code_challenge_method=S256",
    }
}

/// The address with these parameters behind `#`, where the browser keeps them to itself.
fn with_fragment(mut url: Url, pairs: &[(&str, &str)], state: Option<&str>, base: &str) -> String {
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(pairs).extend_pairs(state.map(|state| ("state", state)));
    url.set_fragment(Some(&text.append_pair("iss", base).finish()));
    url.into()
}

/// Where the crate finds what it needs to give out a code.
struct Desk<'a> {
    clients: &'a Clients<'a>,
    ledger: &'a mut Ledger,
    challenge: Challenge,
}

impl Endpoint for Desk<'_> {
    fn registrar(&self) -> &dyn Registrar {
        self.clients
    }

    fn authorizer(&mut self) -> &mut dyn Authorizer {
        self.ledger
    }

    fn extension(&mut self) -> &mut dyn Extension {
        &mut self.challenge
    }
}

/// Has every client prove with the code that it is the one that asked for it (RFC 7636, and RFC 9700
/// 2.1.1 for all of them); by a hash, since `plain` would tell the secret to whoever sees the address.
struct Challenge;

impl Extension for Challenge {
    fn extend(&mut self, request: &dyn Parameters) -> Result<Extensions, ()> {
        let pkce = Pkce::required();
        let challenge = request.extension("code_challenge");
        // What SHA-256 and base64url make; so what is kept of it is not longer either.
        if challenge.as_ref().is_some_and(|text| text.len() != 43) {
            return Err(());
        }
        let value = pkce.challenge(request.extension("code_challenge_method"), challenge)?;
        let mut extensions = Extensions::new();
        extensions.set(&pkce, value.ok_or(())?);
        Ok(extensions)
    }
}

impl Parameters for Form {
    fn valid(&self) -> bool {
        !self.repeats()
    }

    fn client_id(&self) -> Option<Cow<'_, str>> {
        self.value("client_id").map(Cow::Borrowed)
    }

    fn scope(&self) -> Option<Cow<'_, str>> {
        self.value("scope").map(Cow::Borrowed)
    }

    fn redirect_uri(&self) -> Option<Cow<'_, str>> {
        self.value("redirect_uri").map(Cow::Borrowed)
    }

    fn state(&self) -> Option<Cow<'_, str>> {
        self.value("state").map(Cow::Borrowed)
    }

    fn response_type(&self) -> Option<Cow<'_, str>> {
        self.value("response_type").map(Cow::Borrowed)
    }

    fn extension(&self, key: &str) -> Option<Cow<'_, str>> {
        self.value(key).map(Cow::Borrowed)
    }
}
