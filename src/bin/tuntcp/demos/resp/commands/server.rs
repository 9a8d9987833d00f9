//! Commands about the connection and the server.

use jiff::Timestamp;

use super::super::glob;
use super::super::reply::{NO_INTEGER, OK, Outcome, Refusal, Reply};
use super::super::store::MAX_MEMORY;
use super::{COMMANDS, Call, lower};

pub(super) fn ping(call: &mut Call) -> Outcome {
    Ok(call.arguments.first().map_or(Reply::Simple("PONG"), |text| Reply::Bulk(text.clone())))
}

pub(super) fn echo(call: &mut Call) -> Outcome {
    Ok(Reply::Bulk(call.arguments[0].clone()))
}

/// Which version of the protocol the client wants, and who we are.
pub(super) fn hello(call: &mut Call) -> Outcome {
    match call.arguments {
        [] => {}
        [version] if &**version == b"2" => {}
        [version] if lower(version).parse::<i64>().is_err() => {
            return Err("ERR Protocol version is not an integer or out of range".into());
        }
        _ => return Err("NOPROTO unsupported protocol version".into()),
    }
    let id = Reply::Integer(call.session.id.cast_signed());
    let about = [
        ("server", Reply::text("tuntcp")),
        ("version", Reply::text(env!("CARGO_PKG_VERSION"))),
        ("proto", Reply::Integer(2)),
        ("id", id),
        ("mode", Reply::text("standalone")),
        ("role", Reply::text("master")),
        ("modules", Reply::Array(Vec::new())),
    ];
    Ok(Reply::Array(about.into_iter().flat_map(|(name, what)| [Reply::text(name), what]).collect()))
}

/// There is one database.
pub(super) fn select(call: &mut Call) -> Outcome {
    match call.integer(0) {
        Ok(0) => Ok(OK),
        Ok(_) => Err("ERR DB index is out of range".into()),
        Err(_) => Err(NO_INTEGER),
    }
}

pub(super) fn quit(call: &mut Call) -> Outcome {
    call.session.quits = true;
    Ok(OK)
}

pub(super) fn client(call: &mut Call) -> Outcome {
    match (lower(&call.arguments[0]).as_str(), &call.arguments[1..]) {
        ("id", []) => Ok(Reply::Integer(call.session.id.cast_signed())),
        ("getname", []) => Ok(Reply::bulk(call.session.name.clone())),
        ("setname", [name]) => {
            if !name.iter().all(u8::is_ascii_graphic) {
                let text =
                    "ERR Client names cannot contain spaces, newlines or special characters.";
                return Err(text.into());
            }
            call.session.name = Some(name.clone()).filter(|name| !name.is_empty());
            Ok(OK)
        }
        // Which library he is, and of what version.
        ("setinfo", [_, _]) => Ok(OK),
        _ => Err(subcommand("CLIENT", call)),
    }
}

/// What commands there are. Without `DOCS` a client takes its own.
pub(super) fn command(call: &mut Call) -> Outcome {
    match call.arguments {
        [] => Ok(Reply::Array(COMMANDS.iter().map(|command| Reply::text(command.name)).collect())),
        [count] if lower(count) == "count" => Ok(Reply::count(COMMANDS.len())),
        _ => Err(subcommand("COMMAND", call)),
    }
}

/// Settings that can be asked for.
pub(super) fn config(call: &mut Call) -> Outcome {
    let (verb, patterns) = (lower(&call.arguments[0]), &call.arguments[1..]);
    if verb != "get" || patterns.is_empty() {
        return Err(subcommand("CONFIG", call));
    }
    let memory = MAX_MEMORY.to_string();
    let settings = [("save", ""), ("appendonly", "no"), ("databases", "1"), ("maxmemory", &memory)];
    let mut steps = glob::STEPS;
    let mut asked = |name: &str| {
        patterns.iter().any(|pattern| {
            let pattern = lower(pattern);
            glob::matches(pattern.as_bytes(), name.as_bytes(), &mut steps) == Some(true)
        })
    };
    let found = settings.into_iter().filter(|(name, _)| asked(name));
    Ok(Reply::Array(found.flat_map(|(name, value)| [name, value].map(Reply::text)).collect()))
}

pub(super) fn info(call: &mut Call) -> Outcome {
    let store = &call.store;
    let (version, id, seconds) =
        (env!("CARGO_PKG_VERSION"), std::process::id(), call.now.as_nanos() / 1_000_000_000);
    let mut text = format!(
        "# Server\r\ntuntcp_version:{version}\r\nprocess_id:{id}\r\nuptime_in_seconds:{seconds}\r\n\r\n\
         # Memory\r\nused_memory:{}\r\nmaxmemory:{MAX_MEMORY}\r\nmaxmemory_policy:noeviction\r\n\r\n\
         # Keyspace\r\n",
        store.memory()
    );
    if store.len() > 0 {
        text += &format!("db0:keys={},expires={}\r\n", store.len(), store.expiring());
    }
    Ok(Reply::text(text))
}

/// The time of day: seconds since 1970, and microseconds.
pub(super) fn time(_: &mut Call) -> Outcome {
    let now = Timestamp::now();
    let parts = [now.as_second(), i64::from(now.subsec_microsecond())];
    Ok(Reply::Array(parts.map(|part| Reply::text(part.to_string())).to_vec()))
}

pub(super) fn dbsize(call: &mut Call) -> Outcome {
    Ok(Reply::count(call.store.len()))
}

pub(super) fn flush(call: &mut Call) -> Outcome {
    call.store.clear();
    Ok(OK)
}

fn subcommand(name: &str, call: &Call) -> Refusal {
    let what = String::from_utf8_lossy(&call.arguments[0]);
    let what: String = what.chars().take(super::REPEATED).collect();
    format!("ERR unknown subcommand '{what}'. Try {name} HELP.").into()
}
