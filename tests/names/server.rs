//! A small name server on our own sockets.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::thread;

use simple_dns::rdata::{A, AAAA, CNAME, PTR, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE};
use tuntcp::{Host, TcpListener, TcpStream, UdpSocket};

/// What is asked of it, in order: `A one.example`, or `A one.example over TCP`.
pub(crate) type Asked = Arc<Mutex<Vec<String>>>;

/// Starts a name server at `at` that knows `zone`: a line a record, `one.example A 192.0.2.1`; or what
/// goes wrong with a name, `bad.example SERVFAIL` or `REFUSED`, `mute.example SILENCE`. It ends with
/// its host.
pub(crate) fn start(host: &Host, at: SocketAddr, zone: &str) -> Asked {
    let zone: Arc<Zone> = Arc::new(zone.lines().map(line).collect());
    let asked = Asked::default();
    let datagrams = UdpSocket::bind(host, at).expect("a free port");
    let listener = TcpListener::bind(host, at).expect("a free port");
    {
        let (zone, asked) = (Arc::clone(&zone), Arc::clone(&asked));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok((len, from)) = datagrams.recv_from(&mut bytes) {
                if let Some(answer) = respond(&zone, &bytes[..len], false, &asked) {
                    let _ = datagrams.send_to(&answer, from);
                }
            }
        });
    }
    let streams = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // A client that is gone is nobody's loss.
            let _ = serve(stream, &zone, &streams);
        }
    });
    asked
}

type Zone = Vec<Vec<String>>;

fn line(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Questions of one client, each with its length in front of it.
fn serve(mut stream: TcpStream, zone: &Zone, asked: &Asked) -> io::Result<()> {
    loop {
        let mut len = [0; 2];
        stream.read_exact(&mut len)?;
        let mut bytes = vec![0; u16::from_be_bytes(len).into()];
        stream.read_exact(&mut bytes)?;
        if let Some(answer) = respond(zone, &bytes, true, asked) {
            let len = u16::try_from(answer.len()).expect("short enough");
            stream.write_all(&[&len.to_be_bytes(), answer.as_slice()].concat())?;
        }
    }
}

fn respond(zone: &Zone, query: &[u8], stream: bool, asked: &Asked) -> Option<Vec<u8>> {
    let query = Packet::parse(query).ok()?;
    let question = query.questions.first()?.clone();
    let name = question.qname.to_string().to_ascii_lowercase();
    let QTYPE::TYPE(kind) = question.qtype else { return None };
    let over = if stream { " over TCP" } else { "" };
    asked.lock().unwrap().push(format!("{} {name}{over}", word(kind)));

    let mut reply = Packet::new_reply(query.id());
    reply.set_flags(PacketFlag::RECURSION_AVAILABLE);
    reply.questions.push(question);
    let limit = query.opt().map_or(512, |opt| usize::from(opt.udp_packet_size).max(512));
    *reply.rcode_mut() = code(zone, &name)?;
    let mut owner = name;
    loop {
        let of_owner = || zone.iter().filter(|line| line[0] == owner && line.len() == 3);
        let wanted = of_owner().filter(|line| line[1] == word(kind));
        reply.answers.extend(wanted.map(|line| record(line)));
        let Some(alias) = of_owner().find(|line| line[1] == "CNAME") else { break };
        reply.answers.push(record(alias));
        if reply.answers.len() > 40 {
            break;
        }
        owner = alias[2].clone();
    }
    let bytes = reply.build_bytes_vec_compressed().expect("a message");
    if stream || bytes.len() <= limit {
        return Some(bytes);
    }
    reply.answers.clear();
    reply.set_flags(PacketFlag::TRUNCATION);
    Some(reply.build_bytes_vec_compressed().expect("a message"))
}

/// `None`: no answer at all.
fn code(zone: &Zone, name: &str) -> Option<RCODE> {
    let mut of_name = zone.iter().filter(|line| line[0] == name);
    match of_name.next() {
        None => Some(RCODE::NameError),
        Some(line) => match line[1].as_str() {
            "SERVFAIL" => Some(RCODE::ServerFailure),
            "REFUSED" => Some(RCODE::Refused),
            "SILENCE" => None,
            _ => Some(RCODE::NoError),
        },
    }
}

fn word(kind: TYPE) -> String {
    format!("{kind:?}")
}

fn record(line: &[String]) -> ResourceRecord<'static> {
    let [owner, kind, data] = line else { panic!("{line:?}") };
    let target = || Name::new(data).expect("a name").into_owned();
    let rdata = match kind.as_str() {
        "A" => RData::A(A { address: data.parse::<Ipv4Addr>().expect("an address").to_bits() }),
        "AAAA" => {
            RData::AAAA(AAAA { address: data.parse::<Ipv6Addr>().expect("an address").to_bits() })
        }
        "CNAME" => RData::CNAME(CNAME(target())),
        "PTR" => RData::PTR(PTR(target())),
        _ => panic!("{kind}"),
    };
    let owner = Name::new(owner).expect("a name").into_owned();
    ResourceRecord::new(owner, CLASS::IN, 60, rdata)
}
