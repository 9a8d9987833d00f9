//! What is a packet: its IP header, its protocol, and what it holds when that is not TCP?

use std::net::IpAddr;

use super::super::lex::Kind;
use super::super::script::{
    BodySpec, Ecn, Endpoint, IcmpSpec, IpSpec, OptionsSpec, PacketSpec, Quoted, UdpSpec, Way,
};
use super::super::source::Mistake;
use super::cursor::Cursor;
use super::tcp;

/// Protocols that a script may name and that this runner does not speak; `addr[...]` names an
/// address of a multipath connection.
const STRANGERS: [&str; 4] = ["sctp", "udplite", "dccp", "addr"];

/// The code points of RFC 2474 and those that have got a name since.
const DSCP: [(&str, u8); 23] = [
    ("cs0", 0),
    ("cs1", 8),
    ("cs2", 16),
    ("cs3", 24),
    ("cs4", 32),
    ("cs5", 40),
    ("cs6", 48),
    ("cs7", 56),
    ("af11", 10),
    ("af12", 12),
    ("af13", 14),
    ("af21", 18),
    ("af22", 20),
    ("af23", 22),
    ("af31", 26),
    ("af32", 28),
    ("af33", 30),
    ("af41", 34),
    ("af42", 36),
    ("af43", 38),
    ("ef", 46),
    ("voice-admit", 44),
    ("le", 1),
];

/// From `<` or `>` on.
pub(super) fn packet(cursor: &mut Cursor) -> Result<PacketSpec, Mistake> {
    let way = if cursor.eat('<') { Way::In } else { Way::Out };
    if way == Way::Out {
        cursor.expect('>')?;
    }
    let mut ip = IpSpec::default();
    encapsulation(cursor, &mut ip)?;
    let quoted = annotations(cursor, &mut ip)?;
    let mut packet = PacketSpec {
        way,
        ip,
        addresses: addresses(cursor)?,
        ports: ports(cursor)?,
        body: BodySpec::Other(String::new()),
    };
    if cursor.is('>') && cursor.ahead(1).text == "addr" {
        cursor.advance();
    }
    let protocol = cursor.token().text.clone();
    packet.body = match protocol.as_str() {
        "udp" if *cursor.kind() == Kind::Word => {
            cursor.advance();
            let behind = ports(cursor)?;
            packet.ports = packet.ports.or(behind);
            BodySpec::Udp(UdpSpec { len: length(cursor)? })
        }
        "icmp" | "icmpv6" => {
            cursor.advance();
            BodySpec::Icmp(icmp(cursor, quoted)?)
        }
        _ if STRANGERS.contains(&protocol.as_str()) => {
            cursor.advance();
            cursor.skip_statement()?;
            BodySpec::Other(protocol)
        }
        _ => BodySpec::Tcp(tcp::tcp(cursor)?),
    };
    Ok(packet)
}

/// What of a packet is left open, said as a reason why it cannot be sent.
pub(super) fn left_open(packet: &PacketSpec) -> Option<&'static str> {
    if packet.ip.ecn == Some(Ecn::Ect01) {
        return Some("ect01 leaves open what is to be sent");
    }
    let BodySpec::Tcp(tcp) = &packet.body else { return None };
    if tcp.options == OptionsSpec::Any {
        return Some("<...> leaves open what is to be sent");
    }
    let open = tcp.any_flags || tcp.any_seq || tcp.any_timestamp || tcp.any_echo;
    open.then_some("... leaves open what is to be sent")
}

/// `ipv4 1.2.3.4 > 5.6.7.8: gre: ...`
fn encapsulation(cursor: &mut Cursor, ip: &mut IpSpec) -> Result<(), Mistake> {
    const OUTER: [&str; 6] = ["ipv4", "ipv6", "gre", "GREv0", "mpls", "psp"];
    if cursor.is_word("encap") {
        let start = cursor.position();
        cursor.advance();
        cursor.advance();
        // `spi 12, vc 0x1`, and no colon.
        while cursor.eat_word("spi") || cursor.eat_word("vc") {
            cursor.number::<i64>("a field's value")?;
            cursor.eat(',');
        }
        ip.encapsulation.push(cursor.raw(start, cursor.position()));
    }
    while OUTER.contains(&cursor.token().text.as_str()) && *cursor.kind() == Kind::Word {
        let start = cursor.position();
        while !cursor.is(':') {
            if cursor.is_end() {
                return Err(cursor.mistake("':' is missing"));
            }
            cursor.skip_balanced()?;
        }
        ip.encapsulation.push(cursor.raw(start, cursor.position()));
        cursor.advance();
    }
    Ok(())
}

