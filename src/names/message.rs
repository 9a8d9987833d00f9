//! What is sent to a server, and what did it say? RFC 1035 4; the crate `simple-dns` knows the bytes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use simple_dns::rdata::{OPT, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, Question, RCODE, TYPE, header_buffer};

use super::domain::DomainName;

/// How many aliases may lead to a name; more are taken for a circle.
pub(super) const MOST_ALIASES: usize = 16;
/// What we take over UDP where we say so: it fits into one packet of every path (RFC 8200 5).
const EDNS_PAYLOAD: u16 = 1232;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RecordType {
    A,
    Aaaa,
    Ptr,
}

impl RecordType {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Ptr => "PTR",
        }
    }

    fn on_the_wire(self) -> TYPE {
        match self {
            Self::A => TYPE::A,
            Self::Aaaa => TYPE::AAAA,
            Self::Ptr => TYPE::PTR,
        }
    }

    fn data(self, rdata: &RData<'_>) -> Option<Data> {
        match (self, rdata) {
            (Self::A, RData::A(a)) => Some(Data::Address(Ipv4Addr::from_bits(a.address).into())),
            (Self::Aaaa, RData::AAAA(aaaa)) => {
                Some(Data::Address(Ipv6Addr::from_bits(aaaa.address).into()))
            }
            (Self::Ptr, RData::PTR(name)) => domain(name).map(Data::Name),
            _ => None,
        }
    }
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    Address(IpAddr),
    Name(DomainName),
}

/// What was asked for is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) data: Vec<Data>,
    /// The name to which the aliases have led.
    pub(crate) canonical: DomainName,
    /// How long all of it holds, seconds.
    pub(crate) ttl: u32,
}

/// What a message of a server's means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// No answer to this question: somebody else's, late, or forged (RFC 5452 9.1).
    NotOurs,
    /// It has the number of our question and says nothing that can be understood.
    Malformed,
    /// It did not fit into a datagram (RFC 1035 4.2.1, RFC 2181 9).
    Truncated,
    /// The server cannot or will not tell: the RFC's name of that.
    Declined(&'static str),
    /// It does not understand what we have added to the question (RFC 6891 7).
    NotUnderstood,
    NoSuchName,
    NoRecord,
    /// Aliases lead to this name, of which the message says no more; what they hold for, and how
    /// many they were.
    Alias {
        target: DomainName,
        ttl: u32,
        hops: usize,
    },
    TooManyAliases,
    Answer(Answer),
}

/// The question, as it goes to a server.
pub(super) fn query(id: u16, name: &DomainName, kind: RecordType, edns: bool) -> Vec<u8> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = Name::new_unchecked(name.as_str());
    let question = Question::new(name, kind.on_the_wire().into(), CLASS::IN.into(), false);
    packet.questions.push(question);
    if edns {
        let opt = OPT { opt_codes: Vec::new(), udp_packet_size: EDNS_PAYLOAD, version: 0 };
        *packet.opt_mut() = Some(opt);
    }
    packet.build_bytes_vec().expect("a name that was checked can be written")
}

/// What `bytes` say to the question `id` for the records `kind` of `name`.
pub(super) fn reply(bytes: &[u8], id: u16, name: &DomainName, kind: RecordType) -> Reply {
    let ours = header_buffer::id(bytes) == Ok(id)
        && header_buffer::has_flags(bytes, PacketFlag::RESPONSE) == Ok(true);
    if !ours {
        return Reply::NotOurs;
    }
    // What was cut off may have been cut in the midst of a record, and is not looked at.
    let truncated = header_buffer::has_flags(bytes, PacketFlag::TRUNCATION) == Ok(true);
    let Ok(packet) = Packet::parse(bytes) else {
        return if truncated { Reply::Truncated } else { Reply::Malformed };
    };
    // A server that could not read the question need not repeat it.
    let declines = packet.rcode() != RCODE::NoError && packet.questions.is_empty();
    let repeats = match packet.questions.as_slice() {
        [question] => {
            question.qname == Name::new_unchecked(name.as_str())
                && question.qtype == kind.on_the_wire().into()
                && question.qclass == CLASS::IN.into()
        }
        _ => false,
    };
    if !repeats && !declines {
        return Reply::NotOurs;
    }
    if truncated {
        return Reply::Truncated;
    }
    match packet.rcode() {
        RCODE::NoError => records(&packet, name, kind),
        RCODE::NameError => Reply::NoSuchName,
        RCODE::FormatError | RCODE::BADVERS => Reply::NotUnderstood,
        RCODE::NotImplemented => Reply::Declined("NOTIMP"),
        RCODE::ServerFailure => Reply::Declined("SERVFAIL"),
        RCODE::Refused => Reply::Declined("REFUSED"),
        RCODE::NOTAUTH => Reply::Declined("NOTAUTH"),
        _ => Reply::Declined("an error of its own"),
    }
}

/// What the answer section says of `name`: aliases are followed as far as it has them (RFC 1034
/// 3.6.2), whatever their order.
fn records(packet: &Packet<'_>, name: &DomainName, kind: RecordType) -> Reply {
    let mut owner = Name::new_unchecked(name.as_str());
    let mut ttl = u32::MAX;
    for hops in 0..=MOST_ALIASES {
        let of_owner = || {
            let records = packet.answers.iter();
            records.filter(|record| record.class == CLASS::IN && record.name == owner)
        };
        let mut data = Vec::new();
        for record in of_owner() {
            if let Some(found) = kind.data(&record.rdata) {
                ttl = ttl.min(record.ttl);
                data.push(found);
            }
        }
        if !data.is_empty() {
            let Some(canonical) = domain(&owner) else { return Reply::Malformed };
            return Reply::Answer(Answer { data, canonical, ttl });
        }
        let alias = of_owner().find_map(|record| match &record.rdata {
            RData::CNAME(target) => Some((record.ttl, target.0.clone())),
            _ => None,
        });
        match alias {
            Some((holds, target)) => {
                ttl = ttl.min(holds);
                owner = target;
            }
            // Who has told all has told of the zone, too (RFC 2308 2.2).
            None if hops == 0 || has_soa(packet) => return Reply::NoRecord,
            None => {
                let target = domain(&owner);
                return target.map_or(Reply::Malformed, |target| Reply::Alias {
                    target,
                    ttl,
                    hops,
                });
            }
        }
    }
    Reply::TooManyAliases
}

fn has_soa(packet: &Packet<'_>) -> bool {
    packet.name_servers.iter().any(|record| matches!(record.rdata, RData::SOA(_)))
}

/// A name of a message, if it can be that of a host: anything can stand in a label (RFC 2181 11).
fn domain(name: &Name<'_>) -> Option<DomainName> {
    let mut text = String::new();
    for label in name.as_bytes() {
        if label.contains(&b'.') {
            return None;
        }
        text.push_str(std::str::from_utf8(label).ok()?);
        text.push('.');
    }
    DomainName::new(&text).ok()
}

/// Where the name of `address` stands (RFC 1035 3.5, RFC 3596 2.5).
pub(super) fn reverse(address: IpAddr) -> DomainName {
    let text = match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let mut text = String::new();
            for byte in v6.octets().iter().rev() {
                text.push_str(&format!("{:x}.{:x}.", byte & 15, byte >> 4));
            }
            text + "ip6.arpa"
        }
    };
    DomainName::new(&text).expect("numbers and dots are a name")
}
