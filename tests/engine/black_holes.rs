//! A path that drops large packets without a word (RFC 4821, RFC 8899).

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tuntcp::HostConfig;
use tuntcp::device::{Capabilities, Device, Offload, Received, memory, super_segment};
use tuntcp::engine::{Engine, Socket};
use tuntcp::time::Instant;

use crate::world::config_at;

/// What gets through, and what was sent.
#[derive(Default)]
struct Path {
    /// Larger packets than these are lost, bytes.
    takes: AtomicUsize,
    /// The length of every packet.
    seen: Mutex<Vec<usize>>,
}

struct Narrow<D>(D, Arc<Path>);

impl<D: Device> Device for Narrow<D> {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn receive(&self, now: Instant, frame: &mut [u8]) -> io::Result<Option<Received>> {
        self.0.receive(now, frame)
    }

    fn transmit(&self, now: Instant, frame: &[u8], offload: Offload) -> io::Result<()> {
        let segment = match offload {
            Offload::Tcp { segment } => Some(segment),
            Offload::None => None,
        };
        let mut result = Ok(());
        super_segment::cut(&mut frame.to_vec(), segment, |packet| {
            self.1.seen.lock().unwrap().push(packet.len());
            if packet.len() <= self.1.takes.load(Ordering::Relaxed) {
                result = self.0.transmit(now, packet, Offload::None);
            }
        });
        result
    }

    fn wait(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.0.wait(timeout)
    }

    fn wake(&self) {
        self.0.wake();
    }
}

/// Two engines on links of 1,500 bytes, and a path between them that takes less from the first on.
struct Lab {
    engines: [Arc<Engine>; 2],
    path: Arc<Path>,
    now: Instant,
    sent: usize,
    heard: usize,
}

const V4: [&str; 2] = ["192.0.2.2/24", "192.0.2.1/24"];
const V6: [&str; 2] = ["2001:db8::2/64", "2001:db8::1/64"];
const ALL: usize = 65_535;

fn byte(at: usize) -> u8 {
    (at % 251) as u8
}

impl Lab {
    fn new(hosts: [&str; 2], offload: bool, takes: usize) -> Self {
        Self::with(hosts, offload, takes, |_| {})
    }

    fn with(
        hosts: [&str; 2],
        offload: bool,
        takes: usize,
        change: impl Fn(&mut HostConfig),
    ) -> Self {
        let pair = if offload { memory::pair_with_offload } else { memory::pair };
        let (near, far) = pair(1500);
        let path = Arc::new(Path { takes: takes.into(), ..Path::default() });
        let [here, there] = hosts.map(|host| {
            let mut config = config_at(host);
            // No more than the cable holds.
            config.tcp.receive_buffer = (200 << 10).into();
            change(&mut config);
            config
        });
        let near = Narrow(near, Arc::clone(&path));
        let engines = [Engine::new(Box::new(near), here), Engine::new(Box::new(far), there)];
        Self { engines, path, now: Instant::ZERO, sent: 0, heard: 0 }
    }

    /// A connection from the first to the second.
    fn connected(&mut self) -> (Socket, Socket) {
        let there = self.engines[1].config().addresses[0].addr();
        let there = SocketAddr::new(there, 80);
        let listener = self.engines[1].listen(there, 1).unwrap();
        let client = self.engines[0].connect(self.now, None, there).unwrap();
        for _ in 0..3 {
            self.turn();
        }
        (client, listener.accept().unwrap().expect("it is open"))
    }

    /// Two milliseconds pass.
    fn turn(&mut self) {
        for engine in &self.engines {
            self.now += Duration::from_millis(1);
            engine.turn(self.now).unwrap();
        }
    }

    /// The first writes what it can for so long, the second reads it.
    fn talk(&mut self, from: &Socket, to: &Socket, time: Duration) {
        let end = self.now + time;
        let mut buffer = vec![0; 1 << 16];
        let mut next = self.now;
        while self.now < end {
            // Enough for probes, and few enough to be simulated soon.
            if self.now >= next && self.sent < self.heard + (100 << 10) {
                next = self.now + Duration::from_millis(50);
                let text: Vec<u8> = (self.sent..self.sent + 16_384).map(byte).collect();
                self.sent += from.write(self.now, &text).unwrap().unwrap_or(0);
            }
            self.turn();
            while let Some(count) = to.read(self.now, &mut buffer, false).unwrap() {
                let all = (self.heard..).map(byte);
                assert!(buffer[..count].iter().copied().eq(all.take(count)), "it is the text");
                self.heard += count;
            }
        }
    }

    /// Nothing is said for so long.
    fn pause(&mut self, time: Duration) {
        self.turn();
        self.now += time;
        self.turn();
    }

