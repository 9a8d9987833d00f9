//! Whose pages' scripts may read what is served: Cross-Origin Resource Sharing, as the Fetch standard
//! has it (3.2). Browsers ask and obey; everybody else gets everything anyway.

use ::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
    VARY,
};
use ::http::{HeaderMap, HeaderValue, Method, Uri};

use crate::http1::Request;

/// Fields that a script may send, besides those that any may: all that are heeded here.
const REQUEST_FIELDS: HeaderValue = HeaderValue::from_static(
    "Cache-Control, If-Match, If-Modified-Since, If-None-Match, If-Range, If-Unmodified-Since, Range",
);
/// And fields that it may read.
const RESPONSE_FIELDS: HeaderValue =
    HeaderValue::from_static("Accept-Ranges, Content-Range, Date, ETag");
/// How long a browser remembers what may be sent, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// An origin, as browsers write it, or the star that stands for all; from the command line.
pub(super) fn origin(text: &str) -> Result<String, String> {
    let is_origin = || {
        let uri: Uri = text.parse().ok()?;
        let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
        Some(text.eq_ignore_ascii_case(&format!("{scheme}://{authority}")))
    };
    if text == "*" || is_origin() == Some(true) {
        return Ok(text.to_ascii_lowercase());
    }
    Err("an origin is wanted, such as http://example.org, or * for all".into())
}

/// The origins that are allowed.
pub(super) struct Origins {
    any: bool,
    some: Vec<String>,
}

impl Origins {
    pub(super) fn new(origins: &[String]) -> Self {
        Self { any: origins.iter().any(|origin| origin == "*"), some: origins.to_vec() }
    }

    /// Tells the browser, in the header of the answer to `request`. To a preflight, which asks before
    /// the request itself is sent, it says what that may be.
    pub(super) fn mark(&self, request: &Request, headers: &mut HeaderMap) {
        let allowed = if self.any {
            Some(HeaderValue::from_static("*"))
        } else if self.some.is_empty() {
            None
        } else {
            // What one origin is told is not for another one's cache.
            headers.append(VARY, HeaderValue::from_static("Origin"));
            let origin = request.headers().get(ORIGIN);
            origin.filter(|origin| self.some.iter().any(|known| **origin == *known)).cloned()
        };
        let Some(allowed) = allowed else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        let asks = request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if *request.method() == Method::OPTIONS && asks {
            let methods = HeaderValue::from_static("GET, HEAD");
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_FIELDS);
            headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        } else {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_FIELDS);
        }
    }
}

#[cfg(test)]
mod tests;
