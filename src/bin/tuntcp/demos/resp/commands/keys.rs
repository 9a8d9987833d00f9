//! Commands about keys, whatever they stand for.

use std::time::Duration;

use tuntcp::time::Instant;

use super::super::Bytes;
use super::super::glob;
use super::super::reply::{Outcome, Refusal, Reply, SYNTAX};
use super::{Call, lower};

pub(super) fn del(call: &mut Call) -> Outcome {
    let there = call.arguments.iter().filter(|key| call.store.remove(key)).count();
    Ok(Reply::count(there))
}

pub(super) fn exists(call: &mut Call) -> Outcome {
    let there = call.arguments.iter().filter(|key| call.store.get(key).is_some()).count();
    Ok(Reply::count(there))
}

pub(super) fn kind(call: &mut Call) -> Outcome {
    let value = call.store.get(&call.arguments[0]);
    Ok(Reply::Simple(value.map_or("none", |value| value.type_name())))
}

pub(super) fn expire(call: &mut Call) -> Outcome {
    expire_in(call, 1000, "expire")
}

pub(super) fn pexpire(call: &mut Call) -> Outcome {
    expire_in(call, 1, "pexpire")
}

/// Lets a key stay for so many units of `millis` milliseconds; none is at once.
fn expire_in(call: &mut Call, millis: i64, name: &str) -> Outcome {
    let key = &call.arguments[0];
    let count = call.integer(1)?;
    if count.checked_mul(millis).is_none() {
        return Err(invalid(name));
    }
    if count <= 0 {
        return Ok(Reply::truth(call.store.remove(key)));
    }
    let expires = after(call.now, count, millis, name)?;
    Ok(Reply::truth(call.store.set_expires(key, expires)))
}

/// The moment so many units of `millis` milliseconds after `now`, for the command `name`.
pub(super) fn after(now: Instant, count: i64, millis: i64, name: &str) -> Result<Instant, Refusal> {
    let millis = count.checked_mul(millis).filter(|&millis| millis > 0);
    let expires = now + Duration::from_millis(millis.ok_or_else(|| invalid(name))?.cast_unsigned());
    // More than five hundred years are more than a moment can tell.
    if expires.is_never() { Err(invalid(name)) } else { Ok(expires) }
}

fn invalid(name: &str) -> Refusal {
    format!("ERR invalid expire time in '{name}' command").into()
}

pub(super) fn ttl(call: &mut Call) -> Outcome {
    time_left(call, 1000)
}

pub(super) fn pttl(call: &mut Call) -> Outcome {
    time_left(call, 1)
}

/// How long a key stays, in units of `millis` milliseconds; -1 if for ever, -2 if it is not there.
fn time_left(call: &Call, millis: i64) -> Outcome {
    let left = match call.store.expires(&call.arguments[0]) {
        None => -2,
        Some(expires) if expires.is_never() => -1,
        Some(expires) => {
            let left = i64::try_from((expires - call.now).as_millis()).unwrap_or(i64::MAX);
            left.saturating_add(millis / 2) / millis
        }
    };
    Ok(Reply::Integer(left))
}

pub(super) fn persist(call: &mut Call) -> Outcome {
    let key = &call.arguments[0];
    let ends = call.store.expires(key).is_some_and(|expires| !expires.is_never());
    Ok(Reply::truth(ends && call.store.set_expires(key, Instant::NEVER)))
}

pub(super) fn keys(call: &mut Call) -> Outcome {
    found(call, &call.arguments[0], None).map(Reply::bulks)
}

/// All keys, a part at a time; here, all of them are one part. How many a part should have (`COUNT`)
/// is a wish.
pub(super) fn scan(call: &mut Call) -> Outcome {
    let number = |text: &[u8]| String::from_utf8_lossy(text).parse::<u64>();
    if number(&call.arguments[0]) != Ok(0) {
        return Err("ERR invalid cursor".into());
    }
    let (mut pattern, mut kind) = (Bytes::from(*b"*"), None);
    for option in call.arguments[1..].chunks(2) {
        match (lower(&option[0]).as_str(), option.get(1)) {
            ("match", Some(wanted)) => pattern = wanted.clone(),
            ("type", Some(wanted)) => kind = Some(lower(wanted)),
            ("count", Some(count)) if number(count).is_ok_and(|count| count > 0) => {}
            _ => return Err(SYNTAX),
        }
    }
    let keys = found(call, &pattern, kind.as_deref())?;
    Ok(Reply::Array(vec![Reply::text("0"), Reply::bulks(keys)]))
}

/// The keys that match `pattern`, and stand for something of `kind`.
fn found(call: &Call, pattern: &[u8], kind: Option<&str>) -> Result<Vec<Bytes>, Refusal> {
    let mut steps = glob::STEPS;
    let mut found = Vec::new();
    for (key, value) in call.store.keys() {
        if kind.is_some_and(|kind| kind != value.type_name()) {
            continue;
        }
        let matches = glob::matches(pattern, key, &mut steps);
        if matches.ok_or("ERR the pattern takes too long to match")? {
            found.push(key.clone());
        }
    }
    Ok(found)
}
