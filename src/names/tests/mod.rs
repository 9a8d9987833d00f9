//! Names without a network.

mod answers;
mod files;
mod lookups;
mod ordering;

use std::net::{IpAddr, SocketAddr};

use simple_dns::rdata::{A, AAAA, CNAME, PTR, RData, SOA};
use simple_dns::{CLASS, Name, Packet, PacketFlag, RCODE, ResourceRecord};

use super::DomainName;

pub(super) fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

pub(super) fn at(text: &str) -> SocketAddr {
    SocketAddr::new(ip(text), 53)
}

pub(super) fn name(text: &str) -> DomainName {
    DomainName::new(text).expect("a name")
}

/// A record of a test: `"one.example A 192.0.2.1"`, with 60 seconds to live.
fn record(text: &str) -> ResourceRecord<'static> {
    let words: Vec<_> = text.split(' ').collect();
    let [owner, kind, data] = words[..] else { panic!("three words are wanted: {text}") };
    let target = || Name::new_unchecked(data).into_owned();
    let rdata = match kind {
        "A" => RData::A(A { address: data.parse::<std::net::Ipv4Addr>().unwrap().to_bits() }),
        "AAAA" => {
            RData::AAAA(AAAA { address: data.parse::<std::net::Ipv6Addr>().unwrap().to_bits() })
        }
        "CNAME" => RData::CNAME(CNAME(target())),
        "PTR" => RData::PTR(PTR(target())),
        _ => panic!("{kind}"),
    };
    ResourceRecord::new(Name::new_unchecked(owner).into_owned(), CLASS::IN, 60, rdata)
}

/// What a server says to `query`: these records, and a code.
pub(super) fn answer(query: &[u8], code: RCODE, records: &[&str]) -> Vec<u8> {
    edited(query, |packet| {
        *packet.rcode_mut() = code;
        packet.answers.extend(records.iter().map(|text| record(text)));
    })
}

/// The same, with the zone's record that says that there is no more.
pub(super) fn final_answer(query: &[u8], records: &[&str]) -> Vec<u8> {
    edited(query, |packet| {
        packet.answers.extend(records.iter().map(|text| record(text)));
        let soa = SOA {
            mname: Name::new_unchecked("ns.example"),
            rname: Name::new_unchecked("root.example"),
            serial: 1,
            refresh: 1,
            retry: 1,
            expire: 1,
            minimum: 1,
        };
        let owner = Name::new_unchecked("example");
        packet.name_servers.push(ResourceRecord::new(owner, CLASS::IN, 60, RData::SOA(soa)));
    })
}

pub(super) fn truncated(query: &[u8]) -> Vec<u8> {
    edited(query, |packet| packet.set_flags(PacketFlag::TRUNCATION))
}

/// The answer to `query` that `edit` makes of an empty one.
pub(super) fn edited(query: &[u8], edit: impl FnOnce(&mut Packet<'_>)) -> Vec<u8> {
    let asked = Packet::parse(query).expect("a query of ours");
    let mut packet = Packet::new_reply(asked.id());
    packet.questions = asked.questions;
    edit(&mut packet);
    packet.build_bytes_vec_compressed().expect("a message")
}