    /// The longest packet since it was asked last.
    fn longest(&self) -> usize {
        std::mem::take(&mut *self.path.seen.lock().unwrap()).into_iter().max().unwrap_or(0)
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// RFC 4821 7.1, 7.6.1, 7.7; 10.1: what goes through is found, and found closely; probes carry text.
/// Proves: RFC4821-7.1, RFC4821-7.6.1, RFC4821-7.7, RFC4821-10.1.
#[test]
fn a_transfer_finds_its_way_past_a_black_hole() {
    for (hosts, takes) in [(V4, 1400), (V4, 1056), (V4, 1024), (V4, 600), (V6, 1400), (V6, 1280)] {
        for offload in [false, takes == 1400] {
            let mut lab = Lab::new(hosts, offload, takes);
            let (client, server) = lab.connected();
            lab.talk(&client, &server, 40 * SECOND);
            let found = client.info(lab.now).path_mtu as usize;
            let name = format!("{hosts:?}, {takes}, {offload}: {found}");
            assert!(lab.heard > 1 << 20, "{name}, {} bytes", lab.heard);
            assert!((takes - 16..=takes).contains(&found), "{name}");
            assert!(lab.longest() <= 1500, "{name}");
        }
    }
}

#[test]
fn who_does_not_probe_stays_in_it() {
    let mut lab = Lab::with(V4, false, 1400, |config| config.tcp.mtu_probing = false);
    let (client, server) = lab.connected();
    lab.talk(&client, &server, 40 * SECOND);
    assert_eq!(lab.heard, 0);
    assert_eq!(client.info(lab.now).path_mtu, 1500);
}

/// Nothing got through, whatever its size: the first probe shows that it was no black hole.
#[test]
fn silence_is_no_black_hole() {
    for offload in [false, true] {
        let mut lab = Lab::new(V4, offload, ALL);
        let (client, server) = lab.connected();
        lab.talk(&client, &server, SECOND);
        lab.path.takes.store(0, Ordering::Relaxed);
        lab.talk(&client, &server, 8 * SECOND);
        assert_eq!(client.info(lab.now).path_mtu, 552);
        lab.path.takes.store(ALL, Ordering::Relaxed);
        lab.talk(&client, &server, 12 * SECOND);
        assert_eq!(client.info(lab.now).path_mtu, 1500);
        assert!(lab.heard > 1 << 20);
    }
}

/// A segment that was small already is no sign of one.
#[test]
fn small_segments_vanish_for_other_reasons() {
    let mut lab = Lab::new(V4, false, ALL);
    let (client, _server) = lab.connected();
    lab.path.takes.store(0, Ordering::Relaxed);
    client.write(lab.now, &[7; 500]).unwrap();
    for _ in 0..10_000 {
        lab.turn();
    }
    let info = client.info(lab.now);
    assert!(info.rto_expirations > 3);
    assert_eq!(info.path_mtu, 1500);
}

/// A lost probe says nothing of congestion, and a larger MTU is no larger window.
/// Proves: RFC4821-7.6.2, RFC4821-4-cwnd, RFC8899-3-c.
#[test]
fn probes_are_no_congestion() {
    for algorithm in ["reno", "cubic"] {
        for sack in [true, false] {
            let mut lab = Lab::with(V4, false, 1400, |config| {
                config.tcp.congestion = algorithm.parse().unwrap();
                config.tcp.sack = sack;
            });
            let (client, server) = lab.connected();
            while client.info(lab.now).path_mtu == 1500 {
                lab.talk(&client, &server, Duration::from_millis(10));
            }
            lab.longest();
            while lab.longest() < 1500 {
                lab.talk(&client, &server, Duration::from_millis(10));
            }
            let before = client.info(lab.now);
            lab.talk(&client, &server, 40 * SECOND);
            let after = client.info(lab.now);
            let name = format!("{algorithm}, {sack}");
            assert!(after.path_mtu > before.path_mtu, "{name}");
            assert_eq!(after.ssthresh, before.ssthresh, "{name}");
            assert_eq!(after.rto_expirations, before.rto_expirations, "{name}");
            assert!(after.retransmissions > before.retransmissions, "{name}: probes were lost");
        }
    }
}

/// RFC 4821 7.3: once it is found, larger packets are tried again after a while, and then it may be
/// over. Proves: RFC4821-7.3.
#[test]
fn what_is_found_stays_for_a_while() {
    let mut lab = Lab::new(V4, false, 1400);
    let (client, server) = lab.connected();
    lab.talk(&client, &server, 40 * SECOND);
    let found = client.info(lab.now).path_mtu as usize;
    lab.longest();
    for _ in 0..5 {
        lab.pause(100 * SECOND);
        lab.talk(&client, &server, SECOND);
        assert_eq!(lab.longest(), found);
    }
    lab.path.takes.store(ALL, Ordering::Relaxed);
    lab.pause(100 * SECOND);
    lab.talk(&client, &server, SECOND);
    assert_eq!((lab.longest(), client.info(lab.now).path_mtu), (1500, 1500));
}
