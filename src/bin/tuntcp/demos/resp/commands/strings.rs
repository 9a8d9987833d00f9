//! Commands about strings.

use tuntcp::time::Instant;

use super::super::integer;
use super::super::reply::{NO_INTEGER, OK, Outcome, Reply, SYNTAX};
use super::super::request::MAX_STRING;
use super::super::value::Value;
use super::keys::after;
use super::{Call, wrong_count};

/// `SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | KEEPTTL]`
pub(super) fn set(call: &mut Call) -> Outcome {
    let (key, value) = (&call.arguments[0], &call.arguments[1]);
    // Whether the key must be there, or must not.
    let (mut there, mut gets, mut expires) = (None, false, None);
    let words = call.words(2);
    let mut words = words.iter().enumerate();
    while let Some((index, word)) = words.next() {
        match word.as_str() {
            "nx" if there.is_none() => there = Some(false),
            "xx" if there.is_none() => there = Some(true),
            "get" => gets = true,
            "keepttl" if expires.is_none() => {
                expires = Some(call.store.expires(key).unwrap_or(Instant::NEVER));
            }
            "ex" | "px" if expires.is_none() && words.next().is_some() => {
                let millis = if word == "ex" { 1000 } else { 1 };
                expires = Some(after(call.now, call.integer(2 + index + 1)?, millis, "set")?);
            }
            _ => return Err(SYNTAX),
        }
    }
    let before = if gets { call.store.string(key)? } else { None };
    let done = there.is_none_or(|there| there == call.store.get(key).is_some());
    if done {
        call.store.put(key, value.clone(), expires.unwrap_or(Instant::NEVER));
    }
    Ok(if done && !gets { OK } else { Reply::bulk(before) })
}

pub(super) fn setnx(call: &mut Call) -> Outcome {
    let key = &call.arguments[0];
    if call.store.get(key).is_some() {
        return Ok(Reply::truth(false));
    }
    call.store.put(key, call.arguments[1].clone(), Instant::NEVER);
    Ok(Reply::truth(true))
}

pub(super) fn setex(call: &mut Call) -> Outcome {
    let expires = after(call.now, call.integer(1)?, 1000, "setex")?;
    call.store.put(&call.arguments[0], call.arguments[2].clone(), expires);
    Ok(OK)
}

pub(super) fn psetex(call: &mut Call) -> Outcome {
    let expires = after(call.now, call.integer(1)?, 1, "psetex")?;
    call.store.put(&call.arguments[0], call.arguments[2].clone(), expires);
    Ok(OK)
}

pub(super) fn mset(call: &mut Call) -> Outcome {
    let (pairs, rest) = call.arguments.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(wrong_count("mset"));
    }
    for [key, value] in pairs {
        call.store.put(key, value.clone(), Instant::NEVER);
    }
    Ok(OK)
}

pub(super) fn get(call: &mut Call) -> Outcome {
    call.store.string(&call.arguments[0]).map(Reply::bulk)
}

pub(super) fn getdel(call: &mut Call) -> Outcome {
    let value = call.store.string(&call.arguments[0])?;
    call.store.remove(&call.arguments[0]);
    Ok(Reply::bulk(value))
}

pub(super) fn getset(call: &mut Call) -> Outcome {
    let value = call.store.string(&call.arguments[0])?;
    call.store.put(&call.arguments[0], call.arguments[1].clone(), Instant::NEVER);
    Ok(Reply::bulk(value))
}

/// What is no string is as nothing here.
pub(super) fn mget(call: &mut Call) -> Outcome {
    let value = |key| match call.store.get(key) {
        Some(Value::String(string)) => Reply::Bulk(string.clone()),
        _ => Reply::Null,
    };
    Ok(Reply::Array(call.arguments.iter().map(value).collect()))
}

pub(super) fn strlen(call: &mut Call) -> Outcome {
    let value = call.store.string(&call.arguments[0])?;
    Ok(Reply::count(value.map_or(0, |value| value.len())))
}

pub(super) fn append(call: &mut Call) -> Outcome {
    let (key, more) = (&call.arguments[0], &call.arguments[1]);
    let value = call.store.string(key)?.unwrap_or_default();
    if value.len() + more.len() > MAX_STRING {
        return Err("ERR string exceeds maximum allowed size (proto-max-bulk-len)".into());
    }
    let longer = [&*value, more].concat();
    let len = longer.len();
    let expires = call.store.expires(key).unwrap_or(Instant::NEVER);
    call.store.put(key, longer.into(), expires);
    Ok(Reply::count(len))
}

pub(super) fn incr(call: &mut Call) -> Outcome {
    add(call, 1)
}

pub(super) fn decr(call: &mut Call) -> Outcome {
    add(call, -1)
}

pub(super) fn incrby(call: &mut Call) -> Outcome {
    add(call, call.integer(1)?)
}

pub(super) fn decrby(call: &mut Call) -> Outcome {
    let less = call.integer(1)?.checked_neg().ok_or("ERR decrement would overflow")?;
    add(call, less)
}

/// Adds to a number, which is 0 if it is not there.
fn add(call: &mut Call, more: i64) -> Outcome {
    let key = &call.arguments[0];
    let number = match call.store.string(key)? {
        None => 0,
        Some(text) => integer(&text).ok_or(NO_INTEGER)?,
    };
    let sum = number.checked_add(more).ok_or("ERR increment or decrement would overflow")?;
    let expires = call.store.expires(key).unwrap_or(Instant::NEVER);
    call.store.put(key, sum.to_string().into_bytes().into(), expires);
    Ok(Reply::Integer(sum))
}
