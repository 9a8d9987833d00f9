//! tuntcp's server: a thread a connection, public API only.

use std::io::{Read, Write};
use std::sync::mpsc;
use std::thread;

use tuntcp::{Host, TcpListener, TcpStream};

use crate::world::{ECHO, IDLE, SINK, SOURCE, STACK};

/// Bytes of one read or write.
const BLOCK: usize = 64 << 10;

/// Serves on `tun0` until it is killed.
pub(crate) fn run() {
    let address = "192.0.2.2/24".parse().expect("an address");
    let host = Host::open("tun0", address).expect("the harness made tun0");
    serve(&host, SINK, sink);
    serve(&host, SOURCE, source);
    serve(&host, ECHO, echo);
    let idle = TcpListener::bind(&host, (STACK, IDLE)).expect("the port is free");
    crate::world::say_ready();
    let mut held = Vec::new();
    for mut stream in idle.incoming().map_while(Result::ok) {
        let mut byte = [0];
        if stream.read_exact(&mut byte).and_then(|()| stream.write_all(&byte)).is_ok() {
            held.push(stream);
        }
    }
}

fn serve(host: &Host, port: u16, service: fn(TcpStream) -> std::io::Result<()>) {
    let listener = TcpListener::bind(host, (STACK, port)).expect("the port is free");
    // One thread serves one connection after another, as many as there are streams: a thread for
    // each would measure the cost of threads.
    let (give, take) = mpsc::channel::<TcpStream>();
    let take = std::sync::Arc::new(std::sync::Mutex::new(take));
    for _ in 0..8 {
        let take = std::sync::Arc::clone(&take);
        thread::spawn(move || {
            loop {
                let stream = take.lock().expect("nobody panics").recv();
                let Ok(stream) = stream else { return };
                // The client is done, in one way or another.
                let _ = service(stream);
            }
        });
    }
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            if give.send(stream).is_err() {
                return;
            }
        }
    });
}

fn sink(mut stream: TcpStream) -> std::io::Result<()> {
    let mut block = vec![0; BLOCK];
    let mut bytes = 0_u64;
    loop {
        match stream.read(&mut block)? {
            0 => return stream.write_all(&bytes.to_be_bytes()),
            count => bytes += count as u64,
        }
    }
}

fn source(mut stream: TcpStream) -> std::io::Result<()> {
    let block = vec![0x5a; BLOCK];
    loop {
        stream.write_all(&block)?;
    }
}

fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut block = vec![0; BLOCK];
    loop {
        match stream.read(&mut block)? {
            0 => return Ok(()),
            count => stream.write_all(&block[..count])?,
        }
    }
}
