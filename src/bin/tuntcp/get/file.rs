//! A file on its way: `FILE.part` until it is whole, and beside it in `FILE.part.version` which version
//! of the server's file it is a part of, so that no two are mixed.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ::http::header::{CONTENT_RANGE, DATE, ETAG, LAST_MODIFIED};

use super::response::Head;
use crate::Failure;

/// Bytes of a version that are believed.
const VERSION: usize = 1024;

/// A file, and what is here of it.
pub(super) struct Download {
    file: PathBuf,
    part: PathBuf,
    version: PathBuf,
    /// Bytes that are here already, to be continued.
    has: u64,
    /// They are in `file`, not in `part`.
    in_file: bool,
    /// Which version they are of.
    of: Option<String>,
}

/// A file that takes the bytes of a response.
pub(super) struct Begun {
    pub(super) file: File,
    /// How many bytes it has already.
    pub(super) from: u64,
    /// How many there shall be, if the server has said so other than by the body's length.
    pub(super) total: Option<u64>,
    /// How many may come.
    pub(super) most: Option<u64>,
}

/// What a `Content-Range` says (RFC 9110 14.4).
struct ContentRange {
    /// First and last byte; none where there are no such.
    span: Option<(u64, u64)>,
    /// Bytes of the whole.
    total: Option<u64>,
}

impl Download {
    /// What to do about `file`: nothing is changed yet.
    pub(super) fn plan(file: &Path, resume: bool, force: bool) -> Result<Self, Failure> {
        let (part, version) = (beside(file, ".part"), beside(file, ".part.version"));
        let mut download =
            Self { file: file.into(), part, version, has: 0, in_file: false, of: None };
        let shown = file.display();
        match fs::metadata(file) {
            Ok(there) if !there.is_file() => return Err(format!("{shown} is no file").into()),
            Ok(_) if !resume && !force => {
                let text = "--continue gets what is missing of it, --force replaces it, and \
                            --output writes elsewhere";
                return Err(format!("{shown} exists: {text}").into());
            }
            _ if !resume => return Ok(download),
            _ => {}
        }
        if let Ok(there) = fs::metadata(&download.part) {
            download.has = there.len();
            download.of =
                fs::read_to_string(&download.version).ok().filter(|text| is_version(text));
        } else if let Ok(there) = fs::metadata(file) {
            (download.has, download.in_file) = (there.len(), true);
        }
        Ok(download)
    }

    pub(super) fn part(&self) -> &Path {
        &self.part
    }

    pub(super) fn has(&self) -> u64 {
        self.has
    }

    /// For people.
    pub(super) fn name(&self) -> String {
        self.file.display().to_string()
    }

    /// What a request says, to get what is missing only (RFC 9110 14.2, 13.1.5).
    pub(super) fn fields(&self) -> String {
        if self.has == 0 {
            return String::new();
        }
        let of = self.of.as_ref().map(|of| format!("If-Range: {of}\r\n")).unwrap_or_default();
        format!("Range: bytes={}-\r\n{of}", self.has)
    }

    /// The server sends all of it.
    pub(super) fn begin(&self, head: &Head) -> Result<Begun, Failure> {
        let file = File::create(&self.part).map_err(|error| cannot("write", &self.part, &error))?;
        // An old one would speak of other bytes.
        let kept = match version(head) {
            Some(text) => fs::write(&self.version, text),
            None => fs::remove_file(&self.version),
        };
        match kept {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(cannot("write", &self.version, &error))
            }
            _ => Ok(Begun { file, from: 0, total: None, most: None }),
        }
    }

    /// The server sends what is missing.
    pub(super) fn go_on(&self, head: &Head) -> Result<Begun, Failure> {
        let wrong = || {
            format!(
                "the server was asked for what comes behind byte {} and sends something else",
                self.has
            )
        };
        let range = content_range(head).ok_or_else(wrong)?;
        let (first, last) = range.span.ok_or_else(wrong)?;
        let end = last.checked_add(1).ok_or_else(wrong)?;
        if first != self.has || range.total.is_some_and(|total| last >= total) {
            return Err(wrong().into());
        }
        // RFC 9110 15.3.7.3: only parts of the same version may be put together.
        let tag = head.text(ETAG).filter(|tag| !tag.starts_with("W/"));
        if let (Some(tag), Some(of)) = (tag, &self.of)
            && of.starts_with('"')
            && of != tag
        {
            return Err("the server has another version by now: get it without --continue".into());
        }
        if self.in_file {
            fs::rename(&self.file, &self.part)
                .map_err(|error| cannot("rename", &self.file, &error))?;
        }
        let file = OpenOptions::new().append(true).open(&self.part);
        let file = file.map_err(|error| cannot("write", &self.part, &error))?;
        let most = Some(end - first);
        Ok(Begun { file, from: self.has, total: range.total.or(Some(end)), most })
    }

    /// The server has no byte behind those that are here: that is well if it has just as many.
    pub(super) fn is_complete(&self, head: &Head) -> Result<(), Failure> {
        let has = self.has;
        match content_range(head).and_then(|range| range.total) {
            Some(total) if total == has => Ok(()),
            Some(total) => Err(format!(
                "there are {has} bytes here of {total} at the server: those are not the same \
                 file; get it without --continue"
            )
            .into()),
            None => Err(format!(
                "the server sends nothing behind byte {has}, and does not say whether that is \
                 all; get it without --continue"
            )
            .into()),
        }
    }

    /// It is whole.
    pub(super) fn finish(&self) -> Result<(), Failure> {
        if self.part.exists() {
            fs::rename(&self.part, &self.file)
                .map_err(|error| cannot("rename", &self.part, &error))?;
        }
        // Where there is none, none is left.
        let _ = fs::remove_file(&self.version);
        Ok(())
    }

    /// It is not, for this reason: what can be done.
    pub(super) fn left(&self, why: &(impl std::fmt::Display + ?Sized)) -> Failure {
        format!("{why}; {} is not whole, --continue gets the rest", self.part.display()).into()
    }
}

/// `file` with something behind its name.
fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    format!("cannot {what} {}: {error}", path.display()).into()
}

/// What tells the version of the server's file, if anything does so for certain: a strong tag, or a
/// time of change that lies so far back that there was no second change in the same second (RFC 9110
/// 13.1.5, 8.8.2.2).
fn version(head: &Head) -> Option<&str> {
    if let Some(tag) = head.text(ETAG) {
        return Some(tag).filter(|tag| tag.starts_with('"') && is_version(tag));
    }
    let changed = head.text(LAST_MODIFIED)?;
    let at = httpdate::parse_http_date(changed).ok()?;
    let now = httpdate::parse_http_date(head.text(DATE)?).ok()?;
    let age = now.duration_since(at).ok()?;
    Some(changed).filter(|text| age.as_secs() >= 1 && is_version(text))
}

/// Whether this can stand in a request.
fn is_version(text: &str) -> bool {
    let clean = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    !text.is_empty() && text.len() <= VERSION && clean
}

fn content_range(head: &Head) -> Option<ContentRange> {
    let (unit, range) = head.text(CONTENT_RANGE)?.trim().split_once(' ')?;
    let (span, total) = range.trim().split_once('/')?;
    let number = |text: &str| {
        text.parse::<u64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let span = match span {
        "*" => None,
        span => {
            let (first, last) = span.split_once('-')?;
            Some((number(first)?, number(last)?)).filter(|(first, last)| first <= last)
        }
    };
    let total = if total == "*" { None } else { Some(number(total)?) };
    Some(ContentRange { span, total }).filter(|_| unit.eq_ignore_ascii_case("bytes"))
}
