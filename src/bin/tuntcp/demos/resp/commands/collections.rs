//! Commands about lists, sets and hashes.

use std::iter;

use super::super::Bytes;
use super::super::reply::{Outcome, Reply};
use super::super::value::{Collection, End, Hash, List, Set};
use super::{Call, wrong_count};

pub(super) fn lpush(call: &mut Call) -> Outcome {
    push(call, End::Left)
}

pub(super) fn rpush(call: &mut Call) -> Outcome {
    push(call, End::Right)
}

fn push(call: &mut Call, end: End) -> Outcome {
    let (key, strings) = (&call.arguments[0], &call.arguments[1..]);
    let len = call.store.change(key, |list: &mut List| {
        strings.iter().for_each(|string| list.push(end, string.clone()));
        list.len()
    })?;
    Ok(Reply::count(len))
}

pub(super) fn lpop(call: &mut Call) -> Outcome {
    pop(call, |list: &mut List| list.pop(End::Left), Reply::NullArray)
}

pub(super) fn rpop(call: &mut Call) -> Outcome {
    pop(call, |list: &mut List| list.pop(End::Right), Reply::NullArray)
}

pub(super) fn spop(call: &mut Call) -> Outcome {
    pop(call, Set::pop, Reply::Array(Vec::new()))
}

/// Takes one away by `one`, or as many as are asked for; of nothing, many are `none`.
fn pop<C: Collection>(
    call: &mut Call,
    mut one: impl FnMut(&mut C) -> Option<Bytes>,
    none: Reply,
) -> Outcome {
    let key = &call.arguments[0];
    let Some(count) = call.how_many(1)? else {
        return call.store.change(key, one).map(Reply::bulk);
    };
    if call.store.get(key).is_none() {
        return Ok(none);
    }
    let taken: Vec<_> = call.store.change(key, |collection: &mut C| {
        iter::from_fn(|| one(collection)).take(count).collect()
    })?;
    Ok(Reply::bulks(taken))
}

pub(super) fn llen(call: &mut Call) -> Outcome {
    call.store.look(&call.arguments[0], List::len).map(Reply::count)
}

pub(super) fn lrange(call: &mut Call) -> Outcome {
    let (first, last) = (call.integer(1)?, call.integer(2)?);
    let found = call.store.look(&call.arguments[0], |list: &List| list.range(first, last))?;
    Ok(Reply::bulks(found))
}

pub(super) fn sadd(call: &mut Call) -> Outcome {
    let (key, strings) = (&call.arguments[0], &call.arguments[1..]);
    let added = call.store.change(key, |set: &mut Set| {
        strings.iter().filter(|string| set.insert(Bytes::clone(string))).count()
    })?;
    Ok(Reply::count(added))
}

pub(super) fn srem(call: &mut Call) -> Outcome {
    let (key, strings) = (&call.arguments[0], &call.arguments[1..]);
    let removed = call
        .store
        .change(key, |set: &mut Set| strings.iter().filter(|string| set.remove(string)).count())?;
    Ok(Reply::count(removed))
}

pub(super) fn scard(call: &mut Call) -> Outcome {
    call.store.look(&call.arguments[0], Set::len).map(Reply::count)
}

pub(super) fn sismember(call: &mut Call) -> Outcome {
    let wanted = &call.arguments[1];
    call.store.look(&call.arguments[0], |set: &Set| Reply::truth(set.contains(wanted)))
}

pub(super) fn smembers(call: &mut Call) -> Outcome {
    call.store.look(&call.arguments[0], Set::all).map(Reply::bulks)
}

pub(super) fn hset(call: &mut Call) -> Outcome {
    let (pairs, rest) = call.arguments[1..].as_chunks::<2>();
    if !rest.is_empty() {
        return Err(wrong_count("hset"));
    }
    let added = call.store.change(&call.arguments[0], |hash: &mut Hash| {
        pairs.iter().filter(|[field, value]| hash.insert(field.clone(), value.clone())).count()
    })?;
    Ok(Reply::count(added))
}

pub(super) fn hget(call: &mut Call) -> Outcome {
    let field = &call.arguments[1];
    call.store.look(&call.arguments[0], |hash: &Hash| Reply::bulk(hash.get(field)))
}

pub(super) fn hmget(call: &mut Call) -> Outcome {
    let fields = &call.arguments[1..];
    call.store.look(&call.arguments[0], |hash: &Hash| {
        Reply::Array(fields.iter().map(|field| Reply::bulk(hash.get(field))).collect())
    })
}

pub(super) fn hdel(call: &mut Call) -> Outcome {
    let (key, fields) = (&call.arguments[0], &call.arguments[1..]);
    let removed = call
        .store
        .change(key, |hash: &mut Hash| fields.iter().filter(|field| hash.remove(field)).count())?;
    Ok(Reply::count(removed))
}

pub(super) fn hlen(call: &mut Call) -> Outcome {
    call.store.look(&call.arguments[0], Hash::len).map(Reply::count)
}

pub(super) fn hexists(call: &mut Call) -> Outcome {
    let field = &call.arguments[1];
    call.store.look(&call.arguments[0], |hash: &Hash| Reply::truth(hash.get(field).is_some()))
}

pub(super) fn hgetall(call: &mut Call) -> Outcome {
    call.store.look(&call.arguments[0], Hash::all).map(Reply::bulks)
}
