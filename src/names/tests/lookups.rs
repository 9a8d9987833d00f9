//! The path of a question over servers, search lists and aliases, and what is remembered of it.

use std::time::Duration;

use simple_dns::{Packet, RCODE};

use super::{answer, at, edited, final_answer, ip, name, truncated};
use crate::names::cache::Cache;
use crate::names::{
    Answer, Attempt, Cause, Data, Failure, Hosts, Lookup, NameError, Names, Progress, RecordType,
    ResolverConfig, Services,
};
use crate::time::Instant;

const ONE: &str = "192.0.2.1";
const TWO: &str = "192.0.2.2";

fn config(text: &str) -> ResolverConfig {
    text.parse().expect("a configuration")
}

fn servers() -> ResolverConfig {
    config("nameserver 192.0.2.1\nnameserver 192.0.2.2\noptions attempts:2")
}

fn lookup<'a>(config: &'a ResolverConfig, name: &str) -> Lookup<'a> {
    Lookup::of_name(config, name, RecordType::A, 0).expect("a name")
}

/// The next question: who is asked, for what.
fn next(lookup: &mut Lookup<'_>) -> (Attempt, String) {
    let attempt = lookup.next(7).expect("there is more to ask");
    let asked = Packet::parse(&attempt.message).unwrap().questions[0].qname.to_string();
    (attempt, asked)
}

/// Who is asked next for what; nobody answers.
fn silent(lookup: &mut Lookup<'_>) -> (String, String) {
    let (attempt, asked) = next(lookup);
    lookup.on_failure(Failure::TimedOut);
    (attempt.server.ip().to_string(), asked)
}

/// The server that is asked next says this.
fn says(lookup: &mut Lookup<'_>, code: RCODE, records: &[&str]) -> Progress {
    let (attempt, _) = next(lookup);
    lookup.on_message(&answer(&attempt.message, code, records))
}

fn failure(lookup: &mut Lookup<'_>) -> NameError {
    lookup.next(7).expect_err("nothing is left to ask")
}

fn found(address: &str, canonical: &str) -> Progress {
    let data = vec![Data::Address(ip(address))];
    Progress::Found(Answer { data, canonical: name(canonical), ttl: 60 })
}

#[test]
fn the_first_answer_ends_it() {
    let config = servers();
    let mut lookup = lookup(&config, "one.example");
    let (attempt, asked) = next(&mut lookup);
    assert_eq!((attempt.server, asked.as_str()), (at(ONE), "one.example"));
    assert!(!attempt.stream && attempt.timeout == Duration::from_secs(5));
    assert_eq!(lookup.on_message(b"noise"), Progress::Wait);
    let bytes = answer(&attempt.message, RCODE::NoError, &["one.example A 192.0.2.9"]);
    assert_eq!(lookup.on_message(&bytes), found("192.0.2.9", "one.example"));
}

#[test]
fn silent_servers_are_asked_in_turn_and_named() {
    let config = servers();
    let mut lookup = lookup(&config, "one.example");
    let asked: Vec<_> = (0..4).map(|_| silent(&mut lookup).0).collect();
    assert_eq!(asked, [ONE, TWO, ONE, TWO]);
    let error = failure(&mut lookup);
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    let text =
        "no address for \"one.example\": 192.0.2.1 does not answer, 192.0.2.2 does not answer";
    assert_eq!(error.to_string(), text);
    assert_eq!(failure(&mut lookup), error, "and it stays so");
}

#[test]
fn servers_that_decline_are_followed_by_the_next() {
    let config = servers();
    let mut lookup = lookup(&config, "one.example");
    assert_eq!(says(&mut lookup, RCODE::Refused, &[]), Progress::AskOn);
    assert_eq!(says(&mut lookup, RCODE::ServerFailure, &[]), Progress::AskOn);
    let (attempt, _) = next(&mut lookup);
    assert_eq!(attempt.server, at(ONE));
    lookup.on_failure(Failure::Unreachable("connection refused".into()));
    assert_eq!(says(&mut lookup, RCODE::NotImplemented, &[]), Progress::AskOn);
    let error = failure(&mut lookup);
    assert_eq!(error.kind(), std::io::ErrorKind::Other);
    let text = "no address for \"one.example\": \
                192.0.2.1 cannot be asked (connection refused), 192.0.2.2 declines (NOTIMP)";
    assert_eq!(error.to_string(), text);
}

