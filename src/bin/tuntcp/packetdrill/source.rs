//! Which text is the script? Files joined, their `#` directives carried out, each line's origin kept.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::script::Place;

/// Names and what they stand for; an empty text is for a name that is only there to be asked for.
pub(super) type Definitions = BTreeMap<String, String>;

/// How the text behind an `#include` is got.
pub(super) type Resolve<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

/// Defined in every script, whatever else is: what `#ifdef` tells this runner from others by.
const OURSELVES: &str = "tuntcp";

/// Files that include files, at most so many deep.
const DEEPEST: usize = 16;

/// Why a script cannot be read, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) at: Place,
    pub(super) file: String,
    pub(super) message: String,
    /// What stands there; empty where nothing does.
    pub(super) near: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.at.line, self.message)?;
        if self.near.is_empty() { Ok(()) } else { write!(f, " near '{}'", self.near) }
    }
}

impl std::error::Error for Mistake {}

/// The files that were read; a `Place` is an index into them.
#[derive(Debug, Default)]
pub(super) struct Sources {
    names: Vec<PathBuf>,
}

impl Sources {
    /// The name of the file that a place is in.
    pub(super) fn name(&self, at: Place) -> String {
        self.names.get(at.file).map_or_else(String::new, |name| name.display().to_string())
    }

    /// A mistake at a place.
    pub(super) fn mistake(&self, at: Place, message: String, near: &str) -> Mistake {
        Mistake { at, file: self.name(at), message, near: shortened(near) }
    }
}

/// One line's worth of a text, for a message.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 40;
    let line = text.trim().lines().next().unwrap_or_default();
    if line.chars().count() <= LONGEST {
        return line.to_string();
    }
    line.chars().take(LONGEST).chain("...".chars()).collect()
}

/// The text of a script and all that it includes.
#[derive(Debug, Default)]
pub(super) struct Joined {
    pub(super) text: String,
    /// Where each of the text's lines comes from.
    pub(super) places: Vec<Place>,
    pub(super) definitions: Definitions,
    pub(super) sources: Sources,
}

/// Carries out the directives of `text`, which is called `name`.
pub(super) fn join(
    name: &Path,
    text: &str,
    definitions: &Definitions,
    resolve: Resolve<'_>,
) -> Result<Joined, Mistake> {
    let joined = Joined { definitions: definitions.clone(), ..Joined::default() };
    let mut joiner = Joiner { joined, resolve, within: Within::Plain };
    joiner.file(name, text, 0)?;
    Ok(joiner.joined)
}

struct Joiner<'a> {
    joined: Joined,
    resolve: Resolve<'a>,
    within: Within,
}

/// An `#ifdef` that is open.
struct Condition {
    at: Place,
    /// Whether the lines here count.
    holds: bool,
    /// Whether those around it do.
    around: bool,
    turned: bool,
}

