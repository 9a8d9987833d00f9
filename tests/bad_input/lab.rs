//! One host of ours in virtual time, and a peer that the test plays by hand.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tuntcp::HostConfig;
use tuntcp::engine::{Listener, Socket};
use tuntcp::sim::{Direction, HostId, Network};
use tuntcp::tcp::{Discard, Shutdown, State};
use tuntcp::time::Instant;
use tuntcp::trace::Dropped;
use tuntcp::wire::{Body, Malformed, Packet, SeqNum};

use crate::craft::{ACK, Craft, FIN, SYN};

pub(crate) const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub(crate) const PEER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
const FRIEND: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
pub(crate) const PORT: u16 = 7;

/// The host's receive buffer, and so its window: less than one frame carries.
pub(crate) const WINDOW: u32 = 1000;

/// Where the peer's sequence numbers begin: close to the end of the circle.
pub(crate) const PEER_ISS: u32 = u32::MAX - 500;

/// A segment that the host has sent.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) port: u16,
    pub(crate) seq: u32,
    pub(crate) ack: Option<u32>,
    pub(crate) len: usize,
}

/// The laboratory.
pub(crate) struct Lab {
    pub(crate) net: Network,
    host: HostId,
    friend: HostId,
    pub(crate) listener: Listener,
    heard: Rc<RefCell<Vec<Heard>>>,
    next_port: u16,
}

/// One connection, as the peer sees it.
pub(crate) struct Patient {
    pub(crate) socket: Option<Socket>,
    pub(crate) port: u16,
    /// The host's SND.UNA and SND.NXT.
    pub(crate) una: u32,
    pub(crate) nxt: u32,
    /// The host's RCV.NXT.
    pub(crate) expects: u32,
    /// The port of the host.
    pub(crate) local_port: u16,
}

/// Everything that is counted when a frame is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tally(pub(crate) Vec<(String, u64)>);

impl Tally {
    pub(crate) fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    pub(crate) fn count(&self, name: &str) -> u64 {
        self.0.iter().find(|(known, _)| known == name).map_or(0, |(_, count)| *count)
    }

    /// What has been counted since `before`.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let grown = self.0.iter().map(|(name, count)| (name.clone(), count - before.count(name)));
        Self(grown.filter(|(_, count)| *count > 0).collect())
    }
}

impl Lab {
    pub(crate) fn new() -> Self {
        let mut net = Network::new(1);
        net.keep_log(30);
        let config = |address: Ipv4Addr| {
            let mut config = HostConfig::new(vec![ipnet::IpNet::new(address.into(), 24).unwrap()]);
            config.tcp.receive_buffer = (WINDOW as usize).into();
            config
        };
        let host = net.add_host(config(HOST), 1500);
        let friend = net.add_host(config(FRIEND), 1500);
        let listener = net.engine(host).listen(SocketAddr::from((HOST, PORT)), 1024).unwrap();
        let heard = Rc::new(RefCell::new(Vec::new()));
        let ears = Rc::clone(&heard);
        net.tap(move |seen| {
            if seen.direction == Direction::Sent && seen.host == host {
                let packet = Packet::parse(seen.frame, false).expect("the host sends good frames");
                if let Body::Tcp(flow, segment) = packet.body {
                    ears.borrow_mut().push(Heard {
                        port: flow.local.port(),
                        seq: segment.seq.raw(),
                        ack: segment.ack.map(SeqNum::raw),
                        len: segment.payload.len(),
                    });
                }
            }
        });
        let mut lab = Self { net, host, friend, listener, heard, next_port: 1024 };
        lab.settle();
        lab
    }

    /// Lets everything happen that happens now.
    pub(crate) fn settle(&mut self) {
        self.net.run_until(self.net.now()).unwrap();
    }

    pub(crate) fn wait(&mut self, time: Duration) {
        self.net.run_until(self.net.now() + time).unwrap();
    }

    pub(crate) fn now(&self) -> Instant {
        self.net.now()
    }