#[test]
fn a_name_that_does_not_exist_is_denied_by_name() {
    let config = servers();
    let mut lookup = lookup(&config, "nowhere.example");
    silent(&mut lookup);
    assert_eq!(says(&mut lookup, RCODE::NameError, &[]), Progress::AskOn);
    let error = failure(&mut lookup);
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    assert_eq!(error.cause, Cause::NoSuchName(at(TWO)));
    let text = "no address for \"nowhere.example\": 192.0.2.2 says there is no such name";
    assert_eq!(error.to_string(), text);
}

#[test]
fn a_name_without_addresses_is_told_from_none() {
    let config = servers();
    let mut lookup = lookup(&config, "mail.example");
    assert_eq!(says(&mut lookup, RCODE::NoError, &[]), Progress::AskOn);
    let error = failure(&mut lookup);
    let text = "no address for \"mail.example\": \
                192.0.2.1 knows the name, but no A record of it";
    assert_eq!((error.kind(), error.to_string().as_str()), (std::io::ErrorKind::NotFound, text));
}

#[test]
fn nobody_to_ask_says_what_to_do() {
    let config = ResolverConfig::default();
    let error = failure(&mut lookup(&config, "one.example"));
    assert_eq!(error.cause, Cause::NoServers);
    assert!(error.to_string().contains("nameserver ADDRESS"), "{error}");
    let error = Lookup::of_name(&config, "two..dots", RecordType::A, 0).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    assert!(error.to_string().starts_with("no address for \"two..dots\": a label"), "{error}");
}

/// The names that are asked for when each is denied.
fn candidates(config: &str, name: &str) -> Vec<String> {
    let config = self::config(&format!("nameserver 192.0.2.1\n{config}"));
    let mut lookup = lookup(&config, name);
    let mut asked = Vec::new();
    while let Ok(attempt) = lookup.next(7) {
        asked.push(Packet::parse(&attempt.message).unwrap().questions[0].qname.to_string());
        lookup.on_message(&answer(&attempt.message, RCODE::NameError, &[]));
    }
    asked
}

#[test]
fn the_search_list_is_gone_through() {
    let search = "search corp.example example";
    assert_eq!(candidates(search, "one"), ["one.corp.example", "one.example", "one"]);
    assert_eq!(
        candidates(search, "one.two"),
        ["one.two", "one.two.corp.example", "one.two.example"]
    );
    assert_eq!(candidates(search, "one."), ["one"], "a dot at the end");
    assert_eq!(candidates("domain example", "one"), ["one.example", "one"]);
    assert_eq!(
        candidates("search example\noptions ndots:2", "one.two"),
        ["one.two.example", "one.two"]
    );
    assert_eq!(candidates("search example\noptions ndots:0", "one"), ["one", "one.example"]);
    // What would be too long is left out.
    let label = "a".repeat(63);
    let long = format!("{label}.{label}.{label}.{}", "a".repeat(60));
    assert_eq!(candidates(search, &long), [long.as_str()]);
}

#[test]
fn a_search_ends_at_what_is_found() {
    let config = config("nameserver 192.0.2.1\nsearch a.example b.example");
    let mut lookup = lookup(&config, "one");
    assert_eq!(says(&mut lookup, RCODE::NoError, &[]), Progress::AskOn);
    let progress = says(&mut lookup, RCODE::NoError, &["one.b.example A 192.0.2.9"]);
    assert_eq!(progress, found("192.0.2.9", "one.b.example"));
}

