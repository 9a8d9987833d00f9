//! The rules, each with lines that break it and lines that keep it.

use crate::source::{Source, is_word};

/// Line and what stands there.
type Found = Vec<(usize, String)>;
type Example = (&'static str, &'static str);

pub(crate) struct Rule {
    pub(crate) what: &'static str,
    pub(crate) find: fn(&Source) -> Found,
    pub(crate) broken_by: &'static [Example],
    pub(crate) kept_by: &'static [Example],
}

/// Lines of a file and of a function, at most.
const FILE: usize = 500;
const FUNCTION: usize = 80;

/// Each room and those it may know; what stands right below `src` is a room, too.
const ARROWS: [(&str, &[&str]); 13] = [
    ("time", &[]),
    ("wire", &[]),
    ("buffer", &[]),
    ("trace", &["wire", "tcp"]),
    ("tcp", &["time", "wire", "buffer"]),
    ("icmp", &["time", "wire"]),
    ("fragments", &["time", "wire", "trace"]),
    ("device", &["time", "wire"]),
    ("engine", &["time", "wire", "buffer", "trace", "tcp", "icmp", "fragments", "device"]),
    ("names", &["time"]),
    ("runtime", &["time", "trace", "names", "device", "engine"]),
    ("sim", &["time", "wire", "trace", "tcp", "device", "engine"]),
    ("net", &["time", "trace", "names", "tcp", "engine", "runtime"]),
];