    /// What the host has sent since the last call.
    pub(crate) fn hear(&mut self) -> Vec<Heard> {
        std::mem::take(&mut *self.heard.borrow_mut())
    }

    pub(crate) fn inject(&mut self, frame: &[u8]) {
        self.net.inject(self.host, frame);
        self.settle();
    }

    pub(crate) fn connections(&self) -> usize {
        self.net.engine(self.host).connections()
    }

    pub(crate) fn frames_in(&self) -> u64 {
        let counters = self.net.engine(self.host).counters();
        counters.frames_in.load(std::sync::atomic::Ordering::Relaxed)
    }

    pub(crate) fn tally(&self) -> Tally {
        let counters = self.net.engine(self.host).counters();
        let malformed = Malformed::ALL.map(|why| (format!("{why:?}"), counters.malformed(why)));
        let discards = Discard::ALL.map(|why| (format!("{why:?}"), counters.discarded(why)));
        let drops = Dropped::ALL.map(|why| (format!("{why:?}"), counters.dropped(why)));
        Tally(malformed.into_iter().chain(discards).chain(drops).collect())
    }

    /// A segment from the peer's `port` to the listener.
    pub(crate) fn craft(&self, port: u16) -> Craft {
        Craft {
            source: PEER,
            destination: HOST,
            ports: (port, PORT),
            seq: 0,
            ack: 0,
            flags: 0,
            window: 20_000,
            urgent: 0,
            options: Vec::new(),
            payload: Vec::new(),
        }
    }

    /// A port that the peer has not used yet.
    pub(crate) fn fresh_port(&mut self) -> u16 {
        self.next_port += 1;
        self.next_port
    }

    /// A new connection in `state`; `None` is LISTEN: no connection yet.
    ///
    /// From ESTABLISHED on the host has sent 1,000 bytes that are acknowledged, and, unless its
    /// FIN is acknowledged too, 500 that are not.
    pub(crate) fn reach(&mut self, state: Option<State>) -> Patient {
        let port = self.fresh_port();
        self.hear();
        let mut patient = match state {
            None => Patient::stranger(port),
            Some(State::SynSent) => self.reach_syn_sent(port),
            Some(State::SynReceived) => self.reach_syn_received(port),
            Some(_) => self.reach_open(port),
        };
        match state {
            Some(State::FinWait1) => self.host_closes(&mut patient),
            Some(State::FinWait2) => self.host_closes_acknowledged(&mut patient),
            Some(State::CloseWait) => self.peer_closes(&mut patient),
            Some(State::Closing) => {
                self.host_closes(&mut patient);
                self.peer_closes(&mut patient);
            }
            Some(State::LastAck) => {
                self.peer_closes(&mut patient);
                self.host_closes(&mut patient);
            }
            Some(State::TimeWait) => {
                self.host_closes_acknowledged(&mut patient);
                self.peer_closes(&mut patient);
            }
            _ => {}
        }
        if let (Some(socket), Some(state)) = (&patient.socket, state) {
            assert_eq!(socket.info(self.now()).state, state, "the laboratory is built wrong");
        }
        self.hear();
        patient
    }

    fn reach_syn_sent(&mut self, port: u16) -> Patient {
        let engine = self.net.engine(self.host);
        let remote = SocketAddr::from((PEER, port));
        let socket = engine.connect(self.net.now(), None, remote).unwrap();
        self.settle();
        let syn = self.hear().pop().expect("a SYN");
        Patient {
            local_port: syn_port(&socket),
            socket: Some(socket),
            una: syn.seq,
            nxt: syn.seq.wrapping_add(1),
            expects: PEER_ISS.wrapping_add(1),
            port,
        }
    }

    fn reach_syn_received(&mut self, port: u16) -> Patient {
        self.inject(&Craft { seq: PEER_ISS, flags: SYN, ..self.craft(port) }.frame());
        let answer = self.hear().pop().expect("a SYN-ACK");
        assert_eq!(answer.ack, Some(PEER_ISS.wrapping_add(1)));
        Patient {
            una: answer.seq,
            nxt: answer.seq.wrapping_add(1),
            expects: PEER_ISS.wrapping_add(1),
            ..Patient::stranger(port)
        }
    }