#[test]
fn a_search_tells_what_says_most() {
    let config = config("nameserver 192.0.2.1\nsearch a.example b.example\noptions attempts:1");
    // One name is there, without an address.
    let mut one = lookup(&config, "one");
    says(&mut one, RCODE::NameError, &[]);
    says(&mut one, RCODE::NoError, &[]);
    says(&mut one, RCODE::NameError, &[]);
    assert!(matches!(failure(&mut one).cause, Cause::NoRecord { .. }));
    // Nobody knows whether the second one is there, so the search has no result.
    let mut two = lookup(&config, "two");
    says(&mut two, RCODE::NameError, &[]);
    silent(&mut two);
    assert_eq!(failure(&mut two).cause, Cause::NoAnswer(vec![(at(ONE), Failure::TimedOut)]));
}

#[test]
fn truncated_answers_are_asked_for_over_tcp() {
    let config = servers();
    let mut lookup = lookup(&config, "one.example");
    let (attempt, _) = next(&mut lookup);
    assert_eq!(lookup.on_message(&truncated(&attempt.message)), Progress::AskOn);
    let (attempt, _) = next(&mut lookup);
    assert_eq!((attempt.server, attempt.stream), (at(ONE), true));
    // Who truncates there, too, is not asked a third time; the next one is asked as usual.
    assert_eq!(lookup.on_message(&truncated(&attempt.message)), Progress::AskOn);
    let (attempt, _) = next(&mut lookup);
    assert_eq!((attempt.server, attempt.stream), (at(TWO), false));
    let config = self::config("nameserver 192.0.2.1\noptions use-vc");
    assert!(next(&mut self::lookup(&config, "one.example")).0.stream);
}

#[test]
fn servers_that_do_not_know_extensions_are_asked_without() {
    let config = config("nameserver 192.0.2.1\noptions edns0 attempts:1");
    let mut lookup = lookup(&config, "one.example");
    let (with, _) = next(&mut lookup);
    let refusal = edited(&with.message, |packet| *packet.rcode_mut() = RCODE::FormatError);
    assert_eq!(lookup.on_message(&refusal), Progress::AskOn);
    let (without, _) = next(&mut lookup);
    assert_eq!(without.message.len() + 11, with.message.len());
    let refusal = edited(&without.message, |packet| *packet.rcode_mut() = RCODE::FormatError);
    assert_eq!(lookup.on_message(&refusal), Progress::AskOn);
    assert!(failure(&mut lookup).to_string().ends_with("declines (FORMERR)"));
}

#[test]
fn aliases_are_followed_from_answer_to_answer() {
    let config = servers();
    let mut lookup = lookup(&config, "one.example");
    silent(&mut lookup);
    let progress = says(&mut lookup, RCODE::NoError, &["one.example CNAME two.example"]);
    assert_eq!(progress, Progress::AskOn);
    let (attempt, asked) = next(&mut lookup);
    assert_eq!((attempt.server, asked.as_str()), (at(TWO), "two.example"), "who has answered");
    let bytes = answer(&attempt.message, RCODE::NoError, &["two.example A 192.0.2.9"]);
    assert_eq!(lookup.on_message(&bytes), found("192.0.2.9", "two.example"));
}

#[test]
fn aliases_without_end_are_given_up() {
    let config = servers();
    let mut lookup = lookup(&config, "n0.example");
    let mut questions = 0;
    let error = loop {
        let attempt = match lookup.next(7) {
            Ok(attempt) => attempt,
            Err(error) => break error,
        };
        let alias = format!("n{questions}.example CNAME n{}.example", questions + 1);
        lookup.on_message(&answer(&attempt.message, RCODE::NoError, &[&alias]));
        questions += 1;
    };
    assert_eq!(questions, 17);
    assert_eq!(error.cause, Cause::TooManyAliases(at(ONE)));
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
}

#[test]
fn an_alias_of_nothing_is_no_address() {
    let config = servers();
    let mut lookup = lookup(&config, "one.example");
    let (attempt, _) = next(&mut lookup);
    let bytes = final_answer(&attempt.message, &["one.example CNAME two.example"]);
    assert_eq!(lookup.on_message(&bytes), Progress::AskOn);
    assert!(matches!(failure(&mut lookup).cause, Cause::NoRecord { .. }));
}

