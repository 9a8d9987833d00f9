//! The commands: a table of their names, how many arguments they take, and what they do.

mod collections;
mod keys;
mod server;
mod strings;

use std::ops::{Bound, RangeBounds};

use tuntcp::time::Instant;

use super::reply::{NO_INTEGER, Outcome, Refusal, Reply};
use super::store::{MAX_MEMORY, Store};
use super::{Bytes, Session, integer};

/// What a command has to do with.
pub(super) struct Call<'a> {
    pub(super) store: &'a mut Store,
    pub(super) session: &'a mut Session,
    pub(super) now: Instant,
    /// Without the command's name; as many as the table says.
    pub(super) arguments: &'a [Bytes],
}

impl Call<'_> {
    /// The argument at `index` as a number.
    fn integer(&self, index: usize) -> Result<i64, Refusal> {
        integer(&self.arguments[index]).ok_or(NO_INTEGER)
    }

    /// The arguments as words of options.
    fn words(&self, from: usize) -> Vec<String> {
        self.arguments[from..].iter().map(|word| lower(word)).collect()
    }

    /// How many to take, if the argument at `index` says so.
    fn how_many(&self, index: usize) -> Result<Option<usize>, Refusal> {
        if self.arguments.len() <= index {
            return Ok(None);
        }
        let count = integer(&self.arguments[index]).and_then(|count| usize::try_from(count).ok());
        count.map(Some).ok_or("ERR value is out of range, must be positive".into())
    }
}

fn lower(word: &[u8]) -> String {
    String::from_utf8_lossy(word).to_ascii_lowercase()
}

/// A command that there is.
struct Command {
    name: &'static str,
    /// How many arguments it takes, behind its name.
    takes: (Bound<usize>, Bound<usize>),
    /// Whether it may need more memory.
    grows: bool,
    run: fn(&mut Call) -> Outcome,
}

const fn reads(name: &'static str, takes: Takes, run: fn(&mut Call) -> Outcome) -> Command {
    Command { name, takes: takes.bounds(), grows: false, run }
}

const fn grows(name: &'static str, takes: Takes, run: fn(&mut Call) -> Outcome) -> Command {
    Command { name, takes: takes.bounds(), grows: true, run }
}

/// How many arguments.
enum Takes {
    Just(usize),
    AtLeast(usize),
    Between(usize, usize),
}

use Takes::{AtLeast, Between, Just};

impl Takes {
    const fn bounds(self) -> (Bound<usize>, Bound<usize>) {
        match self {
            Just(count) => (Bound::Included(count), Bound::Included(count)),
            AtLeast(count) => (Bound::Included(count), Bound::Unbounded),
            Between(least, most) => (Bound::Included(least), Bound::Included(most)),
        }
    }
}

static COMMANDS: [Command; 58] = [
    reads("ping", Between(0, 1), server::ping),
    reads("echo", Just(1), server::echo),
    reads("hello", Between(0, 1), server::hello),
    reads("select", Just(1), server::select),
    reads("quit", AtLeast(0), server::quit),
    reads("client", AtLeast(1), server::client),
    reads("command", AtLeast(0), server::command),
    reads("config", AtLeast(1), server::config),
    reads("info", AtLeast(0), server::info),
    reads("time", Just(0), server::time),
    reads("dbsize", Just(0), server::dbsize),
    reads("flushdb", Between(0, 1), server::flush),
    reads("flushall", Between(0, 1), server::flush),
    reads("del", AtLeast(1), keys::del),
    reads("unlink", AtLeast(1), keys::del),
    reads("exists", AtLeast(1), keys::exists),
    reads("type", Just(1), keys::kind),
    reads("expire", Just(2), keys::expire),
    reads("pexpire", Just(2), keys::pexpire),
    reads("ttl", Just(1), keys::ttl),
    reads("pttl", Just(1), keys::pttl),
    reads("persist", Just(1), keys::persist),
    reads("keys", Just(1), keys::keys),
    reads("scan", AtLeast(1), keys::scan),
    grows("set", AtLeast(2), strings::set),
    grows("setnx", Just(2), strings::setnx),
    grows("setex", Just(3), strings::setex),
    grows("psetex", Just(3), strings::psetex),
    grows("mset", AtLeast(2), strings::mset),
    grows("getset", Just(2), strings::getset),
    grows("append", Just(2), strings::append),
    grows("incr", Just(1), strings::incr),
    grows("decr", Just(1), strings::decr),
    grows("incrby", Just(2), strings::incrby),
    grows("decrby", Just(2), strings::decrby),
    reads("get", Just(1), strings::get),
    reads("getdel", Just(1), strings::getdel),
    reads("mget", AtLeast(1), strings::mget),
    reads("strlen", Just(1), strings::strlen),
    grows("lpush", AtLeast(2), collections::lpush),
    grows("rpush", AtLeast(2), collections::rpush),
    reads("lpop", Between(1, 2), collections::lpop),
    reads("rpop", Between(1, 2), collections::rpop),
    reads("llen", Just(1), collections::llen),
    reads("lrange", Just(3), collections::lrange),
    grows("sadd", AtLeast(2), collections::sadd),
    reads("srem", AtLeast(2), collections::srem),
    reads("spop", Between(1, 2), collections::spop),
    reads("scard", Just(1), collections::scard),
    reads("sismember", Just(2), collections::sismember),
    reads("smembers", Just(1), collections::smembers),
    grows("hset", AtLeast(3), collections::hset),
    reads("hget", Just(2), collections::hget),
    reads("hdel", AtLeast(2), collections::hdel),
    reads("hlen", Just(1), collections::hlen),
    reads("hexists", Just(2), collections::hexists),
    reads("hgetall", Just(1), collections::hgetall),
    reads("hmget", AtLeast(2), collections::hmget),
];

/// What comes of `request`, which has at least one word.
pub(super) fn run(request: &[Bytes], call: Call) -> Reply {
    outcome(request, call).unwrap_or_else(Reply::Error)
}

fn outcome(request: &[Bytes], call: Call) -> Outcome {
    let (name, arguments) = (&request[0], &request[1..]);
    let known = |command: &&Command| name.eq_ignore_ascii_case(command.name.as_bytes());
    let command = COMMANDS.iter().find(known).ok_or_else(|| unknown(name, arguments))?;
    if !command.takes.contains(&arguments.len()) {
        return Err(wrong_count(command.name));
    }
    if command.grows && call.store.memory() >= MAX_MEMORY {
        return Err("OOM command not allowed when used memory > 'maxmemory'.".into());
    }
    (command.run)(&mut Call { arguments, ..call })
}

fn wrong_count(name: &str) -> Refusal {
    format!("ERR wrong number of arguments for '{name}' command").into()
}

/// Bytes of what a client sent, of a name or of all arguments, that are repeated to him.
const REPEATED: usize = 128;

fn unknown(name: &[u8], arguments: &[Bytes]) -> Refusal {
    let quoted = |word: &[u8], room: usize| {
        String::from_utf8_lossy(&word[..word.len().min(room)]).into_owned()
    };
    let mut repeated = String::new();
    for word in arguments {
        if repeated.len() >= REPEATED {
            break;
        }
        repeated.push_str(&format!("'{}' ", quoted(word, REPEATED - repeated.len())));
    }
    let name = quoted(name, REPEATED);
    format!("ERR unknown command '{name}', with args beginning with: {repeated}").into()
}