/// `[ect0]`, `(tos 0x28, ttl 64)`, and the quoted packet that older scripts put here.
fn annotations(cursor: &mut Cursor, ip: &mut IpSpec) -> Result<Option<Quoted>, Mistake> {
    let mut found = None;
    loop {
        let close = match cursor.kind() {
            Kind::Punct('[') if quotes(cursor) => {
                found = Some(quoted(cursor)?);
                continue;
            }
            // `[2001:db8::1]:80`
            Kind::Punct('[') if matches!(cursor.ahead(1).kind, Kind::Address(_)) => {
                return Ok(found);
            }
            Kind::Punct('[') => ']',
            Kind::Punct('(') => ')',
            _ => return Ok(found),
        };
        cursor.advance();
        while !cursor.eat(close) {
            annotation(cursor, ip)?;
            if !cursor.is(close) {
                cursor.eat(',');
            }
        }
    }
}

fn quotes(cursor: &Cursor) -> bool {
    let (first, second) = (cursor.ahead(1), &cursor.ahead(2).kind);
    match first.kind {
        Kind::Int(_) | Kind::Ellipsis => true,
        Kind::Word => *second == Kind::Punct('('),
        _ => false,
    }
}

fn annotation(cursor: &mut Cursor, ip: &mut IpSpec) -> Result<(), Mistake> {
    if *cursor.kind() != Kind::Word {
        return Err(cursor.mistake("an annotation of the IP header is missing"));
    }
    let position = cursor.position();
    let name = cursor.advance().text;
    match name.as_str() {
        "ecn" => {
            let name = cursor.advance().text;
            ip.ecn = Some(ecn(&name).ok_or_else(|| unknown(cursor, position + 1))?);
        }
        "tos" | "class" => ip.tos = Some(cursor.number("a traffic class")?),
        "ttl" | "hlim" => ip.ttl = Some(cursor.number("a time to live")?),
        "id" => ip.id = Some(cursor.number("an identification")?),
        "flowlabel" => {
            let label = cursor.number("a flow label")?;
            if label > 0xf_ffff {
                return Err(cursor.mistake_at(position + 1, "a flow label is out of range"));
            }
            ip.flow_label = Some(label);
        }
        "dscp" => ip.dscp = Some(dscp(cursor)?),
        "DF" | "df" if cursor.is_number() => ip.df = Some(cursor.number::<u8>("DF")? != 0),
        "DF" | "df" => ip.df = Some(true),
        "noDF" | "nodf" => ip.df = Some(false),
        name => ip.ecn = Some(ecn(name).ok_or_else(|| unknown(cursor, position))?),
    }
    Ok(())
}

fn unknown(cursor: &Cursor, position: usize) -> Mistake {
    cursor.mistake_at(position, "no such annotation of the IP header")
}

fn ecn(name: &str) -> Option<Ecn> {
    Some(match name {
        "noecn" => Ecn::NotEct,
        "ect0" => Ecn::Ect0,
        "ect1" => Ecn::Ect1,
        "ect01" => Ecn::Ect01,
        "ce" => Ecn::Ce,
        _ => return None,
    })
}

fn dscp(cursor: &mut Cursor) -> Result<u8, Mistake> {
    let position = cursor.position();
    let value = if cursor.is_number() {
        cursor.number::<u8>("a code point")?
    } else {
        let mut name = cursor.advance().text;
        if cursor.is('-') {
            cursor.advance();
            name = format!("{name}-{}", cursor.advance().text);
        }
        let known = DSCP.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name));
        known.map_or(u8::MAX, |&(_, value)| value)
    };
    let fits = value < 64;
    fits.then_some(value).ok_or_else(|| cursor.mistake_at(position, "no such code point"))
}

