//! Whether the client has it already, or wants another version than there is (RFC 9110 13).

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::http::header::{
    HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE,
};
use ::http::{HeaderMap, Method};

use crate::http1::Request;

/// What tells one version of a file from another (RFC 9110 8.8).
#[derive(Debug)]
pub(super) struct Validators {
    /// An entity tag.
    pub(super) tag: String,
    /// A whole second, as a date in a header is.
    pub(super) modified: Option<SystemTime>,
    /// Whether the date stands for one version only: a file may change twice within a second.
    dated: bool,
}

/// What becomes of a request with conditions.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// 412.
    Failed,
    /// 304.
    NotModified,
    /// It is sent; in ranges if they are asked for and mean the version that there is.
    Send { ranges: bool },
}

impl Validators {
    pub(super) fn new(metadata: &Metadata, now: SystemTime) -> Self {
        let (inode, len) = (metadata.ino(), metadata.len());
        let (seconds, nanos) = (metadata.mtime(), metadata.mtime_nsec());
        let whole = u64::try_from(seconds).ok().map(Duration::from_secs);
        let modified = whole.and_then(|seconds| UNIX_EPOCH.checked_add(seconds));
        let second = Duration::from_secs(1);
        let dated = modified.is_some_and(|modified| modified + second <= now);
        // Whoever writes twice between two ticks of the file system's clock makes two versions with one
        // tag: while that may be so it is a weak one (RFC 9110 8.8.1).
        let weak = if dated { "" } else { "W/" };
        let tag = format!("{weak}\"{inode:x}-{len:x}-{seconds:x}.{nanos:x}\"");
        // RFC 9110 8.8.2.1: no date that is still to come.
        Self { tag, modified: modified.map(|modified| modified.min(now)), dated }
    }

    /// Whether a list of tags has this one, weak or not, or stands for all.
    fn are_in(&self, headers: &HeaderMap, name: &HeaderName, strong: bool) -> bool {
        let mut tags = headers.get_all(name).iter().flat_map(|list| {
            // A tag with a comma in it comes in pieces, and none of them is one of ours.
            list.to_str().unwrap_or_default().split(',').map(str::trim)
        });
        tags.any(|tag| tag == "*" || if strong { self.is_exactly(tag) } else { self.is_about(tag) })
    }

    /// Strong comparison (RFC 9110 8.8.3.2).
    fn is_exactly(&self, tag: &str) -> bool {
        tag == self.tag && !tag.starts_with("W/")
    }

    /// Weak comparison.
    fn is_about(&self, tag: &str) -> bool {
        opaque(tag) == opaque(&self.tag)
    }

    /// Whether it changed after the date in a header; `None` if that has none.
    fn changed_since(&self, headers: &HeaderMap, name: &HeaderName) -> Option<bool> {
        let date = date(headers, name)?;
        Some(self.modified? > date)
    }
}

fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

/// In the order of RFC 9110 13.2.2; the method is GET or HEAD.
pub(super) fn check(request: &Request, validators: &Validators) -> Verdict {
    let headers = request.headers();
    if headers.contains_key(IF_MATCH) {
        if !validators.are_in(headers, &IF_MATCH, true) {
            return Verdict::Failed;
        }
    } else if validators.changed_since(headers, &IF_UNMODIFIED_SINCE) == Some(true) {
        return Verdict::Failed;
    }
    if headers.contains_key(IF_NONE_MATCH) {
        if validators.are_in(headers, &IF_NONE_MATCH, false) {
            return Verdict::NotModified;
        }
    } else if validators.changed_since(headers, &IF_MODIFIED_SINCE) == Some(false) {
        return Verdict::NotModified;
    }
    // RFC 9110 14.2: there are ranges of what is got only.
    Verdict::Send { ranges: request.method() == Method::GET && is_same(headers, validators) }
}

/// Whether the ranges are wanted of this version (RFC 9110 13.1.5).
fn is_same(headers: &HeaderMap, validators: &Validators) -> bool {
    let Some(value) = headers.get(IF_RANGE) else { return true };
    match date(headers, &IF_RANGE) {
        Some(date) => validators.dated && validators.modified == Some(date),
        None => value.to_str().is_ok_and(|tag| validators.is_exactly(tag)),
    }
}

#[cfg(test)]
mod tests;
