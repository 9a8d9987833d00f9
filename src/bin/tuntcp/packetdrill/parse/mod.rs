//! Which statements does a script have? The front end: files in, a `Script` out.

mod call;
mod cursor;
mod options;
mod packet;
mod tcp;
mod time;

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use self::cursor::Cursor;
use super::lex::{self, Kind};
use super::script::{Event, PacketSpec, Script, ScriptOption, Way, What, When};
use super::source::{self, Definitions, Mistake, Resolve, Sources};

/// Parses a text that is in no file; `resolve` gets the text behind an `#include`.
#[cfg(test)]
pub(super) fn parse(
    text: &str,
    definitions: &Definitions,
    resolve: Resolve<'_>,
) -> Result<Script, Mistake> {
    named(Path::new("script"), text, definitions, resolve).map(|(script, _)| script)
}

/// Parses a file.
pub(super) fn read(
    path: &Path,
    definitions: &BTreeMap<String, String>,
) -> Result<(Script, Sources), Mistake> {
    let open = |path: &Path| -> io::Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(path)?).into_owned())
    };
    let text = open(path).map_err(|error| Mistake {
        at: super::script::Place { file: 0, line: 1 },
        file: path.display().to_string(),
        message: error.to_string(),
        near: String::new(),
    })?;
    named(path, &text, definitions, &open)
}

fn named(
    name: &Path,
    text: &str,
    definitions: &Definitions,
    resolve: Resolve<'_>,
) -> Result<(Script, Sources), Mistake> {
    let joined = source::join(name, text, definitions, resolve)?;
    let tokens = lex::tokens(&joined)?;
    let mut cursor = Cursor::new(tokens, joined);
    let mut script = Script::default();
    while !cursor.is_end() {
        if let Kind::Option(value) = cursor.kind().clone() {
            let at = cursor.here();
            let name = cursor.advance().text;
            script.options.push(ScriptOption { at, name, value });
        } else {
            let event = event(&mut cursor, script.events.is_empty())?;
            script.events.push(event);
        }
    }
    Ok((script, cursor.joined.sources))
}

/// One event. What has no time happens at the start when it is the first, else after the one
/// before.
fn event(cursor: &mut Cursor, first: bool) -> Result<Event, Mistake> {
    let (at, start) = (cursor.here(), cursor.position());
    let when = match cursor.kind() {
        Kind::Shell | Kind::Code if first => When::Absolute(0),
        Kind::Shell | Kind::Code => When::Relative(0),
        _ => time::when(cursor)?,
    };
    let until = time::until(cursor)?;
    let action = cursor.position();
    let what = match cursor.kind() {
        Kind::Shell => What::Shell(cursor.advance().text),
        Kind::Code => What::Code(cursor.advance().text),
        Kind::Punct('<' | '>') => What::Packet(Box::new(packet::packet(cursor)?)),
        Kind::Word => What::Call(call::call(cursor, until)?),
        _ => return Err(cursor.mistake("a packet, a system call or a command is missing")),
    };
    if until.is_some() && !matches!(what, What::Call(_)) {
        return Err(cursor.mistake_at(action, "only a system call blocks"));
    }
    let expects = matches!(&what, What::Packet(packet) if packet.way == Way::Out);
    let needs_packet =
        matches!(when, When::Any | When::AbsoluteRange(..) | When::RelativeRange(..));
    if needs_packet && !expects {
        let message = "a time that is * or a range is for packets that are expected";
        return Err(cursor.mistake_at(start, message));
    }
    if let What::Packet(packet) = &what {
        check(cursor, packet, action)?;
    }
    let text = cursor.raw(start, cursor.position());
    Ok(Event { at, text, when, what })
}

/// What is left open can be expected, but not sent.
fn check(cursor: &Cursor, packet: &PacketSpec, action: usize) -> Result<(), Mistake> {
    let open = packet::left_open(packet);
    match open {
        Some(message) if packet.way == Way::In => Err(cursor.mistake_at(action, message)),
        _ => Ok(()),
    }
}
