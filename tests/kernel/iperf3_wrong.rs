//! Clients of `serve iperf3` that are wrong, slow, greedy or gone: the next one is served.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::iperf3::{is_served, measure, text};
use crate::world::{World, connect, noise};

const PORT: u16 = 5201;

/// A client by hand.
struct Client(TcpStream);

impl Client {
    fn new(cookie: &[u8]) -> Self {
        let mut stream = connect(PORT);
        stream.write_all(cookie).expect("it is sent");
        Self(stream)
    }

    fn say(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("it is sent");
    }

    fn say_json(&mut self, json: &str) {
        let length = u32::try_from(json.len()).unwrap();
        self.say(&length.to_be_bytes());
        self.say(json.as_bytes());
    }

    fn hear<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes).expect("the server says it");
        bytes
    }

    /// Until the server hangs up.
    fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // It may end with a reset.
        let _ = self.0.read_to_end(&mut bytes);
        bytes
    }
}

const COOKIE: &[u8; 37] = b"abcdefghijklmnopqrstuvwxyz2345672345\0";

/// One of many.
fn cookie(number: usize) -> Vec<u8> {
    format!("{number:036}\0").into_bytes()
}

const PLAIN: &str =
    r#"{"tcp":true,"omit":0,"time":10,"parallel":1,"len":131072,"client_version":"3.12"}"#;

#[test]
fn wrong_parameters_get_the_errors_that_iperf3_knows() {
    let world = World::new();
    let server = world.serve(&["iperf3"]);
    let rows = [
        ("", 114),
        ("{", 114),
        ("null", 114),
        ("[[[[", 114),
        (r#"{"parallel":-1,"len":1}"#, 114),
        (r#"{"parallel":1e300,"len":1}"#, 114),
        (r#"{"parallel":"four","len":1}"#, 114),
        (r#"{"parallel":1,"len":1,"congestion":7}"#, 114),
        ("{}", 6),
        (r#"{"parallel":0,"len":1}"#, 6),
        (r#"{"parallel":129,"len":1}"#, 6),
        (r#"{"parallel":1,"len":0}"#, 7),
        (r#"{"parallel":1,"len":1048577}"#, 7),
        (r#"{"parallel":1,"len":1,"omit":61}"#, 12),
        (r#"{"parallel":1,"len":1,"time":86401}"#, 5),
        (r#"{"parallel":1,"len":1,"udp":true}"#, 131),
        (r#"{"parallel":1,"len":1,"sctp":true}"#, 131),
        (r#"{"parallel":1,"len":1,"congestion":"vegas"}"#, 134),
    ];
    for (json, code) in rows {
        let mut client = Client::new(COOKIE);
        assert_eq!(client.hear(), [9], "parameters are wanted");
        client.say_json(json);
        assert_eq!(client.hear(), [0xfe], "{json}: an error");
        assert_eq!(client.hear::<8>(), [0, 0, 0, code, 0, 0, 0, 0], "{json}");
        assert_eq!(client.rest(), b"", "{json}");
    }
    // A promise of 4 GiB gets no memory.
    let mut client = Client::new(COOKIE);
    assert_eq!(client.hear(), [9]);
    client.say(&[0xff; 4]);
    assert_eq!(client.hear::<9>()[..5], [0xfe, 0, 0, 0, 114]);
    is_served();
    server.stop();
}

#[test]
fn who_vanishes_or_says_rubbish_in_any_state_harms_nobody() {
    let world = World::new();
    let server = world.serve(&["iperf3"]);
    // Not one of iperf3's: nobody answers.
    for seed in 0..20 {
        let mut stranger = Client::new(&noise(seed, 37));
        assert_eq!(stranger.rest(), b"");
    }
    drop(connect(PORT));
    drop(Client::new(&COOKIE[..20]));
    let mut cookies = (0..).map(cookie);
    for state in 0..6 {
        for rubbish in [&b""[..], &[0x55; 1000]] {
            let mut cookie = cookies.next().unwrap();
            let mut client = Client::new(&cookie);
            // Who comes before the one before him has gone is sent away.
            while client.hear() != [9] {
                thread::sleep(Duration::from_millis(50));
                cookie = cookies.next().unwrap();
                client = Client::new(&cookie);
            }
            let mut streams = Vec::new();
            for step in 0..state {
                match step {
                    0 => client.say_json(PLAIN),
                    1 => assert_eq!(client.hear(), [10], "streams are wanted"),
                    2 => streams.push(Client::new(&cookie)),
                    3 => assert_eq!(client.hear(), [1, 2], "it runs"),
                    _ => {
                        client.say(&[4]);
                        assert_eq!(client.hear(), [13], "results are wanted");
                    }
                }
            }
            client.say(rubbish);
            drop((client, streams));
        }
        is_served();
    }
    // A state that comes out of turn.
    let (mut client, _streams) = started(PLAIN, 1);
    client.say(&[13]);
    assert_eq!(client.hear::<9>()[..5], [0xfe, 0, 0, 0, 110]);
    is_served();
    server.stop();
}

#[test]
fn who_says_nothing_loses_his_place() {
    let world = World::new();
    let server = world.serve(&["iperf3"]);
    let mut silent = Client::new(COOKIE);
    assert_eq!(silent.hear(), [9]);
    assert!(text(&measure("-n 1M").stderr).contains("busy"));
    // He speaks, but too slowly.
    silent.say(&[0, 0, 0, 100]);
    for _ in 0..4 {
        thread::sleep(Duration::from_secs(2));
        silent.say(b" ");
    }
    is_served();
    assert_eq!(silent.rest(), b"");
    server.stop();
}

/// A test whose client goes through it until data may flow.
fn started(parameters: &str, streams: usize) -> (Client, Vec<Client>) {
    let mut client = Client::new(COOKIE);
    assert_eq!(client.hear(), [9], "parameters are wanted");
    client.say_json(parameters);
    assert_eq!(client.hear(), [10], "streams are wanted");
    let streams = (0..streams).map(|_| Client::new(COOKIE)).collect();
    assert_eq!(client.hear(), [1, 2], "it runs");
    (client, streams)
}

#[test]
fn who_never_ends_his_test_is_told_that_it_is_over() {
    let world = World::new();
    let server = world.serve(&["iperf3"]);
    let (mut client, _streams) = started(r#"{"time":1,"parallel":1,"len":1000}"#, 1);
    // The second that he wanted, and ten more.
    assert_eq!(client.rest(), [11]);
    is_served();
    server.stop();
}

#[test]
fn who_never_reads_is_bounded() {
    let world = World::new();
    let server = world.serve(&["iperf3"]);
    is_served();
    let before = server.resident();
    let wish = r#"{"time":30,"parallel":40,"reverse":true,"len":1048576,"window":536870912}"#;
    let (client, streams) = started(wish, 40);
    thread::sleep(Duration::from_secs(2));
    let grown = server.resident().saturating_sub(before);
    // Half of the 128 MiB that buffers have in all, for nothing arrives here; and some.
    assert!(grown < 96 << 20, "{grown} bytes");
    drop((client, streams));
    is_served();
    server.stop();
}

#[test]
fn a_stream_that_breaks_ends_the_test() {
    let world = World::new();
    let server = world.serve(&["iperf3"]);
    let (mut client, streams) = started(r#"{"time":30,"parallel":2,"len":1000,"reverse":true}"#, 2);
    thread::sleep(Duration::from_millis(200));
    // With what was not read, which makes it a reset.
    drop(streams);
    assert_eq!(client.hear::<9>(), [0xfe, 0, 0, 0, 206, 0, 0, 0, 0]);
    is_served();
    server.stop();
}
