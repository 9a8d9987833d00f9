//! Whatever a name server answers, over UDP or TCP, to whatever question: nothing panics, no more is asked
//! than the configuration allows, and an answer is one to the question. Beside it the same bytes as the
//! files that say what is known of names.
#![no_main]
#![allow(dead_code, unused_imports)]

// What carries messages is no part of the public interface.
#[path = "../../src/names/mod.rs"]
mod names;

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use names::{
    Answer, Data, DomainName, Failure, Hosts, Lookup, Names, Progress, RecordType, ResolverConfig,
    Services,
};
use tuntcp::{net, time};

/// Aliases that may lead to a name, as in `names/message.rs`.
const MOST_ALIASES: usize = 16;

/// Messages that a server may send to one question before it is given up.
const MOST_MESSAGES: usize = 64;

/// Takes the next `len` bytes, or what is left.
fn take<'a>(script: &mut &'a [u8], len: usize) -> &'a [u8] {
    let (taken, rest) = script.split_at(len.min(script.len()));
    *script = rest;
    taken
}

fn byte(script: &mut &[u8]) -> u8 {
    take(script, 1).first().copied().unwrap_or(0)
}

/// What a server sends: bytes as they come, or behind the head that belongs to the question.
fn message(script: &mut &[u8], query: &[u8]) -> Vec<u8> {
    let how = byte(script);
    let len = usize::from(byte(script));
    let bytes = take(script, len * if how & 1 == 0 { 1 } else { 4 });
    if how & 2 != 0 {
        return bytes.to_vec();
    }
    // Number, flags, one question; how many records are said to follow, and the records.
    let mut message = query.to_vec();
    let end = 12 + query[12..].iter().position(|&byte| byte == 0).expect("a root") + 5;
    message.truncate(end);
    let mut head = bytes.iter().copied();
    let mut next = || head.next().unwrap_or(0);
    message[2] = 0x81 | if how & 4 != 0 { next() & 0x7e } else { 0 };
    message[3] = 0x80 | if how & 8 != 0 { next() } else { 0 };
    message[6..12].fill(0);
    message[7] = next() & 15;
    message[9] = next() & 3;
    message[11] = next() & 3;
    message.extend(head);
    message
}

fn check(answer: &Answer, kind: RecordType) {
    assert!(!answer.data.is_empty());
    assert!(DomainName::new(answer.canonical.as_str()).as_ref() == Ok(&answer.canonical));
    for data in &answer.data {
        let fits = match data {
            Data::Address(IpAddr::V4(_)) => kind == RecordType::A,
            Data::Address(IpAddr::V6(_)) => kind == RecordType::Aaaa,
            Data::Name(_) => kind == RecordType::Ptr,
        };
        assert!(fits, "{data:?} for {}", kind.name());
    }
}

fuzz_target!(|script: &[u8]| {
    let text = String::from_utf8_lossy(script);
    let _ = (Hosts::lenient(&text), Services::lenient(&text), ResolverConfig::lenient(&text));

    let mut script = script;
    let how = byte(&mut script);
    let mut config: ResolverConfig =
        "nameserver 192.0.2.1\nnameserver 2001:db8::1\nsearch one.example two.example"
            .parse()
            .expect("a configuration");
    (config.use_vc, config.edns0, config.rotate) = (how & 1 != 0, how & 2 != 0, how & 4 != 0);
    config.attempts = usize::from(how >> 6);
    let bound = 3 * config.servers.len() * config.attempts.max(1) * (MOST_ALIASES + 2) * 3;
    let names = Names::new(config, Hosts::default(), Services::default());
    let config = names.resolver();

    let name = ["www", "www.example", "www.example."][usize::from(how >> 4) % 3];
    let (kind, lookup) = match how >> 3 & 3 {
        0 => (RecordType::Ptr, Ok(Lookup::of_address(config, [192, 0, 2, 9].into(), 0))),
        1 => (RecordType::A, Lookup::of_name(config, name, RecordType::A, 0)),
        _ => (RecordType::Aaaa, Lookup::of_name(config, name, RecordType::Aaaa, 0)),
    };
    let mut lookup = lookup.expect("a good name");
    let mut asked = 0;
    'lookup: while let Ok(attempt) = lookup.next(u16::from(byte(&mut script))) {
        asked += 1;
        assert!(asked <= bound, "asked {asked} times");
        let name = lookup.name().clone();
        for _ in 0..MOST_MESSAGES {
            if script.is_empty() {
                break;
            }
            match lookup.on_message(&message(&mut script, &attempt.message)) {
                Progress::Wait => {}
                Progress::AskOn => continue 'lookup,
                Progress::Found(answer) => {
                    check(&answer, kind);
                    let now = time::Instant::ZERO;
                    names.remember(now, (name.clone(), kind), &answer, attempt.server);
                    if let Some(again) = names.remembered(now, &name, kind) {
                        assert!(again.data == answer.data);
                    }
                    break 'lookup;
                }
            }
        }
        lookup.on_failure(Failure::TimedOut);
    }
});
