//! The files that are served, and nothing else: whatever a client asks for, what it gets lies below the
//! root, and on its way there no name begins with a dot.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ::http::StatusCode;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use super::{NOT_FOUND, Refusal};
use crate::Failure;

/// What is not encoded in a URL of ours (RFC 3986 2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The names of a URL's path, decoded.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct SitePath {
    names: Vec<OsString>,
    /// It ends with a slash.
    directory: bool,
}

impl SitePath {
    /// Decodes each name by itself: a slash that comes out of one separates nothing, and what means
    /// `..` does so however it is spelled.
    pub(super) fn parse(path: &str) -> Result<Self, Refusal> {
        let bad = |why| Err((StatusCode::BAD_REQUEST, why));
        let Some(path) = path.strip_prefix('/') else { return bad("this path is none") };
        let mut names = Vec::new();
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            if part.is_empty() && parts.peek().is_none() {
                return Ok(Self { names, directory: true });
            }
            if !is_encoded_well(part) {
                return bad("after % there are two digits");
            }
            let name: Cow<'_, [u8]> = percent_decode_str(part).into();
            if name.contains(&0) || name.contains(&b'/') {
                return bad("no name has such a character");
            }
            // `.` and `..` are among them.
            if name.is_empty() || name.starts_with(b".") {
                return Err(NOT_FOUND);
            }
            names.push(OsString::from_vec(name.into_owned()));
        }
        Ok(Self { names, directory: false })
    }

    /// Whether it can only be a directory's.
    pub(super) fn is_directory(&self) -> bool {
        self.directory
    }

    pub(super) fn is_root(&self) -> bool {
        self.names.is_empty()
    }

    pub(super) fn join(&self, name: &OsStr) -> Self {
        let names = self.names.iter().cloned().chain([name.into()]).collect();
        Self { names, directory: false }
    }

    /// The path as a URL has it, without a slash at the end.
    pub(super) fn url(&self) -> String {
        self.names.iter().map(|name| format!("/{}", encoded(name))).collect()
    }

    /// For people.
    pub(super) fn shown(&self) -> String {
        self.names.iter().map(|name| format!("/{}", name.to_string_lossy())).collect()
    }

    /// What a file of this name contains, by its extension; text is taken to be in UTF-8.
    pub(super) fn media_type(&self) -> String {
        let name = self.names.last().map_or(Path::new(""), Path::new);
        let kind = mime_guess::from_path(name).first_or_octet_stream();
        match kind.type_() == mime_guess::mime::TEXT {
            true => format!("{kind}; charset=utf-8"),
            false => kind.to_string(),
        }
    }

    /// From the root on.
    fn relative(&self) -> PathBuf {
        if self.is_root() { ".".into() } else { self.names.iter().collect() }
    }
}

/// A name as a URL has it.
pub(super) fn encoded(name: &OsStr) -> String {
    percent_encode(name.as_bytes(), ENCODED).to_string()
}

/// Whether each percent sign is followed by two hexadecimal digits (RFC 3986 2.1).
fn is_encoded_well(part: &str) -> bool {
    let mut codes = part.split('%').skip(1).map(str::as_bytes);
    codes.all(|code| code.len() >= 2 && code[..2].iter().all(u8::is_ascii_hexdigit))
}

/// What a path leads to.
pub(super) enum Found {
    File(File, Metadata),
    Directory(File),
}

/// Something in a directory.
pub(super) struct Entry {
    pub(super) name: OsString,
    pub(super) directory: bool,
    /// Bytes.
    pub(super) len: u64,
    pub(super) modified: Option<SystemTime>,
}

/// The directory whose files are served.
pub(super) struct Site {
    root: File,
}

impl Site {
    pub(super) fn open(root: &Path) -> Result<Self, Failure> {
        let failed = |error| format!("cannot serve the directory {}: {error}", root.display());
        let site = Self { root: File::open(root).map_err(failed)? };
        // A file fails here, and so does a kernel before Linux 5.6.
        site.find(&SitePath { names: Vec::new(), directory: true }).map_err(failed)?;
        Ok(site)
    }

    /// Opens what is there. The kernel sees to it that no link and no rename meanwhile leads out of the
    /// root; a pipe that nobody writes to makes nobody wait.
    pub(super) fn find(&self, path: &SitePath) -> io::Result<Found> {
        let how = OpenHow::new()
            .flags(OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY)
            .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        let file = File::from(openat2(&self.root, &path.relative(), how)?);
        let metadata = file.metadata()?;
        match metadata.file_type() {
            kind if kind.is_dir() => Ok(Found::Directory(file)),
            kind if kind.is_file() => Ok(Found::File(file, metadata)),
            _ => Err(nix::errno::Errno::ENOENT.into()),
        }
    }

    /// What there is to be asked for in a directory, by name.
    pub(super) fn entries(&self, directory: &File, path: &SitePath) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        // The directory that was opened, wherever it is by now.
        for entry in fs::read_dir(format!("/proc/self/fd/{}", directory.as_raw_fd()))? {
            let entry = entry?;
            let name = entry.file_name();
            if name.as_bytes().starts_with(b".") {
                continue;
            }
            // Without following it.
            let Ok(metadata) = entry.metadata() else { continue };
            let metadata = if metadata.is_symlink() {
                match self.find(&path.join(&name)) {
                    Ok(Found::File(_, metadata)) => metadata,
                    Ok(Found::Directory(file)) => file.metadata()?,
                    Err(_) => continue,
                }
            } else {
                metadata
            };
            if metadata.is_dir() || metadata.is_file() {
                let (directory, len) = (metadata.is_dir(), metadata.len());
                entries.push(Entry { name, directory, len, modified: metadata.modified().ok() });
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }
}

#[cfg(test)]
mod tests;
