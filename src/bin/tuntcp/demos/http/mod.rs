//! A web server (RFC 9110): the files below a directory, to browsers and to everybody else. What a
//! request says of versions, ranges, origins and referring pages is heeded; each has its file here.

mod conditions;
mod listing;
mod origins;
mod ranges;
mod referers;
mod site;

use std::fs::{File, Metadata};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, EXPIRES, HeaderName, LAST_MODIFIED, LOCATION, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use ::http::{HeaderMap, HeaderValue, Method, StatusCode};
use clap::Args;

use super::Server;
use crate::Failure;
use crate::http1::{self, Body, Limits, Request, Response};
use conditions::{Validators, Verdict};
use origins::Origins;
use referers::Hotlinks;
use site::{Found, Site, SitePath};

/// What the server is told on the command line.
#[derive(Args, Clone, Debug)]
#[group(id = "http")]
pub(crate) struct Options {
    /// The directory whose files are served, but for those whose names begin with a dot; symbolic links
    /// are followed as long as they stay below it
    #[arg(long, value_name = "DIR", default_value = ".", help_heading = HEADING)]
    root: PathBuf,

    /// How long a browser may show what it has before it asks again whether that is still true
    #[arg(long, value_name = "SECONDS", default_value_t = 0, help_heading = HEADING)]
    max_age: u32,

    /// Pages whose scripts may read what is served (CORS): those of an origin, such as
    /// http://example.org, which may be given several times, or * for all
    #[arg(long, value_name = "ORIGIN|*", value_parser = origins::origin, help_heading = HEADING)]
    cors: Vec<String>,

    /// Hosts whose pages may show images from here, besides this one: such as example.org, which may
    /// be given several times, or none; without it all may
    #[arg(long, value_name = "HOST|none", value_parser = referers::host, help_heading = HEADING)]
    hotlinks: Vec<String>,

    /// How long a connection stays open without a request, in seconds
    #[arg(
        long, value_name = "SECONDS", default_value = "15", value_parser = patience,
        help_heading = HEADING
    )]
    idle_timeout: Duration,

    /// How long a request may take to arrive, in seconds
    #[arg(
        long, value_name = "SECONDS", default_value = "10", value_parser = patience,
        help_heading = HEADING
    )]
    request_timeout: Duration,

    /// How long a client may take nothing of what is sent to it, in seconds
    #[arg(
        long, value_name = "SECONDS", default_value = "30", value_parser = patience,
        help_heading = HEADING
    )]
    stall_timeout: Duration,
}

const HEADING: &str = "HTTP server";

fn patience(text: &str) -> Result<Duration, String> {
    let seconds = crate::options::seconds(text).ok().filter(|time| !time.is_zero());
    seconds.ok_or_else(|| "a number of seconds above 0, up to 3600, is wanted".into())
}

/// What can be done with a file.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

pub(super) fn start(options: &Options) -> Result<Server, Failure> {
    let limits = Limits {
        // None is wanted; small ones may come before the refusal.
        body: 64 << 10,
        idle: options.idle_timeout,
        request: options.request_timeout,
        stall: options.stall_timeout,
        ..Limits::default()
    };
    let web = Web {
        site: Site::open(&options.root)?,
        max_age: options.max_age,
        origins: Origins::new(&options.cors),
        hotlinks: Hotlinks::new(&options.hotlinks),
    };
    Ok(Server::threaded(move |stream| {
        http1::serve(&stream, &limits, |request| web.answer(request))
    }))
}