#[test]
fn names_of_addresses_are_asked_for() {
    let config = servers();
    let mut lookup = Lookup::of_address(&config, ip("192.0.2.7"), 1);
    let (attempt, asked) = next(&mut lookup);
    assert_eq!((attempt.server, asked.as_str()), (at(TWO), "7.2.0.192.in-addr.arpa"));
    lookup.on_message(&answer(&attempt.message, RCODE::NameError, &[]));
    let text = "no name for 192.0.2.7: 192.0.2.2 says there is no such name";
    assert_eq!(failure(&mut lookup).to_string(), text);
}

fn seconds(count: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(count)
}

fn remembered(ttl: u32) -> Answer {
    Answer { data: vec![Data::Address(ip(ONE))], canonical: name("one.example"), ttl }
}

#[test]
fn answers_are_remembered_while_they_hold() {
    let mut cache = Cache::default();
    let (one, kind) = (name("one.example"), RecordType::A);
    cache.insert(seconds(10), (one.clone(), kind), &remembered(60));
    assert_eq!(cache.get(seconds(69), &one, kind), Some(remembered(60)));
    assert_eq!(cache.get(seconds(70), &one, kind), None);
    assert_eq!(cache.get(seconds(10), &one, RecordType::Aaaa), None);
    // RFC 1035 3.2.1: zero holds for this question only; RFC 2181 8: beyond 31 bits it is zero.
    for ttl in [0, 1 << 31, u32::MAX] {
        cache.insert(seconds(100), (one.clone(), kind), &remembered(ttl));
        assert_eq!(cache.get(seconds(100), &one, kind), None);
    }
    cache.insert(seconds(100), (one.clone(), kind), &remembered(i32::MAX as u32));
    assert_eq!(cache.get(seconds(100 + 86_400), &one, kind), None, "a day at most");
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut cache = Cache::default();
    let at = |number: u32| name(&format!("n{number}.example"));
    for number in 0..2000 {
        cache.insert(seconds(0), (at(number), RecordType::A), &remembered(number + 1));
    }
    let kept = (0..2000).filter(|&n| cache.get(seconds(0), &at(n), RecordType::A).is_some());
    let kept: Vec<_> = kept.collect();
    assert_eq!(kept.len(), 1024);
    assert_eq!(kept[0], 2000 - 1024, "those that hold longest");
}

#[test]
fn the_server_that_answered_is_asked_first() {
    let names = |text| Names::new(config(text), Hosts::default(), Services::default());
    let asked = || (name("one.example"), RecordType::A);
    let two = "nameserver 192.0.2.1\nnameserver 192.0.2.2\n";
    let steady = names(two);
    assert_eq!(steady.first_server(), 0);
    steady.remember(Instant::ZERO, asked(), &remembered(60), at(TWO));
    assert_eq!((steady.first_server(), steady.first_server()), (1, 1));
    let rotating = names(&format!("{two}options rotate"));
    let firsts: Vec<_> = (0..4).map(|_| rotating.first_server() % 2).collect();
    assert_eq!(firsts, [0, 1, 0, 1]);
}

#[test]
fn two_families_fail_with_what_tells_most() {
    let of = |cause| NameError::of_name("one", cause);
    let absent = || of(Cause::NoSuchName(at(ONE)));
    let bare = |record| of(Cause::NoRecord { server: at(ONE), record });
    let silent = || of(Cause::NoAnswer(vec![(at(ONE), Failure::TimedOut)]));
    assert_eq!(absent().or(absent()), absent());
    assert_eq!(absent().or(bare("AAAA")), bare("AAAA"));
    assert_eq!(bare("A").or(absent()), bare("A"));
    assert_eq!(bare("A").or(bare("AAAA")), bare("A or AAAA"));
    assert_eq!(bare("A").or(silent()), silent());
    assert_eq!(silent().or(bare("AAAA")), silent());
}
