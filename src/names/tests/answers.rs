//! What a message says to a question: RFC 1035 4, RFC 1034 3.6.2, RFC 5452 9.1.

use std::net::IpAddr;

use proptest::prelude::*;
use simple_dns::{Name, Packet, PacketFlag, RCODE};

use super::{answer, edited, final_answer, ip, name, truncated};
use crate::names::message::{MOST_ALIASES, Reply, query, reply, reverse};
use crate::names::{Answer, Data, RecordType};

const ID: u16 = 0x1234;
const ASKED: &str = "one.example";

fn asked() -> Vec<u8> {
    query(ID, &name(ASKED), RecordType::A, false)
}

fn said(bytes: &[u8]) -> Reply {
    reply(bytes, ID, &name(ASKED), RecordType::A)
}

/// What `records` say to the question for A records of `one.example`.
fn says(records: &[&str]) -> Reply {
    said(&answer(&asked(), RCODE::NoError, records))
}

fn found(addresses: &[&str], canonical: &str) -> Reply {
    let data = addresses.iter().map(|text| Data::Address(ip(text))).collect();
    Reply::Answer(Answer { data, canonical: name(canonical), ttl: 60 })
}

#[test]
fn a_query_says_what_is_asked() {
    let bytes = asked();
    // RFC 1035 4.1: the number, recursion desired, one question.
    assert_eq!(bytes[..12], [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(bytes[12..], *b"\x03one\x07example\0\0\x01\0\x01");
    // RFC 6891 6.1.2: the record that says how much may come.
    let bytes = query(ID, &name(ASKED), RecordType::Aaaa, true);
    assert_eq!(bytes[10..12], [0, 1]);
    assert_eq!(bytes[bytes.len() - 11..], [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn addresses_are_found() {
    assert_eq!(says(&["one.example A 192.0.2.1"]), found(&["192.0.2.1"], ASKED));
    assert_eq!(
        says(&["ONE.Example A 192.0.2.1", "one.example A 192.0.2.2", "two.example A 192.0.2.3"]),
        found(&["192.0.2.1", "192.0.2.2"], ASKED)
    );
    assert_eq!(says(&["one.example AAAA 2001:db8::1"]), Reply::NoRecord);
    assert_eq!(says(&["two.example A 192.0.2.1"]), Reply::NoRecord);
    assert_eq!(says(&[]), Reply::NoRecord);
}

#[test]
fn aliases_are_followed_in_whatever_order() {
    let chain = [
        "three.example A 192.0.2.3",
        "two.example CNAME three.example",
        "one.example CNAME two.example",
    ];
    assert_eq!(says(&chain), found(&["192.0.2.3"], "three.example"));
    let open = Reply::Alias { target: name("three.example"), ttl: 60, hops: 2 };
    assert_eq!(says(&chain[1..]), open);
    // RFC 2308 2.2: the zone's own record says that this is all.
    assert_eq!(said(&final_answer(&asked(), &chain[1..])), Reply::NoRecord);
    assert_eq!(says(&["one.example CNAME one.example"]), Reply::TooManyAliases);
    assert_eq!(
        says(&["one.example CNAME two.example", "two.example CNAME one.example"]),
        Reply::TooManyAliases
    );
    // What cannot be a host's name is not asked for.
    let odd = edited(&asked(), |packet| {
        let label = simple_dns::Label::new_unchecked(b"a b".to_vec());
        let target = Name::new_with_labels(&[label]);
        let mut record = super::record("one.example CNAME x");
        record.rdata = simple_dns::rdata::RData::CNAME(simple_dns::rdata::CNAME(target));
        packet.answers.push(record);
    });
    assert_eq!(said(&odd), Reply::Malformed);
}

#[test]
fn the_longest_chain_is_followed_and_no_longer() {
    let chain = |links: usize| -> Vec<String> {
        let mut names = vec![ASKED.to_owned()];
        names.extend((1..=links).map(|number| format!("n{number}.example")));
        let links = names.windows(2).map(|pair| format!("{} CNAME {}", pair[0], pair[1]));
        let mut records: Vec<_> = links.collect();
        records.push(format!("n{}.example A 192.0.2.1", names.len() - 1));
        records
    };
    let says_all =
        |records: Vec<String>| says(&records.iter().map(String::as_str).collect::<Vec<_>>());
    let last = format!("n{MOST_ALIASES}.example");
    assert_eq!(says_all(chain(MOST_ALIASES)), found(&["192.0.2.1"], &last));
    assert_eq!(says_all(chain(MOST_ALIASES + 1)), Reply::TooManyAliases);
}

#[test]
fn codes_are_told_apart() {
    let said = |code| said(&answer(&asked(), code, &[]));
    assert_eq!(said(RCODE::NameError), Reply::NoSuchName);
    assert_eq!(said(RCODE::ServerFailure), Reply::Declined("SERVFAIL"));
    assert_eq!(said(RCODE::Refused), Reply::Declined("REFUSED"));
    assert_eq!(said(RCODE::NotImplemented), Reply::Declined("NOTIMP"));
    assert_eq!(said(RCODE::FormatError), Reply::NotUnderstood);
    assert_eq!(said(RCODE::YXRRSET), Reply::Declined("an error of its own"));
}

#[test]
fn what_was_cut_off_is_asked_for_again() {
    assert_eq!(said(&truncated(&asked())), Reply::Truncated);
    let mut bytes = answer(&asked(), RCODE::NoError, &["one.example A 192.0.2.1"]);
    bytes[2] |= 2;
    assert_eq!(said(&bytes), Reply::Truncated);
    bytes.truncate(bytes.len() - 3);
    assert_eq!(said(&bytes), Reply::Truncated);
    bytes[2] &= !2;
    assert_eq!(said(&bytes), Reply::Malformed);
}

#[test]
fn what_answers_another_question_is_not_heard() {
    let good = answer(&asked(), RCODE::NoError, &["one.example A 192.0.2.1"]);
    let mut number = good.clone();
    number[1] ^= 1;
    assert_eq!(said(&number), Reply::NotOurs, "another number");
    assert_eq!(said(&asked()), Reply::NotOurs, "a question");
    let other = |name_asked: &str, kind| {
        let query = query(ID, &name(name_asked), kind, false);
        answer(&query, RCODE::NoError, &["one.example A 192.0.2.1"])
    };
    assert_eq!(said(&other("two.example", RecordType::A)), Reply::NotOurs, "another name");
    assert_eq!(said(&other("one.example", RecordType::Aaaa)), Reply::NotOurs, "another kind");
    let none = edited(&asked(), |packet| packet.questions.clear());
    assert_eq!(said(&none), Reply::NotOurs, "none");
    let twice = edited(&asked(), |packet| packet.questions.push(packet.questions[0].clone()));
    assert_eq!(said(&twice), Reply::NotOurs, "two");
    for len in 0..12 {
        assert_eq!(said(&good[..len]), Reply::NotOurs, "{len} bytes");
    }
    // A server that could not read the question cannot repeat it.
    let mute = edited(&asked(), |packet| {
        packet.questions.clear();
        *packet.rcode_mut() = RCODE::FormatError;
    });
    assert_eq!(said(&mute), Reply::NotUnderstood);
}

#[test]
fn pointers_that_lead_in_circles_are_refused() {
    let mut bytes = asked();
    bytes[2] |= 0x80;
    bytes[7] = 1;
    // An answer whose owner points at itself.
    bytes.extend([0xc0, bytes.len() as u8, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
    assert_eq!(said(&bytes), Reply::Malformed);
}

#[test]
fn addresses_have_names_of_their_own() {
    assert_eq!(reverse(ip("192.0.2.1")), name("1.2.0.192.in-addr.arpa"));
    assert_eq!(reverse(ip("::ffff:192.0.2.1")), name("1.2.0.192.in-addr.arpa"));
    let v6 = format!("1.{}8.b.d.0.1.0.0.2.ip6.arpa", "0.".repeat(23));
    assert_eq!(reverse(ip("2001:db8::1")), name(&v6));
    let owner = reverse(ip("192.0.2.1"));
    let query = query(ID, &owner, RecordType::Ptr, false);
    let bytes = answer(&query, RCODE::NoError, &[&format!("{owner} PTR one.example")]);
    let Reply::Answer(answer) = reply(&bytes, ID, &owner, RecordType::Ptr) else { panic!() };
    assert_eq!(answer.data, [Data::Name(name("one.example"))]);
}

/// Answers as servers give them, some bytes of them changed, some cut off.
fn mangled() -> impl Strategy<Value = Vec<u8>> {
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8);
    (changes, any::<Option<prop::sample::Index>>(), any::<bool>()).prop_map(
        |(changes, cut, keeps_head)| {
            let records = [
                "one.example CNAME two.example",
                "two.example A 192.0.2.1",
                "two.example AAAA 2001:db8::1",
                "1.2.0.192.in-addr.arpa PTR one.example",
            ];
            let mut bytes = final_answer(&asked(), &records);
            for (index, byte) in changes {
                let at = index.index(bytes.len());
                if !keeps_head || at >= 12 {
                    bytes[at] = byte;
                }
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            bytes
        },
    )
}

proptest! {
    #[test]
    fn no_message_makes_it_panic(
        bytes in prop_oneof![mangled(), proptest::collection::vec(any::<u8>(), 0..600)],
    ) {
        for kind in [RecordType::A, RecordType::Aaaa, RecordType::Ptr] {
            let reply = reply(&bytes, ID, &name(ASKED), kind);
            if let Reply::Answer(answer) = reply {
                let fits = |data: &Data| matches!((data, kind), (Data::Address(IpAddr::V4(_)), RecordType::A)
                    | (Data::Address(IpAddr::V6(_)), RecordType::Aaaa)
                    | (Data::Name(_), RecordType::Ptr));
                prop_assert!(answer.data.iter().all(fits));
            }
        }
    }

    #[test]
    fn bytes_behind_a_head_of_ours_do_not_make_it_panic(
        counts in any::<[u8; 4]>(),
        tail in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut bytes = asked();
        bytes[2] |= 0x80;
        for (index, count) in counts.into_iter().enumerate().skip(1) {
            bytes[5 + 2 * index] = count;
        }
        bytes.extend(tail);
        said(&bytes);
    }
}

#[test]
fn answers_of_the_crate_are_what_we_think() {
    // What the helpers above write is what a server would.
    let bytes = answer(&asked(), RCODE::NameError, &[]);
    assert_eq!(bytes[..4], [0x12, 0x34, 0x80, 3]);
    let packet = Packet::parse(&bytes).unwrap();
    assert!(packet.has_flags(PacketFlag::RESPONSE) && packet.questions.len() == 1);
}
