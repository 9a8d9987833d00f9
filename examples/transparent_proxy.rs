//! A proxy that answers for any address and any port, and passes what it gets on to one server.
//!
//! ```console
//! $ sudo ./scripts/setup_tun.sh
//! $ sudo ip route add 203.0.113.0/24 dev tun0
//! $ cargo run --example transparent_proxy -- tun0 192.0.2.2/24 127.0.0.1:8000
//! ```
//!
//! Whatever connects to an address of that network, at whatever port, now speaks to 127.0.0.1:8000.
//! Without a server the proxy only tells everybody where he wanted to go.

use std::error::Error;
use std::io::{self, Write};
use std::net::{Shutdown, TcpStream as KernelStream};
use std::{env, thread};

use tuntcp::{Host, TcpListener, TcpStream};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(tun), Some(address)) = (arguments.next(), arguments.next()) else {
        return Err("usage: transparent_proxy TUN ADDRESS/PREFIX [SERVER:PORT]".into());
    };
    let server = arguments.next();
    let host = Host::open(&tun, address.parse()?)?;
    let listener = TcpListener::bind_transparent(&host)?;
    println!("ready");
    for client in listener.incoming() {
        let client = client?;
        let server = server.clone();
        thread::spawn(move || {
            if let Err(error) = serve(&client, server.as_deref()) {
                eprintln!("{client:?}: {error}");
            }
        });
    }
    Ok(())
}

/// One connection, from its first byte to its end.
fn serve(mut client: &TcpStream, server: Option<&str>) -> io::Result<()> {
    // Where the client wanted to go is where the stream says that it is.
    let (from, to) = (client.peer_addr()?, client.local_addr()?);
    println!("{from} -> {to}");
    let Some(server) = server else {
        return writeln!(client, "you are {from}, and wanted to go to {to}");
    };
    let mut server = KernelStream::connect(server)?;
    let (mut back, mut client_again) = (server.try_clone()?, client.try_clone()?);
    let answers = thread::spawn(move || -> io::Result<()> {
        io::copy(&mut back, &mut client_again)?;
        client_again.shutdown(Shutdown::Write)
    });
    io::copy(&mut client, &mut server)?;
    server.shutdown(Shutdown::Write)?;
    answers.join().unwrap_or(Ok(()))
}
