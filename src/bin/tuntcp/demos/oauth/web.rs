//! Forms in; pages, JSON and redirections out.

use ::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use ::http::{HeaderValue, StatusCode};
use url::form_urlencoded;

use crate::http1::{Body, Request, Response};

/// Parameters, of a query or of a body.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn parse(text: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(text);
        // RFC 6749 3.1: one without a value counts as left out.
        Self(pairs.into_owned().filter(|(_, value)| !value.is_empty()).collect())
    }

    /// The body's, if it is a form.
    pub(super) fn of_body(request: &Request) -> Option<Self> {
        let kind = request.headers().get(CONTENT_TYPE)?.to_str().ok()?;
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
            .then(|| Self::parse(request.body()))
    }

    pub(super) fn of_query(request: &Request) -> Self {
        Self::parse(request.uri().query().unwrap_or_default().as_bytes())
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether a parameter is there twice, which none may be (RFC 6749 3.1, 3.2).
    pub(super) fn repeats(&self) -> bool {
        let mut names: Vec<_> = self.0.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.windows(2).any(|pair| pair[0] == pair[1])
    }
}

/// What the cookie of this name says.
pub(super) fn cookie<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    let values = request.headers().get_all(::http::header::COOKIE).iter();
    let pairs = values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
    pairs
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|pair| pair.0 == name)
        .map(|pair| pair.1)
}

/// A response that nobody keeps: all of ours are for one reader, once.
fn respond(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let fields: [(HeaderName, &'static str); 4] = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Codes stand in addresses, which are nobody else's business.
        (REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fields {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A page that no other one can put into a frame (RFC 9700 4.16), and that runs no script but ours.
pub(super) fn page(status: StatusCode, title: &str, content: &str) -> Response {
    let text = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <link rel=\"stylesheet\" href=\"/style.css\">\n<main>\n<h1>{title}</h1>\n{content}</main>\n",
    );
    let mut response = respond(status, "text/html; charset=utf-8", text);
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                  frame-ancestors 'none'; base-uri 'none'";
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    response
}

/// A page that says what is wrong.
pub(super) fn complaint(status: StatusCode, why: &str) -> Response {
    page(status, "That does not work", &format!("<p id=\"why\">{}</p>\n", escape(why)))
}

pub(super) fn asset(kind: &'static str, text: &'static str) -> Response {
    respond(StatusCode::OK, kind, text)
}

pub(super) fn json(status: StatusCode, value: &serde_json::Value) -> Response {
    respond(status, "application/json", format!("{value}\n"))
}

/// Sends the browser there, with a GET (RFC 9700 4.12).
pub(super) fn redirect(to: &str) -> Response {
    let mut response = respond(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", Body::empty());
    match HeaderValue::from_str(to) {
        Ok(to) => {
            response.headers_mut().insert(LOCATION, to);
            response
        }
        Err(_) => complaint(StatusCode::BAD_REQUEST, "There is no such address."),
    }
}

/// The same text, for a page.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