/// A request that is not granted: with which status, and why.
type Refusal = (StatusCode, &'static str);

const NOT_FOUND: Refusal = (StatusCode::NOT_FOUND, "there is nothing of that name");

/// The server.
struct Web {
    site: Site,
    /// How long what was sent stays fresh, in seconds.
    max_age: u32,
    origins: Origins,
    hotlinks: Hotlinks,
}

impl Web {
    fn answer(&self, request: &Request) -> Response {
        let outcome = match *request.method() {
            Method::GET | Method::HEAD => self.get(request),
            Method::OPTIONS => Ok(status(StatusCode::NO_CONTENT)),
            Method::POST
            | Method::PUT
            | Method::DELETE
            | Method::PATCH
            | Method::TRACE
            | Method::CONNECT => Err((StatusCode::METHOD_NOT_ALLOWED, "files are only read here")),
            _ => Err((StatusCode::NOT_IMPLEMENTED, "this method is not known here")),
        };
        let mut response = outcome.unwrap_or_else(|(status, why)| http1::plain(status, why));
        let headers = response.headers_mut();
        if *request.method() != Method::GET && *request.method() != Method::HEAD {
            headers.insert(ALLOW, METHODS);
        }
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        self.origins.mark(request, headers);
        response
    }

    fn get(&self, request: &Request) -> Result<Response, Refusal> {
        let path = SitePath::parse(request.uri().path())?;
        match self.site.find(&path).map_err(|error| refusal(&error))? {
            Found::File(..) if path.is_directory() => Err(NOT_FOUND),
            Found::File(file, metadata) => self.file(request, &path, file, &metadata),
            // So that its links, which begin where it is, lead below it.
            Found::Directory(_) if !path.is_directory() => Ok(redirect(request, &path)),
            Found::Directory(directory) => {
                let index = path.join("index.html".as_ref());
                match self.site.find(&index) {
                    Ok(Found::File(file, metadata)) => self.file(request, &index, file, &metadata),
                    _ => self.list(&directory, &path),
                }
            }
        }
    }

    fn list(&self, directory: &File, path: &SitePath) -> Result<Response, Refusal> {
        let entries = self.site.entries(directory, path).map_err(|error| refusal(&error))?;
        let mut response = Response::new(listing::page(path, &entries).into());
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, html);
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Ok(response)
    }

    fn file(
        &self,
        request: &Request,
        path: &SitePath,
        file: File,
        metadata: &Metadata,
    ) -> Result<Response, Refusal> {
        let kind = path.media_type();
        let image = kind.starts_with("image/");
        if image && !self.hotlinks.allow(request) {
            return Err((StatusCode::FORBIDDEN, "images of here are not for pages of elsewhere"));
        }
        let now = now();
        let validators = Validators::new(metadata, now);
        let mut response = match conditions::check(request, &validators) {
            Verdict::Failed => Err((StatusCode::PRECONDITION_FAILED, "it is another version")),
            Verdict::NotModified => Ok(status(StatusCode::NOT_MODIFIED)),
            Verdict::Send { ranges } => {
                let range = ranges.then_some(request.headers());
                Ok(ranges::send(range, &Arc::new(file), metadata.len(), &kind))
            }
        }?;
        let headers = response.headers_mut();
        insert(headers, ETAG, &validators.tag);
        if let Some(modified) = validators.modified {
            insert(headers, LAST_MODIFIED, &httpdate::fmt_http_date(modified));
        }
        let fresh = match self.max_age {
            0 => "no-cache".into(),
            seconds => format!("max-age={seconds}"),
        };
        insert(headers, CACHE_CONTROL, &fresh);
        let expires = now + Duration::from_secs(self.max_age.into());
        insert(headers, EXPIRES, &httpdate::fmt_http_date(expires));
        if image && self.hotlinks.are_looked_at() {
            headers.append(VARY, HeaderValue::from_static("Referer"));
        }
        Ok(response)
    }
}

/// What the system says of a file, for its client.
fn refusal(error: &io::Error) -> Refusal {
    use nix::errno::Errno;
    match error.raw_os_error().map(Errno::from_raw) {
        // EXDEV and ELOOP are links that lead out of the root, or nowhere; ENXIO is a socket.
        Some(
            Errno::ENOENT
            | Errno::ENOTDIR
            | Errno::EXDEV
            | Errno::ELOOP
            | Errno::ENXIO
            | Errno::ENAMETOOLONG
            | Errno::EINVAL,
        ) => NOT_FOUND,
        Some(Errno::EACCES | Errno::EPERM) => (StatusCode::FORBIDDEN, "it may not be read"),
        _ => {
            log::warn!("http: {error}");
            (StatusCode::INTERNAL_SERVER_ERROR, "it cannot be read")
        }
    }
}

/// To where a directory's links begin.
fn redirect(request: &Request, path: &SitePath) -> Response {
    let mut response = http1::plain(StatusCode::MOVED_PERMANENTLY, "it is a directory");
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    insert(response.headers_mut(), LOCATION, &format!("{}/{query}", path.url()));
    response
}

/// A response that has no more to say than its status.
fn status(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Of ours, or encoded: a text that is none of a field's is left out.
fn insert(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

#[expect(clippy::disallowed_methods, reason = "what is fresh depends on the time of day")]
fn now() -> SystemTime {
    SystemTime::now()
}
