//! `tuntcp get`: our own wget.

mod file;
mod progress;
mod response;
mod target;

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::time::Duration;

use ::http::StatusCode;
use ::http::header::LOCATION;
use clap::Args;
use tuntcp::Host;
use tuntcp::runtime::clock::Clock;
use url::Url;

use crate::Failure;
use crate::dial::dial;
use crate::options::{ClientOptions, seconds};
use crate::signals::{self, Signals};
use file::Download;
use progress::Progress;
use response::{Head, Response};

/// Get a file by HTTP, as wget and curl do
///
/// It is written to FILE.part and becomes FILE when it is whole. A file that exists already is left
/// alone, unless --continue or --force says otherwise.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// What to get: http://HOST[:PORT]/PATH, http:// may be left out. The stack looks a name up itself
    #[arg(value_name = "URL", value_parser = target::url)]
    url: Url,
    /// Where to write it; - is standard output. Without this, a file of the working directory that is
    /// called as the last part of the URL's path (index.html if that is empty)
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Get what is missing of FILE.part, or else of FILE. All of it is got anew where the server
    /// cannot send a part, or has another version by now
    #[arg(short = 'c', long = "continue")]
    resume: bool,
    /// Replace FILE if it exists, and begin anew
    #[arg(short, long, conflicts_with = "resume")]
    force: bool,
    /// Say nothing but errors: no progress bar, no summary
    #[arg(short, long)]
    quiet: bool,
    /// How long to wait for a connection to each of the server's addresses, and for the next byte;
    /// 0 for ever
    #[arg(short = 'w', long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    timeout: Duration,

    #[command(flatten)]
    stack: ClientOptions,
}

const EXAMPLES: &str = "\
Examples:
  cd /srv && python3 -m http.server --bind 192.0.2.1 8000
                                         the kernel's side serves its files
  tuntcp get 192.0.2.1:8000/big.iso      gets one
  tuntcp get -c 192.0.2.1:8000/big.iso   and what is missing, after Ctrl-C
  tuntcp get http://one.example/ -o - --dns 192.0.2.1
                                         a page, to standard output

Exit status: 0 when the file is whole, 1 when it is not, with the cause; 2 for a wrong command line.";

/// Redirects that are followed.
const REDIRECTS: usize = 10;

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut sink = Sink::choose(arguments)?;
    let signals = Signals::block()?;
    let host = Arc::new(arguments.stack.start()?);
    let interrupted = Arc::downgrade(&host);
    let part = sink.part().map(Path::to_owned);
    let _precedence = signals.on_first(move |signal| {
        if let Some(host) = interrupted.upgrade() {
            host.engine().abort_all(host.clock().now());
        }
        if let Some(part) = part.filter(|part| part.exists()) {
            eprintln!("\ntuntcp: {} is not whole; --continue gets the rest", part.display());
        }
        process::exit(signals::exit_status(signal));
    })?;

    let mut url = arguments.url.clone();
    for _ in 0..=REDIRECTS {
        let mut response = ask(&host, &url, &sink, arguments)?;
        let Some(next) = redirect(response.head()) else {
            return sink.take(&url, &mut response, arguments);
        };
        url = target::join(&url, &next)?;
        arguments.note(&format!("the server sends us to {url}"));
    }
    Err(format!("the server sends us on and on, more than {REDIRECTS} times").into())
}

impl Arguments {
    fn note(&self, text: &str) {
        if !self.quiet {
            eprintln!("{text}");
        }
    }
}

/// Connects, asks, and reads the response as far as its body.
fn ask(host: &Host, url: &Url, sink: &Sink, arguments: &Arguments) -> Result<Response, Failure> {
    let name = target::host(url);
    let addresses = arguments.stack.names.lookup(host, &name)?;
    let (mut stream, peer) = dial(host, addresses, target::port(url), Some(arguments.timeout))?;
    let timeout = Some(arguments.timeout).filter(|timeout| !timeout.is_zero());
    stream.set_read_timeout(timeout)?;
    stream.set_write_timeout(timeout)?;
    let failed = |error: io::Error| {
        let late = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        let cause = if late { "it takes too long to answer".into() } else { error.to_string() };
        format!("{peer}: {cause}")
    };
    stream.write_all(target::request(url, &sink.fields()).as_bytes()).map_err(failed)?;
    Ok(Response::receive(stream).map_err(failed)?)
}

