//! Buffers that tune themselves: a path is filled without a setting, and no more is held than that
//! takes.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tuntcp::HostConfig;
use tuntcp::engine::{Engine, Socket};
use tuntcp::sim::{App, HostId, Network, Next};
use tuntcp::tcp::{Config, Info};
use tuntcp::time::Instant;

use crate::world::{PORT, address, seconds, socket_address, spec};

/// Writes without end.
struct Source(Rc<Socket>);

impl App for Source {
    fn poll(&mut self, now: Instant, _engine: &Arc<Engine>) -> Next {
        let piece = [7; 64 << 10];
        while let Ok(Some(_)) = self.0.write(now, &piece) {}
        Next::OnEvent
    }
}

/// Reads all there is, or `some` bytes after every pause.
struct Sink {
    socket: Rc<Socket>,
    pause: Option<Duration>,
    some: usize,
    due: Instant,
    got: Rc<Cell<u64>>,
}

impl App for Sink {
    fn poll(&mut self, now: Instant, _engine: &Arc<Engine>) -> Next {
        let mut buffer = vec![0; self.some];
        let count = &self.got;
        let Some(pause) = self.pause else {
            while let Ok(Some(more)) = self.socket.read(now, &mut buffer, false) {
                count.set(count.get() + more as u64);
            }
            return Next::OnEvent;
        };
        if self.due.is_due(now) {
            self.due = now + pause;
            if let Ok(Some(more)) = self.socket.read(now, &mut buffer, false) {
                count.set(count.get() + more as u64);
            }
        }
        Next::At(self.due)
    }
}

/// One flow between two hosts.
struct Flow {
    net: Network,
    near: Rc<Socket>,
    far: Rc<Socket>,
    got: Rc<Cell<u64>>,
    hosts: [HostId; 2],
}

impl Flow {
    /// From here over `there`, acknowledged over `back`; `pause` and `some` are the reader's.
    fn new(there: &str, back: &str, tcp: &Config, reader: Option<(Duration, usize)>) -> Self {
        let mut net = Network::new(61);
        let hosts = [there, back].map(|wire| host(&mut net, wire, tcp));
        let [here, away] = hosts.map(|id| net.engine(id).clone());
        let listener = away.listen(socket_address(1, PORT), 1).unwrap();
        let near = Rc::new(here.connect(net.now(), None, socket_address(1, PORT)).unwrap());
        let mut far = None;
        let end = net.now() + seconds(10);
        let opening = net.run_while(end, |_| {
            far = far.take().or_else(|| listener.accept().unwrap());
            far.is_none()
        });
        assert!(opening.unwrap(), "it opens");
        let far = Rc::new(far.unwrap());
        let got = Rc::new(Cell::new(0));
        net.spawn(hosts[0], Source(Rc::clone(&near)));
        let (pause, some) = reader.map_or((None, 64 << 10), |(pause, some)| (Some(pause), some));
        let (socket, due) = (Rc::clone(&far), net.now());
        net.spawn(hosts[1], Sink { socket, pause, some, due, got: Rc::clone(&got) });
        Self { net, near, far, got, hosts }
    }

    /// Bits a second that were read while `time` passed.
    fn rate(&mut self, time: Duration) -> f64 {
        let before = self.got.get();
        self.net.run_until(self.net.now() + time).unwrap();
        (self.got.get() - before) as f64 * 8.0 / time.as_secs_f64()
    }

    fn info(&self) -> [Info; 2] {
        [&self.near, &self.far].map(|socket| socket.info(self.net.now()))
    }
}

fn host(net: &mut Network, wire: &str, tcp: &Config) -> HostId {
    let index = if wire.contains("rate") { 0 } else { 1 };
    let network = ipnet::IpNet::new(address(index), 24).unwrap();
    let mut config = HostConfig::new(vec![network]);
    config.tcp = tcp.clone();
    let host = net.add_host(config, 1500);
    net.set_egress(host, &spec(wire));
    host
}

/// Which part of a packet of 1,500 bytes is text, beside timestamps.
const TEXT: f64 = 1448.0 / 1500.0;

/// 100 ms and 1 Gbit/s: 12.5 MB under way, with a queue that holds as much.
#[test]
fn a_long_fat_path_is_filled_without_any_setting() {
    let there = "delay=50ms,rate=1gbit,queue=8500";
    let mut flow = Flow::new(there, "delay=50ms", &Config::default(), None);
    flow.rate(seconds(2));
    let rate = flow.rate(seconds(1));
    let [near, far] = flow.info();
    let sizes = (near.cwnd, near.send_buffer, far.receive_buffer, near.retransmissions);
    assert!(rate >= 0.9e9 * TEXT, "{:.0} Mbit/s: {sizes:?}", rate / 1e6);
}

