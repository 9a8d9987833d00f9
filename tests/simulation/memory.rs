//! The memory of a host, whatever many connections do with it.

use std::time::Duration;

use tuntcp::HostConfig;
use tuntcp::engine::Socket;
use tuntcp::sim::{HostId, Network};

use crate::world::{PORT, address, seconds, socket_address, spec};

const LIMIT: usize = 320 << 20;
const CONNECTIONS: usize = 10_000;

fn host(net: &mut Network, index: usize) -> HostId {
    let network = ipnet::IpNet::new(address(index), 24).unwrap();
    let mut config = HostConfig::new(vec![network]);
    config.memory_limit = LIMIT;
    config.backlog = CONNECTIONS;
    let host = net.add_host(config, 1500);
    net.set_egress(host, &spec("delay=1ms"));
    host
}

fn run(net: &mut Network, time: Duration) {
    net.run_until(net.now() + time).unwrap();
}

/// 10,000 programs write all they can to 10,000 that read nothing: both hosts stay within their
/// memory. Once somebody reads, what was held back goes on, and in the end nothing is held.
#[test]
fn who_reads_nothing_costs_a_bounded_amount() {
    let mut net = Network::new(60);
    let (here, there) = (host(&mut net, 0), host(&mut net, 1));
    let (sender, receiver) = (net.engine(here).clone(), net.engine(there).clone());
    let check = |what| {
        let used = [sender.memory_used(), receiver.memory_used()];
        assert!(used.iter().all(|&used| used <= LIMIT), "{what}: {used:?}");
    };
    let listener = receiver.listen(socket_address(1, PORT), CONNECTIONS).unwrap();
    let mut near = Vec::new();
    for _ in 0..CONNECTIONS {
        near.push(sender.connect(net.now(), None, socket_address(1, PORT)).unwrap());
        if near.len() % 500 == 0 {
            run(&mut net, Duration::from_millis(5));
            check("they open");
        }
    }
    let far: Vec<Socket> = std::iter::from_fn(|| listener.accept().unwrap()).collect();
    assert_eq!(far.len(), CONNECTIONS);

    let piece = vec![7; 16 << 10];
    let mut written = 0;
    loop {
        let mut more = 0;
        for socket in &near {
            while let Some(count) = socket.write(net.now(), &piece).unwrap() {
                more += count;
            }
        }
        check("they write");
        run(&mut net, Duration::from_millis(50));
        check("it arrives");
        written += more;
        if more == 0 {
            break;
        }
    }
    let arrived: usize = far.iter().map(Socket::readable).sum();
    assert!(far.iter().all(|socket| socket.readable() >= 4096), "everybody gets a little");
    assert!(written > arrived, "{written} bytes were written, {arrived} arrived");

    let mut read = 0;
    let mut buffer = vec![0; 64 << 10];
    let deadline = net.now() + seconds(600);
    while read < written {
        for socket in &far {
            while let Some(count) = socket.read(net.now(), &mut buffer, false).unwrap() {
                read += count;
            }
        }
        run(&mut net, seconds(1));
        check("they read");
        assert!(net.now() < deadline, "{read} of {written} bytes were read");
    }
    drop((near, far, listener));
    run(&mut net, seconds(120));
    assert_eq!((sender.connections(), receiver.connections()), (0, 0));
    assert_eq!((sender.memory_used(), receiver.memory_used()), (0, 0));
}