pub(crate) const RULES: &[Rule] = &[
    Rule {
        what: "a room knows those below it only",
        find: wrong_arrows,
        broken_by: &[
            ("src/tcp/input.rs", "use crate::device::Device;"),
            ("src/tcp/input.rs", "let now = crate::runtime::clock();"),
            ("src/wire/ip.rs", "use crate::{time, tcp};"),
            ("src/wire/ip.rs", "use super::super::tcp;"),
            ("src/wire/mod.rs", "use super::tcp;"),
            ("src/tcp/congestion/mod.rs", "use super::super::engine;"),
            ("src/time.rs", "use crate::wire::SeqNum;"),
            ("src/engine/mod.rs", "use crate::runtime::Host;"),
            ("src/engine/tests/wheel.rs", "use crate::sim::Network;"),
            ("src/engine/mod.rs", "use crate::Host;"),
            ("src/names/lookup.rs", "use crate::net::UdpSocket;"),
            ("src/net/error.rs", "use crate::sim::Network;"),
            ("src/newcomer/mod.rs", "use crate::wire::Flow;"),
        ],
        kept_by: &[
            ("src/tcp/input.rs", "use crate::wire::Segment; // unlike crate::device"),
            ("src/tcp/congestion/mod.rs", "use super::config;"),
            ("src/tcp/tests/ack.rs", "use crate::tcp::{Config, State};"),
            ("src/net/mod.rs", "use crate::{runtime::Host, engine};\nuse crate::Host;"),
            ("src/lib.rs", "pub use crate::net::TcpStream;"),
            ("src/bin/tuntcp/serve.rs", "use crate::options::HostOptions;"),
        ],
    },
    Rule {
        what: "congestion control sees its arguments only",
        find: |file| {
            let congestion = file.path.starts_with("src/tcp/congestion/");
            let inside =
                ["Tcb", "SendHalf", "ReceiveHalf", "Connection", "tcb", "send", "recovery"];
            words(file, congestion, &inside)
        },
        broken_by: &[
            ("src/tcp/congestion/cubic.rs", "fn on_ack(&mut self, tcb: &Tcb) {}"),
            ("src/tcp/congestion/cubic.rs", "use crate::tcp::send::SendHalf;"),
        ],
        kept_by: &[
            ("src/tcp/congestion/cubic.rs", "fn on_ack(&mut self, ack: &Ack) {} // no Tcb"),
            ("src/tcp/output.rs", "fn choose(tcb: &Tcb) {}"),
        ],
    },
    Rule {
        what: "the command uses the public API only",
        find: |file| words(file, file.path.starts_with("src/bin/"), &["#[path", "include!"]),
        broken_by: &[
            ("src/bin/tuntcp/main.rs", "#[path = \"../../engine/mod.rs\"]\nmod engine;"),
            ("src/bin/tuntcp/main.rs", "include!(\"../../time.rs\");"),
        ],
        kept_by: &[("src/bin/tuntcp/main.rs", "use tuntcp::Host;\nmod options;\nlet path = 1;")],
    },
    Rule {
        what: "only runtime/clock.rs reads the clock",
        find: |file| {
            let elsewhere = file.is_product() && file.path != "src/runtime/clock.rs";
            let mut found = words(file, elsewhere, &["Instant::now", "SystemTime::now"]);
            // A capture tells the time of day: the command hands it in, and says so right above.
            found.retain(|&(number, ref line)| {
                let of_day = file.path.starts_with("src/bin/") && has_word(line, "SystemTime::now");
                !of_day || !says_why_it_reads_the_clock(file, number)
            });
            found
        },
        broken_by: &[
            ("src/engine/mod.rs", "let now = std::time::Instant::now();"),
            ("src/bin/tuntcp/ping.rs", "SystemTime::now()"),
            ("src/bin/tuntcp/options.rs", "Instant::now()"),
            ("src/bin/tuntcp/options.rs", "SystemTime::now()"),
            (
                "src/sim/mod.rs",
                "#[expect(clippy::disallowed_methods)]\nfn now() {\nSystemTime::now()\n}",
            ),
        ],
        kept_by: &[
            ("src/runtime/clock.rs", "Self { start: std::time::Instant::now() }"),
            ("src/device/capture.rs", "/// let started = SystemTime::now();"),
            (
                "src/bin/tuntcp/options.rs",
                "#[expect(clippy::disallowed_methods)]\nfn now() {\nSystemTime::now()\n}",
            ),
            ("tests/kernel/main.rs", "let start = Instant::now();"),
        ],
    },
    Rule {
        what: "threads live in runtime/ and above",
        find: |file| {
            let rooms =
                ["time", "trace", "wire", "buffer", "names", "tcp", "engine", "device", "sim"];
            let below = file.is_product() && rooms.contains(&room(&file.path));
            words(file, below, &["thread"])
        },
        broken_by: &[
            ("src/engine/mod.rs", "std::thread::sleep(pause);"),
            ("src/sim/mod.rs", "use std::thread;"),
        ],
        kept_by: &[
            ("src/runtime/worker.rs", "use std::thread;"),
            ("src/engine/mod.rs", "// the writer's own thread\nlet threads = 1;"),
        ],
    },
    Rule {
        what: "descriptors live in device/ and runtime/",
        find: |file| {
            let apart = !matches!(room(&file.path), "device" | "runtime" | "bin");
            let names = ["os::fd", "RawFd", "OwnedFd", "BorrowedFd", "AsFd", "AsRawFd", "nix"];
            words(file, apart && file.is_product(), &names)
        },
        broken_by: &[
            ("src/engine/mod.rs", "fn wait(&self, on: BorrowedFd<'_>) {}"),
            ("src/tcp/mod.rs", "use std::os::fd::AsRawFd;"),
        ],
        kept_by: &[
            ("src/device/tun.rs", "use std::os::fd::{AsFd, OwnedFd};"),
            ("src/tcp/mod.rs", "// RawFd is none of ours"),
        ],
    },
    Rule {
        what: "unsafe code lives in device/",
        find: |file| {
            words(
                file,
                file.is_product() && room(&file.path) != "device",
                &["unsafe", "unsafe_code"],
            )
        },
        broken_by: &[
            ("src/buffer/chunk.rs", "let block = unsafe { block.assume_init() };"),
            ("src/net/mod.rs", "#![allow(unsafe_code)]"),
        ],
        kept_by: &[
            ("src/device/offload.rs", "unsafe { ioctl(fd, request) }"),
            ("src/buffer/chunk.rs", "/// No unsafe code."),
        ],
    },
    Rule {
        what: "no global state",
        find: |file| {
            let cells = ["Mutex", "RwLock", "Cell", "RefCell", "OnceLock", "LazyLock"];
            let state = |line: &str| {
                let atomic = line.contains("Atomic");
                has_word(line, "static") && (atomic || cells.iter().any(|c| has_word(line, c)))
            };
            let mut found = words(file, file.is_product(), &["static mut", "thread_local!"]);
            let lines = file.lines().filter(|(_, line)| file.is_product() && state(line));
            found.extend(lines.map(|(number, line)| (number, line.trim().to_owned())));
            found
        },
        broken_by: &[
            ("src/engine/mod.rs", "static mut NEXT: u16 = 0;"),
            ("src/engine/mod.rs", "static NEXT: AtomicU16 = AtomicU16::new(0);"),
            ("src/runtime/host.rs", "pub static HOST: OnceLock<Host> = OnceLock::new();"),
            ("src/trace.rs", "thread_local! { }"),
        ],
        kept_by: &[
            ("src/wire/notation.rs", "static ZEROS: [u8; 65_535] = [0; 65_535];"),
            ("src/engine/mod.rs", "fn lock<T>(mutex: &'static [u8], next: u16) {}"),
        ],
    },
    Rule {
        what: "no macros of our own, nothing unfinished",
        find: |file| {
            words(file, file.is_product(), &["macro_rules!", "todo!", "unimplemented!", "dbg!"])
        },
        broken_by: &[
            ("src/tcp/mod.rs", "macro_rules! row { () => {} }"),
            ("src/tcp/mod.rs", "fn read() { todo!() }"),
            ("src/net/mod.rs", "unimplemented!(\"peek\")"),
        ],
        kept_by: &[
            ("src/tcp/mod.rs", "// todo!() is not left behind\nlog::debug!(\"x\");"),
            ("src/tcp/tests/mod.rs", "macro_rules! row { () => {} }"),
        ],
    },
    Rule {
        what: "tests live outside of product files",
        find: |file| {
            words(file, file.is_product(), &["#[test]", "proptest!", "mod tests {", "mod test {"])
        },
        broken_by: &[
            ("src/tcp/rtt.rs", "#[test]\nfn first_sample() {}"),
            ("src/tcp/rtt.rs", "#[cfg(test)]\nmod tests {\n}"),
        ],
        kept_by: &[
            ("src/tcp/rtt.rs", "#[cfg(test)]\n#[path = \"tests/rtt.rs\"]\nmod tests;"),
            ("src/tcp/tests/rtt.rs", "#[test]\nfn first_sample() {}"),
        ],
    },
    Rule {
        what: "a cargo feature adds a module, nothing else",
        find: features_that_change,
        broken_by: &[
            ("src/tcp/rtt.rs", "if cfg!(feature = \"fast\") { 1 } else { 2 }"),
            ("src/tcp/rtt.rs", "#[cfg(feature = \"fast\")]\nfn smooth() {}"),
            ("src/tcp/rtt.rs", "#[cfg_attr(feature = \"serde\", derive(Serialize))]\nstruct R;"),
        ],
        kept_by: &[
            ("src/lib.rs", "#[cfg(feature = \"ffi\")]\npub mod ffi;"),
            ("src/lib.rs", "#[cfg(test)]\nmod tests;"),
        ],
    },
];

