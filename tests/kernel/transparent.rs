//! Linux connects to anybody, and one listener answers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;

use tuntcp::{Host, TcpListener};

use crate::world::{PATIENCE, World, run};

#[test]
fn one_listener_answers_for_a_network() {
    let _world = World::new();
    run("ip", ["route", "add", "203.0.113.0/24", "dev", "tun0"]);
    run("ip", ["-6", "route", "add", "2001:db8:5::/64", "dev", "tun0"]);
    let host = Host::open("tun0", "192.0.2.2/24".parse().unwrap()).expect("tun0 is there");
    let everybody = TcpListener::bind_transparent(&host).expect("nobody else does");
    let own = TcpListener::bind(&host, "192.0.2.2:80").expect("a free port");
    let wishes: [SocketAddr; 6] = [
        "203.0.113.1:80".parse().unwrap(),
        "203.0.113.1:443".parse().unwrap(),
        "203.0.113.254:80".parse().unwrap(),
        "203.0.113.77:65535".parse().unwrap(),
        "192.0.2.2:81".parse().unwrap(),
        "[2001:db8:5::77]:443".parse().unwrap(),
    ];
    let server = thread::spawn(move || {
        for stream in everybody.incoming().take(wishes.len()) {
            let mut stream = stream.expect("somebody has called");
            let [here, there] = [stream.local_addr().unwrap(), stream.peer_addr().unwrap()];
            write!(stream, "{here} {there}").expect("the peer listens");
        }
    });
    for wish in wishes {
        let mut stream = TcpStream::connect_timeout(&wish, PATIENCE).expect("somebody answers");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it says who it is");
        assert_eq!(answer, format!("{wish} {}", stream.local_addr().unwrap()));
    }
    server.join().expect("the server does not panic");
    let _client = TcpStream::connect("192.0.2.2:80").expect("somebody answers");
    assert_eq!(own.accept().unwrap().0.local_addr().unwrap().port(), 80);
}