    fn reach_open(&mut self, port: u16) -> Patient {
        let mut patient = self.reach_syn_received(port);
        self.acknowledge(&mut patient, 1);
        let socket = self.listener.accept().unwrap().expect("a connection");
        socket.set_nodelay(self.now(), true);
        assert_eq!(socket.write(self.now(), &[b'a'; 1000]), Ok(Some(1000)));
        patient.nxt = patient.nxt.wrapping_add(1000);
        self.settle();
        self.acknowledge(&mut patient, 1000);
        assert_eq!(socket.write(self.now(), &[b'b'; 500]), Ok(Some(500)));
        patient.nxt = patient.nxt.wrapping_add(500);
        self.settle();
        patient.socket = Some(socket);
        patient
    }

    /// The peer acknowledges `count` more.
    pub(crate) fn acknowledge(&mut self, patient: &mut Patient, count: u32) {
        patient.una = patient.una.wrapping_add(count);
        let ack = self.in_order(patient);
        self.inject(&ack.frame());
    }

    /// A plain ACK of the peer, in order.
    pub(crate) fn in_order(&self, patient: &Patient) -> Craft {
        Craft {
            seq: patient.expects,
            ack: patient.una,
            flags: ACK,
            ports: (patient.port, patient.local_port),
            ..self.craft(patient.port)
        }
    }

    fn host_closes(&mut self, patient: &mut Patient) {
        let socket = patient.socket.as_ref().expect("open");
        socket.shutdown(self.net.now(), Shutdown::Write).unwrap();
        patient.nxt = patient.nxt.wrapping_add(1);
        self.settle();
    }

    fn host_closes_acknowledged(&mut self, patient: &mut Patient) {
        self.host_closes(patient);
        self.acknowledge(patient, 501);
    }

    fn peer_closes(&mut self, patient: &mut Patient) {
        let fin = Craft { flags: FIN | ACK, ..self.in_order(patient) };
        patient.expects = patient.expects.wrapping_add(1);
        self.inject(&fin.frame());
    }

    /// Two hosts of ours still talk over the same engine: 20,000 bytes each way.
    pub(crate) fn still_works(&mut self) {
        let server = self.net.engine(self.host).clone();
        let listener = server.listen(SocketAddr::from((HOST, 8)), 1).unwrap();
        let remote = SocketAddr::from((HOST, 8));
        let client = self.net.engine(self.friend).connect(self.now(), None, remote).unwrap();
        let mut accepted = None;
        let text: Vec<u8> = (0..20_000u32).map(|n| n.to_le_bytes()[0] ^ 0x5a).collect();
        let mut sent = [0; 2];
        let mut got = [Vec::new(), Vec::new()];
        let end = self.now() + Duration::from_secs(60);
        while got.iter().any(|got| got.len() < text.len()) {
            accepted = accepted.or_else(|| listener.accept().unwrap());
            let ends = [Some(&client), accepted.as_ref()];
            let mut piece = [0; 4000];
            for (index, end) in ends.into_iter().enumerate() {
                let Some(socket) = end else { continue };
                if let Some(taken) = socket.write(self.now(), &text[sent[index]..]).unwrap() {
                    sent[index] += taken;
                }
                while let Some(count) = socket.read(self.now(), &mut piece, false).unwrap() {
                    got[index].extend_from_slice(&piece[..count]);
                }
            }
            assert!(self.now() < end, "a clean transfer takes too long");
            assert!(self.net.step().unwrap(), "a clean transfer stands still");
        }
        assert!(got.iter().all(|got| *got == text), "a clean transfer arrives unchanged");
    }
}

fn syn_port(socket: &Socket) -> u16 {
    socket.local_addr().port()
}

impl Patient {
    fn stranger(port: u16) -> Self {
        Self {
            socket: None,
            port,
            una: 0,
            nxt: 0,
            expects: PEER_ISS.wrapping_add(1),
            local_port: PORT,
        }
    }
}
