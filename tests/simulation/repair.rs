//! A stream that never ends over paths that lose and reorder: what is repaired, and at what price?

use std::sync::Arc;
use std::time::Duration;

use tuntcp::HostConfig;
use tuntcp::engine::{Engine, Socket};
use tuntcp::sim::{Network, Next};
use tuntcp::tcp::Info;
use tuntcp::tcp::congestion::{Algorithm, REGISTRY};
use tuntcp::time::Instant;

const MSS: u64 = 1_448;

/// How a stream fares in `seconds` over a path that does `there` to its segments.
fn stream(there: &str, back: &str, algorithm: Algorithm, seconds: u64) -> Info {
    let mut net = Network::new(11);
    let mut host = |address: &str| {
        let mut config = HostConfig::new(vec![address.parse().expect("a network")]);
        config.tcp.congestion = algorithm;
        net.add_host(config, 1500)
    };
    let (server, client) = (host("10.0.0.1/24"), host("10.0.0.2/24"));
    net.set_egress(client, &there.parse().expect("a spec"));
    net.set_ingress(client, &back.parse().expect("a spec"));
    let at = "10.0.0.1:7".parse().expect("an address");
    let listener = net.engine(server).listen(at, 1).expect("a free port");
    let socket = Arc::new(net.engine(client).connect(net.now(), None, at).expect("a free port"));

    let mut accepted: Option<Socket> = None;
    net.spawn(server, move |now: Instant, _: &Arc<Engine>| {
        accepted = accepted.take().or_else(|| listener.accept().ok().flatten());
        let mut text = [0; 16 << 10];
        while let Some(Ok(Some(1..))) = accepted.as_ref().map(|to| to.read(now, &mut text, false)) {
        }
        Next::OnEvent
    });
    let writer = Arc::clone(&socket);
    net.spawn(client, move |now: Instant, _: &Arc<Engine>| {
        while let Ok(Some(1..)) = writer.write(now, &[7; 16 << 10]) {}
        Next::OnEvent
    });
    net.run_until(Instant::ZERO + Duration::from_secs(seconds)).expect("it goes on");
    socket.info(net.now())
}

/// Every loss is repaired without a time-out, and nothing is sent again that has arrived.
#[test]
fn random_losses_need_no_timer() {
    for &algorithm in REGISTRY {
        let info = stream("delay=20ms,loss=1%,rate=100mbit", "delay=5ms", algorithm, 20);
        let sent = info.bytes_acked / MSS;
        assert!(sent > 5_000, "{algorithm}: {sent} segments in 20 s");
        assert_eq!(info.rto_expirations, 0, "{algorithm}");
        assert_eq!(info.undone, 0, "{algorithm}: a real loss is no mistake");
        let needless = info.retransmissions.saturating_sub(info.lost_segments.into());
        assert!(needless <= u64::from(info.tail_probes), "{algorithm}: {needless} were not lost");
        assert!(info.retransmissions * 100 < sent * 2, "{algorithm}: {info:?}");
    }
}

/// Acknowledgements that overtake each other report what is acknowledged by now, which is no D-SACK;
/// of segments that overtake each other next to none is sent twice; and what takes a shortcut tells
/// nobody that the path is short.
#[test]
fn reordering_costs_little() {
    let path = "rate=50mbit,delay=10ms,queue=200,reorder=10%";
    for &algorithm in REGISTRY {
        let info = stream(path, path, algorithm, 20);
        let sent = info.bytes_acked / MSS;
        assert!(sent > 60_000, "{algorithm}: {sent} segments in 20 s");
        let again = info.retransmissions;
        assert!(again * 100 < sent, "{algorithm}: {again} of {sent}");
    }
}
