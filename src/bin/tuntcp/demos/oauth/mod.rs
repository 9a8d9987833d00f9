//! An OAuth 2.0 provider, and a page that is its client (RFC 6749 as RFC 9700 has it):
//!
//! ```text
//!    client page              provider                          user
//!         | --- /authorize, code_challenge --> | -- log in? may it? --> |
//!         | <-- /client?code=..&state=.. ----- | <-- yes -------------- |
//!         | --- /token, code, code_verifier -> |
//!         | <-- access and refresh token ----- |
//!         | --- /resource, Bearer token -----> |
//! ```
//!
//! The crate `oxide-auth` leads through the grants that it knows (code, refresh, client credentials),
//! checks PKCE and compares scopes; ours are the implicit and the password grant, which it leaves out,
//! what is remembered (`ledger`), who is registered (`clients`), and all that is HTTP.

mod authorize;
mod clients;
mod ledger;
mod resource;
mod token;
mod web;

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ::http::header::{ALLOW, HOST};
use ::http::{HeaderValue, Method, StatusCode};
use clap::{Args, ValueEnum};
use tuntcp::TcpStream;

use self::ledger::Ledger;
use super::Server;
use crate::http1::{self, Limits, Request, Response};

/// What it is told on the command line.
#[derive(Args)]
pub(crate) struct Options {
    /// Grants that oauth leaves off, and that you want to see at work all the same
    #[arg(
        long,
        value_enum,
        value_name = "GRANT",
        value_delimiter = ',',
        help_heading = "OAuth provider"
    )]
    oauth_allow: Vec<Grant>,
}

/// A grant that is off.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Grant {
    /// The token comes in the browser's address, where others can see it.
    Implicit,
    /// The user tells the client his password.
    Password,
}

/// Why they are off, in the characters that an error may have (RFC 6749 5.2).
const IMPLICIT_OFF: &str = "the implicit grant is off: its token stands in the address, where \
    histories, logs and other pages can read it, and nothing ties it to the client that asked (RFC 9700 \
    2.1.2); use the code grant with PKCE, or start the server with --oauth-allow implicit";
const PASSWORD_OFF: &str = "the password grant is off: the user tells his password to the client, which \
    then could do anything in his name (RFC 9700 2.4); use the code grant with PKCE, or start the server \
    with --oauth-allow password";

/// The provider, and what it has given out.
struct Provider {
    implicit: bool,
    password: bool,
    ledger: Mutex<Ledger>,
}

pub(super) fn start(options: &Options) -> Server {
    let provider = Provider {
        implicit: options.oauth_allow.contains(&Grant::Implicit),
        password: options.oauth_allow.contains(&Grant::Password),
        ledger: Mutex::default(),
    };
    Server::threaded(move |stream| serve(&provider, &stream))
}

fn serve(provider: &Provider, stream: &TcpStream) -> std::io::Result<()> {
    let limits = Limits { body: 16 << 10, ..Limits::default() };
    let here = stream.local_addr()?;
    http1::serve(stream, &limits, |request| provider.answer(here, request))
}

/// What addresses here begin with, as browsers write it.
fn base(here: SocketAddr) -> String {
    let place = here.to_string();
    // HTTP's own port is not named.
    format!("http://{}", place.strip_suffix(":80").unwrap_or(&place))
}

/// Whether a Host field means the provider that the client has found here.
fn is_here(host: &HeaderValue, here: SocketAddr) -> bool {
    let host = host.to_str().unwrap_or_default();
    host.parse().or_else(|_| format!("{host}:80").parse()) == Ok(here)
}

impl Provider {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer of the provider that the client has found here.
    fn answer(&self, here: SocketAddr, request: &Request) -> Response {
        let base = base(here);
        // Addresses are made of it, and a page of somebody else's must not pass for one from here by
        // calling us by a name of its own.
        if request.headers().get(HOST).is_some_and(|host| !is_here(host, here)) {
            let why = format!("This is {base}, and answers to that only.");
            return web::complaint(StatusCode::MISDIRECTED_REQUEST, &why);
        }
        let (get, post) = (request.method() == Method::GET, request.method() == Method::POST);
        let get = get || request.method() == Method::HEAD;
        match request.uri().path() {
            "/" if get => web::redirect("/client"),
            "/client" if get => self.client(),
            "/client.js" if get => web::asset("text/javascript", include_str!("client.js")),
            "/style.css" if get => web::asset("text/css", include_str!("style.css")),
            "/.well-known/oauth-authorization-server" if get => resource::metadata(self, &base),
            "/authorize" if get || post => authorize::answer(self, &base, request),
            "/resource" if get => resource::show(self, request),
            "/token" if post => token::answer(self, &base, request),
            "/introspect" if post => resource::introspect(self, &base, request),
            "/revoke" if post => resource::revoke(self, &base, request),
            "/authorize" => not_allowed("GET, HEAD, POST"),
            "/token" | "/introspect" | "/revoke" => not_allowed("POST"),
            "/"
            | "/client"
            | "/client.js"
            | "/style.css"
            | "/resource"
            | "/.well-known/oauth-authorization-server" => not_allowed("GET, HEAD"),
            _ => web::complaint(StatusCode::NOT_FOUND, "There is nothing here."),
        }
    }

    /// The page that is the client.
    fn client(&self) -> Response {
        let note = |on: bool, why: &str| {
            if on { String::new() } else { format!("<p class=\"off\">{}</p>", web::escape(why)) }
        };
        let content = include_str!("client.html")
            .replace("<!-- implicit -->", &note(self.implicit, IMPLICIT_OFF))
            .replace("<!-- password -->", &note(self.password, PASSWORD_OFF));
        web::page(StatusCode::OK, "An OAuth client", &content)
    }
}

fn not_allowed(methods: &'static str) -> Response {
    let mut response = web::complaint(StatusCode::METHOD_NOT_ALLOWED, "Not by this method.");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    response
}