/// `1.2.3.4:80 > 5.6.7.8:90`
fn addresses(cursor: &mut Cursor) -> Result<Option<(Endpoint, Endpoint)>, Mistake> {
    let bracketed = cursor.is('[') && matches!(cursor.ahead(1).kind, Kind::Address(_));
    if !bracketed && !matches!(cursor.kind(), Kind::Address(_)) {
        return Ok(None);
    }
    let source = endpoint(cursor)?;
    cursor.expect('>')?;
    let destination = endpoint(cursor)?;
    cursor.eat(':');
    Ok(Some((source, destination)))
}

fn endpoint(cursor: &mut Cursor) -> Result<Endpoint, Mistake> {
    let bracketed = cursor.eat('[');
    let address: IpAddr = match *cursor.kind() {
        Kind::Address(address) => address,
        _ => return Err(cursor.mistake("an address is missing")),
    };
    cursor.advance();
    if bracketed {
        cursor.expect(']')?;
    }
    cursor.expect(':')?;
    Ok(Endpoint { address, port: cursor.number("a port")? })
}

/// `80 > 8080`
fn ports(cursor: &mut Cursor) -> Result<Option<(u16, u16)>, Mistake> {
    if !matches!(cursor.kind(), Kind::Int(_)) || cursor.ahead(1).kind != Kind::Punct('>') {
        return Ok(None);
    }
    let source = cursor.number("a port")?;
    cursor.expect('>')?;
    Ok(Some((source, cursor.number("a port")?)))
}

/// `(1000)`
fn length(cursor: &mut Cursor) -> Result<u32, Mistake> {
    cursor.expect('(')?;
    let length: u16 = cursor.number("a length")?;
    cursor.expect(')')?;
    Ok(u32::from(length))
}

/// Behind `icmp`.
fn icmp(cursor: &mut Cursor, quoted_before: Option<Quoted>) -> Result<IcmpSpec, Mistake> {
    if *cursor.kind() != Kind::Word && !matches!(cursor.kind(), Kind::Int(_)) {
        return Err(cursor.mistake("an ICMP type is missing"));
    }
    let kind = cursor.advance().text;
    let mut icmp = IcmpSpec {
        kind,
        code: None,
        mtu: None,
        id: None,
        sequence: None,
        len: None,
        quoted: quoted_before,
    };
    loop {
        if cursor.eat_word("mtu") {
            icmp.mtu = Some(cursor.number("an MTU")?);
        } else if cursor.eat_word("id") {
            icmp.id = Some(cursor.number("an identifier")?);
        } else if cursor.eat_word("seq") {
            icmp.sequence = Some(cursor.number("a sequence number")?);
        } else if cursor.is('(') {
            icmp.len = Some(length(cursor)?);
        } else if cursor.is('[') {
            icmp.quoted = Some(quoted(cursor)?);
        } else if icmp.code.is_none() && is_code(cursor) {
            icmp.code = Some(cursor.advance().text);
        } else {
            return Ok(icmp);
        }
    }
}

/// Whether an ICMP code follows: a word, or a number that is not the time of the next statement.
fn is_code(cursor: &Cursor) -> bool {
    match cursor.kind() {
        Kind::Word => true,
        Kind::Int(_) => !cursor.token().leads,
        _ => false,
    }
}

/// `[1:1001(1000)]`, `[udp (1000)]`
fn quoted(cursor: &mut Cursor) -> Result<Quoted, Mistake> {
    cursor.expect('[')?;
    let start = cursor.position();
    let quoted = if cursor.eat_word("udp") {
        Quoted::Udp { len: length(cursor)? }
    } else if *cursor.kind() == Kind::Word || *cursor.kind() == Kind::Ellipsis {
        Quoted::Other(String::new())
    } else {
        let sequence = tcp::sequence(cursor)?;
        Quoted::Tcp { seq: sequence.first, len: sequence.len }
    };
    // What may stand behind it (the UDP header around it, say) is nothing to us.
    while !cursor.is(']') {
        cursor.skip_balanced()?;
    }
    let text = cursor.raw(start, cursor.position());
    cursor.advance();
    Ok(if matches!(quoted, Quoted::Other(_)) { Quoted::Other(text) } else { quoted })
}