impl Joiner<'_> {
    fn file(&mut self, name: &Path, text: &str, depth: usize) -> Result<(), Mistake> {
        let file = self.joined.sources.names.len();
        self.joined.sources.names.push(name.to_path_buf());
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut open: Vec<Condition> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let at = Place { file, line: index + 1 };
            if self.within == Within::Plain && line.trim_start().starts_with('#') {
                if index > 0 || !line.starts_with("#!") {
                    self.directive(at, line.trim(), &mut open, depth)?;
                }
                continue;
            }
            self.within = self.within.after(line);
            if open.last().is_none_or(|condition| condition.holds) {
                self.joined.text.push_str(line);
                self.joined.text.push('\n');
                self.joined.places.push(at);
            }
        }
        open.last().map_or(Ok(()), |condition| self.wrong(condition.at, "no #endif follows", ""))
    }

    fn directive(
        &mut self,
        at: Place,
        line: &str,
        open: &mut Vec<Condition>,
        depth: usize,
    ) -> Result<(), Mistake> {
        let rest = line.trim_start_matches('#').trim_start();
        let split = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (word, operand) = (&rest[..split], uncommented(rest[split..].trim()));
        let around = open.last().is_none_or(|condition| condition.holds);
        match word {
            "ifdef" | "ifndef" => {
                let name = operand.split_whitespace().next().unwrap_or_default();
                if name.is_empty() {
                    return self.wrong(at, "a name is missing", line);
                }
                let holds = around && (self.is_defined(name) == (word == "ifdef"));
                open.push(Condition { at, holds, around, turned: false });
                Ok(())
            }
            "else" => match open.last_mut() {
                Some(condition) if !condition.turned => {
                    condition.turned = true;
                    condition.holds = condition.around && !condition.holds;
                    Ok(())
                }
                _ => self.wrong(at, "no #ifdef goes before it", line),
            },
            "endif" => match open.pop() {
                Some(_) => Ok(()),
                None => self.wrong(at, "no #ifdef goes before it", line),
            },
            "define" if around => self.define(at, operand, line),
            "include" if around => self.include(at, operand, line, depth),
            "define" | "include" => Ok(()),
            _ if around => self.wrong(at, "a line starts with #, which begins no comment", line),
            _ => Ok(()),
        }
    }

    fn is_defined(&self, name: &str) -> bool {
        name.eq_ignore_ascii_case(OURSELVES)
            || self.joined.definitions.keys().any(|known| known.eq_ignore_ascii_case(name))
    }

    fn define(&mut self, at: Place, operand: &str, line: &str) -> Result<(), Mistake> {
        let (name, value) = operand.split_once(char::is_whitespace).unwrap_or((operand, ""));
        if name.is_empty() {
            return self.wrong(at, "a name is missing", line);
        }
        self.joined.definitions.insert(name.to_string(), value.trim().to_string());
        Ok(())
    }

    fn include(
        &mut self,
        at: Place,
        operand: &str,
        line: &str,
        depth: usize,
    ) -> Result<(), Mistake> {
        let name = operand
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .or_else(|| operand.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')));
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return self.wrong(at, "a file's name in quotes is missing", line);
        };
        if depth == DEEPEST {
            return self.wrong(at, "files include each other too deeply", line);
        }
        let path = match self.joined.sources.names[at.file].parent() {
            Some(directory) => directory.join(name),
            None => PathBuf::from(name),
        };
        match (self.resolve)(&path) {
            Ok(text) => self.file(&path, &text, depth + 1),
            Err(error) => self.wrong(at, &format!("{}: {error}", path.display()), line),
        }
    }

    fn wrong(&self, at: Place, message: &str, near: &str) -> Result<(), Mistake> {
        Err(self.joined.sources.mistake(at, message.to_string(), near))
    }
}

/// A directive's operand without a comment behind it.
fn uncommented(operand: &str) -> &str {
    let mut quote = None;
    for (index, c) in operand.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '"' | '`') => quote = Some(c),
            None if operand[index..].starts_with("//") || operand[index..].starts_with("/*") => {
                return operand[..index].trim_end();
            }
            Some(_) | None => {}
        }
    }
    operand
}

/// What a line starts in the middle of: a `#` is a directive only in the middle of nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    Plain,
    Comment,
    Quoted(u8),
    Code,
}

impl Within {
    /// What the next line starts in the middle of.
    fn after(mut self, line: &str) -> Self {
        let bytes = line.as_bytes();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let pair = bytes.get(at..at + 2).unwrap_or_default();
            at += match self {
                Self::Plain if pair == b"//" => return self,
                Self::Plain if pair == b"/*" => self.turn(Self::Comment),
                Self::Plain if pair == b"%{" => self.turn(Self::Code),
                Self::Plain if matches!(byte, b'"' | b'`') => self.turn(Self::Quoted(byte)) - 1,
                Self::Comment if pair == b"*/" => self.turn(Self::Plain),
                Self::Code if pair == b"}%" => self.turn(Self::Plain),
                Self::Quoted(_) if byte == b'\\' => 2,
                Self::Quoted(open) if byte == open => self.turn(Self::Plain) - 1,
                _ => 1,
            };
        }
        self
    }

    /// Becomes another; how many bytes that takes.
    fn turn(&mut self, other: Self) -> usize {
        *self = other;
        2
    }
}