/// What `file` breaks, a line each.
pub(crate) fn breaches(file: &Source) -> Vec<String> {
    let tell = |what: &str, found: Found| -> Vec<String> {
        let line = |(number, text)| format!("{}:{number}: {what}: {text}", file.path);
        found.into_iter().map(line).collect()
    };
    let mut all: Vec<String> =
        RULES.iter().flat_map(|rule| tell(rule.what, (rule.find)(file))).collect();
    all.extend(tell("a file has at most 500 lines", too_long_file(file)));
    all.extend(tell("a function has at most 80 lines", too_long_functions(file)));
    all
}

pub(crate) fn too_long_file(file: &Source) -> Found {
    let count = file.code.lines().count();
    if count > FILE { vec![(FILE + 1, format!("it has {count}"))] } else { Vec::new() }
}

/// Functions by the line in which their name stands.
pub(crate) fn too_long_functions(file: &Source) -> Found {
    let mut found = Vec::new();
    for (at, _) in file.code.match_indices("fn ").filter(|&(at, _)| word_begins(&file.code, at)) {
        let text = &file.code[at..];
        let (Some(body), declared) = (text.find('{'), end_of_declaration(text)) else { continue };
        if declared.is_some_and(|end| end < body) {
            continue;
        }
        let count = text[..body + block(&text[body..])].lines().count();
        if count > FUNCTION {
            let name: String = text[3..].chars().take_while(|&c| is_word(c)).collect();
            found.push((file.line_of(at), format!("{name} has {count}")));
        }
    }
    found
}

