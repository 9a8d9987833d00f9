//! `tuntcp serve http`, and the programs that fetch from web servers.

mod browsers;
mod curl;
mod load;
mod slow;
mod wrong;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use crate::world::{Server, World, run};

/// When the files of a [`Site`] were written: a date that its header can tell, and long ago.
const WRITTEN: u64 = 1_577_923_200;
const LAST_MODIFIED: &str = "Thu, 02 Jan 2020 00:00:00 GMT";

/// A directory of files to be served, gone with the test.
struct Site(PathBuf);

impl Site {
    fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("tuntcp-http-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("root")).expect("room for a directory");
        Self(folder)
    }

    /// What is served.
    fn root(&self) -> PathBuf {
        self.0.join("root")
    }

    /// Adds a file.
    fn with(self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> Self {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().expect("it is in the root")).expect("room");
        fs::write(&path, content).expect("room for a file");
        let date = UNIX_EPOCH + Duration::from_secs(WRITTEN);
        let file = File::options().write(true).open(path).expect("it was written");
        file.set_modified(date).expect("it is ours");
        self
    }

    /// Serves it.
    fn serve(&self, world: &World, options: &[&str]) -> Server {
        let root = self.root();
        let root = root.to_str().expect("it is text");
        let named = options.first().is_some_and(|option| option.starts_with("http"));
        let services: &[&str] = if named { &[] } else { &["http"] };
        world.serve(&[services, options, &["--root", root]].concat())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A response.
#[derive(Debug)]
struct Got {
    status: u16,
    header: String,
    body: Vec<u8>,
}

impl Got {
    /// Takes the first response apart that `bytes` begin with, its body all the rest.
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("this is none: {}", String::from_utf8_lossy(bytes)));
        let header = String::from_utf8(bytes[..end].to_vec()).expect("a header is text");
        let status = header.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status: {header}"));
        Self { status, header, body: bytes[end + 4..].to_vec() }
    }

    /// What the header says of that, if it does so once.
    fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.header.lines().skip(1).filter_map(|line| {
            let (this, value) = line.split_once(": ")?;
            this.eq_ignore_ascii_case(name).then_some(value)
        });
        let value = values.next();
        assert!(values.next().is_none(), "several times {name}: {}", self.header);
        value
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What curl gets from the server when it is given these arguments, the last one a path.
fn curl(arguments: &[&str]) -> Got {
    let (path, arguments) = arguments.split_last().expect("a path");
    let url = format!("http://192.0.2.2{path}");
    let always = ["-sS", "-i", "--path-as-is", "--globoff", "--max-time", "60", &url];
    Got::parse(&run("curl", always.iter().chain(arguments)).stdout)
}