/// Where to ask instead.
fn redirect(head: &Head) -> Option<String> {
    let moved = matches!(
        head.status,
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    let next = head.headers.get(LOCATION).filter(|_| moved)?;
    Some(String::from_utf8_lossy(next.as_bytes()).into_owned())
}

/// Where the bytes go.
enum Sink {
    Output,
    File(Download),
}

impl Sink {
    fn choose(arguments: &Arguments) -> Result<Self, Failure> {
        match &arguments.output {
            Some(path) if path == Path::new("-") => {
                if arguments.resume {
                    return Err("standard output cannot be continued".into());
                }
                Ok(Self::Output)
            }
            Some(path) => Download::plan(path, arguments.resume, arguments.force).map(Self::File),
            None => {
                let name = target::file_name(&arguments.url);
                Download::plan(name.as_ref(), arguments.resume, arguments.force).map(Self::File)
            }
        }
    }

    /// The file that is not whole as long as we are at it.
    fn part(&self) -> Option<&Path> {
        match self {
            Self::Output => None,
            Self::File(download) => Some(download.part()),
        }
    }

    /// What the request says of the bytes that are here already.
    fn fields(&self) -> String {
        match self {
            Self::Output => String::new(),
            Self::File(download) => download.fields(),
        }
    }

    /// The body of `response` to where it shall go.
    fn take(
        &mut self,
        url: &Url,
        response: &mut Response,
        arguments: &Arguments,
    ) -> Result<(), Failure> {
        let Self::File(download) = self else {
            if response.head().status != StatusCode::OK {
                return Err(refused(url, response.head()));
            }
            let shown = !arguments.quiet && !io::stdout().is_terminal();
            let progress = Progress::new(shown, "-", 0, response.length());
            let outcome = copy(response, &mut io::stdout().lock(), None, &progress);
            return match outcome {
                Err(Fault::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
                Err(fault) => Err(fault.explain(Path::new("standard output"))),
                Ok(_) => Ok(()),
            };
        };
        let clock = Clock::start();
        let started = clock.now();
        let begun = match response.head().status {
            StatusCode::OK => download.begin(response.head()).map(Some)?,
            StatusCode::PARTIAL_CONTENT if download.has() > 0 => {
                download.go_on(response.head()).map(Some)?
            }
            StatusCode::RANGE_NOT_SATISFIABLE if download.has() > 0 => {
                download.is_complete(response.head())?;
                None
            }
            _ => return Err(refused(url, response.head())),
        };
        let name = download.name();
        let Some(mut begun) = begun else {
            download.finish()?;
            arguments.note(&format!("{name} was whole already"));
            return Ok(());
        };
        if begun.from == 0 && download.has() > 0 {
            arguments.note("the server begins anew");
        }
        let total = begun.total.or(response.length());
        let progress = Progress::new(!arguments.quiet, &name, begun.from, total);
        let count = copy(response, &mut begun.file, begun.most, &progress)
            .map_err(|fault| download.left(&*fault.explain(download.part())))?;
        let has = begun.from + count;
        if begun.total.is_some_and(|total| total != has) {
            let text = format!("{has} bytes came, of {}", begun.total.unwrap_or_default());
            return Err(download.left(&text));
        }
        drop(begun);
        download.finish()?;
        let took = clock.now() - started;
        arguments.note(&format!("{name}: {}", progress::summary(count, has, took)));
        Ok(())
    }
}

/// What the server says instead of sending anything.
fn refused(url: &Url, head: &Head) -> Failure {
    format!("{url}: the server says {}", head.line()).into()
}

/// Why copying has ended early.
enum Fault {
    Read(io::Error),
    Write(io::Error),
}

impl Fault {
    fn explain(&self, written: &Path) -> Failure {
        match self {
            Self::Read(error) if error.kind() == ErrorKind::WouldBlock => {
                "the server is silent".into()
            }
            Self::Read(error) => error.to_string().into(),
            Self::Write(error) => format!("cannot write {}: {error}", written.display()).into(),
        }
    }
}

/// All of the body, `most` bytes if the server has said so; how many that were.
fn copy(
    response: &mut Response,
    out: &mut impl Write,
    most: Option<u64>,
    progress: &Progress,
) -> Result<u64, Fault> {
    let mut buffer = vec![0; 64 << 10];
    let mut copied = 0;
    loop {
        let count = response.read(&mut buffer).map_err(Fault::Read)?;
        if count == 0 {
            out.flush().map_err(Fault::Write)?;
            progress.finish();
            return Ok(copied);
        }
        if most.is_some_and(|most| copied + count as u64 > most) {
            let text = "the server sends more than it said";
            return Err(Fault::Read(io::Error::new(ErrorKind::InvalidData, text)));
        }
        out.write_all(&buffer[..count]).map_err(Fault::Write)?;
        copied += count as u64;
        progress.advance(count as u64);
    }
}