/// The same without timestamps, where only windows tell the receiver of round trips.
#[test]
fn a_path_is_filled_without_timestamps() {
    let mut tcp = Config::default();
    tcp.timestamps = false;
    let mut flow = Flow::new("delay=50ms,rate=100mbit,queue=900", "delay=50ms", &tcp, None);
    flow.rate(seconds(3));
    let rate = flow.rate(seconds(1));
    assert!(rate >= 0.9e8, "{:.0} Mbit/s: {:?}", rate / 1e6, flow.info());
}

/// Not more is held than the path takes: 125,000 bytes are under way here, and as many in the queue.
#[test]
fn buffers_grow_no_further_than_a_path_is_worth() {
    let wire = "delay=5ms,rate=100mbit,queue=85";
    let mut flow = Flow::new(wire, "delay=5ms", &Config::default(), None);
    let rate = flow.rate(seconds(4));
    let [near, far] = flow.info();
    assert!(rate >= 0.85e8, "{:.0} Mbit/s", rate / 1e6);
    assert!((250_000..=600_000).contains(&far.receive_buffer), "{far:?}");
    assert!((250_000..=2_000_000).contains(&near.send_buffer), "{near:?}");
}

/// On a path of microseconds both buffers have grown within a few milliseconds.
#[test]
fn a_short_path_is_filled_at_once() {
    let wire = "delay=10us,rate=10gbit,queue=2000";
    let mut flow = Flow::new(wire, "delay=10us", &Config::default(), None);
    let rate = flow.rate(Duration::from_millis(5));
    assert!(rate >= 0.9e10 * TEXT, "{:.0} Mbit/s: {:?}", rate / 1e6, flow.info());
}

/// A program that takes 1,000 bytes now and then is not given more to leave.
#[test]
fn a_slow_reader_gets_no_larger_buffer() {
    let slowly = Some((Duration::from_millis(100), 1_000));
    let wire = "delay=5ms,rate=100mbit,queue=85";
    let mut flow = Flow::new(wire, "delay=5ms", &Config::default(), slowly);
    let rate = flow.rate(seconds(20));
    let [near, far] = flow.info();
    assert!((78_000.0..=80_000.0).contains(&rate), "{rate} bit/s");
    assert_eq!(far.receive_buffer, 64 << 10);
    assert!(near.send_buffer <= 250_000, "what flew while there was a window, twice: {near:?}");
}

/// Nor does one that nobody holds to a rate: what it leaves is not delivered.
#[test]
fn a_reader_that_stops_gets_no_larger_buffer() {
    let once = Some((seconds(60), 64 << 10));
    let wire = "delay=50ms,rate=100mbit,queue=900";
    let mut flow = Flow::new(wire, "delay=50ms", &Config::default(), once);
    flow.rate(seconds(30));
    assert_eq!(flow.info()[1].receive_buffer, 64 << 10);
}

/// Whoever sets a size gets that, and nothing tunes it.
#[test]
fn a_size_that_is_set_stays() {
    let wire = "delay=50ms,rate=100mbit,queue=900";
    let mut flow = Flow::new(wire, "delay=50ms", &Config::default(), None);
    let now = flow.net.now();
    flow.far.set_receive_buffer(now, 100_000);
    flow.near.set_send_buffer(now, 80_000);
    let rate = flow.rate(seconds(3));
    let [near, far] = flow.info();
    assert_eq!((near.send_buffer, far.receive_buffer), (80_000, 100_000));
    assert!(rate <= 80_000.0 * 8.0 / 0.1, "{rate} bit/s");
}

/// What was a short path may become a long one: after a minute the receiver believes it.
#[test]
fn a_path_that_becomes_longer_is_believed_in_time() {
    let mut tcp = Config::default();
    tcp.send_buffer = (4 << 20).into();
    let mut flow = Flow::new("delay=1ms,rate=20mbit,queue=200", "delay=1ms", &tcp, None);
    flow.rate(seconds(1));
    let [here, there] = flow.hosts;
    flow.net.set_egress(here, &spec("delay=250ms,rate=20mbit,queue=900"));
    flow.net.set_egress(there, &spec("delay=250ms"));
    flow.rate(seconds(40));
    let before = flow.info()[1].receive_buffer;
    assert!(before <= 512 << 10, "{before}");
    flow.rate(seconds(50));
    let after = flow.info()[1].receive_buffer;
    assert!(after >= 2 * before, "{before} to {after}");
}