/// Where a function without a body ends: at a semicolon that is not one of `[u8; 4]`, or at the end
/// of the type that it is.
fn end_of_declaration(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.char_indices().find_map(|(at, c)| {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            _ => {}
        }
        (depth < 0 || depth == 0 && c == ';').then_some(at)
    })
}

/// Length of the block that `text` begins with.
fn block(text: &str) -> usize {
    let mut depth = 0;
    let end = text.char_indices().find_map(|(at, c)| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(at + 1)
    });
    end.unwrap_or(text.len())
}

fn wrong_arrows(file: &Source) -> Found {
    let room = room(&file.path);
    // The root composes, the command is a crate of its own, and tests above the rooms are like it.
    if matches!(room, "lib" | "bin" | "tests") || !file.path.starts_with("src/") {
        return Vec::new();
    }
    let known = ARROWS.iter().find(|(name, _)| *name == room);
    let Some((_, below)) = known else {
        return vec![(
            1,
            format!("{room} has no place among the rooms: ARROWS says who knows whom"),
        )];
    };
    // What the root gives out again is of the uppermost rooms.
    let of_the_root = |name: &str| name.starts_with(char::is_uppercase) && room == "net";
    let mut found = Vec::new();
    for (number, name) in uses_of_the_root(file) {
        if name != room && !below.contains(&name.as_str()) && !of_the_root(&name) {
            found.push((number, format!("crate::{name}")));
        }
    }
    let depth = file.path.trim_end_matches("/mod.rs").split('/').count() - 1;
    let climb = "super::".repeat(depth);
    found.extend(words(file, true, &[&climb]));
    found
}

/// Names that follow `crate::`, those of a group each.
fn uses_of_the_root(file: &Source) -> Found {
    let mut found = Vec::new();
    for (at, root) in file.code.match_indices("crate::") {
        let text = &file.code[at + root.len()..];
        let names: Vec<&str> = match text.strip_prefix('{') {
            Some(group) => first_names(&group[..block(text) - 2]),
            None => vec![name(text)],
        };
        let line = file.line_of(at);
        found.extend(names.into_iter().map(|name| (line, name.to_owned())));
    }
    found
}

/// The first name of each item of a group.
fn first_names(group: &str) -> Vec<&str> {
    let mut depth = 0;
    let items = group.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        depth == 0 && c == ','
    });
    items.map(|item| name(item.trim())).filter(|name| !name.is_empty()).collect()
}

fn name(text: &str) -> &str {
    &text[..text.find(|c| !is_word(c)).unwrap_or(text.len())]
}

fn features_that_change(file: &Source) -> Found {
    let mut found = Vec::new();
    let mut lines = file.lines().filter(|_| file.is_product()).peekable();
    while let Some((number, line)) = lines.next() {
        let next = lines.peek().map_or("", |(_, next)| next.trim());
        let module = ["mod ", "pub mod "].iter().any(|start| next.starts_with(start));
        let adds = line.trim().starts_with("#[cfg(") && module;
        if has_word(line, "feature") && line.contains("cfg") && !adds {
            found.push((number, line.trim().to_owned()));
        }
    }
    found
}

/// Whether one of the two lines before `number` expects the lint that forbids the clock.
fn says_why_it_reads_the_clock(file: &Source, number: usize) -> bool {
    let mut above = file.lines().filter(|(at, _)| (number.saturating_sub(2)..number).contains(at));
    above.any(|(_, line)| line.contains("#[expect(clippy::disallowed_methods"))
}

/// The room that a path lies in: a folder or a file right below `src`.
fn room(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
}

/// Lines of `file`, if the rule `applies` to it, that have one of `wanted` as words of their own.
fn words(file: &Source, applies: bool, wanted: &[&str]) -> Found {
    let found = |line: &str| wanted.iter().any(|word| has_word(line, word));
    let lines = file.lines().filter(|(_, line)| applies && found(line));
    lines.map(|(number, line)| (number, line.trim().to_owned())).collect()
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let after = line[at + word.len()..].chars().next();
        let ends = !word.ends_with(is_word) || !after.is_some_and(is_word);
        (!word.starts_with(is_word) || word_begins(line, at)) && ends
    })
}

fn word_begins(text: &str, at: usize) -> bool {
    !text[..at].ends_with(is_word)
}
