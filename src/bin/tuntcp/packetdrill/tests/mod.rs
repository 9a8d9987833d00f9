//! Does the front end understand what scripts are written in?

mod calls;
mod files;
mod mangled;
mod packets;
mod statements;

use std::io;
use std::path::Path;

use super::parse;
use super::script::BodySpec;
use super::script::{Call, Event, PacketSpec, Script, TcpSpec, What};
use super::source::{Definitions, Mistake};

fn nothing(path: &Path) -> io::Result<String> {
    Err(io::Error::new(io::ErrorKind::NotFound, format!("no {}", path.display())))
}

fn try_script(text: &str) -> Result<Script, Mistake> {
    parse::parse(text, &Definitions::new(), &nothing)
}

fn script(text: &str) -> Script {
    try_script(text).unwrap_or_else(|mistake| panic!("{mistake}\nin: {text}"))
}

/// What is wrong with a script.
fn mistake(text: &str) -> String {
    match try_script(text) {
        Ok(script) => panic!("parsed: {text}\n{script:?}"),
        Err(mistake) => mistake.to_string(),
    }
}

/// The only event of a script.
fn event(text: &str) -> Event {
    let mut events = script(text).events;
    assert_eq!(events.len(), 1, "events of: {text}");
    events.remove(0)
}

fn packet(text: &str) -> PacketSpec {
    match event(&format!("0 {text}")).what {
        What::Packet(packet) => *packet,
        other => panic!("no packet: {text}: {other:?}"),
    }
}

fn tcp(text: &str) -> TcpSpec {
    match packet(text).body {
        BodySpec::Tcp(tcp) => tcp,
        other => panic!("not TCP: {text}: {other:?}"),
    }
}

fn call(text: &str) -> Call {
    match event(&format!("0 {text}")).what {
        What::Call(call) => call,
        other => panic!("no call: {text}: {other:?}"),
    }
}
