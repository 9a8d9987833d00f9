//! What a server does with a connection whose reads and writes block: a thread for each connection.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::thread;

use crate::world::{ECHO, LAST, SINK, SOURCE};

/// Bytes of one read or write.
const BLOCK: usize = 64 << 10;
/// Threads of a service: as many as there are streams in any measure.
const THREADS: usize = 8;

/// A connection of any stack that offers what std does.
pub(crate) trait Stream: Read + Write + Send + 'static {
    fn without_nagle(&self) -> io::Result<()>;
}

impl Stream for std::net::TcpStream {
    fn without_nagle(&self) -> io::Result<()> {
        self.set_nodelay(true)
    }
}

impl Stream for tuntcp::TcpStream {
    fn without_nagle(&self) -> io::Result<()> {
        self.set_nodelay(true)
    }
}

/// Serves every connection that `accept` brings, in the background. Each thread takes a connection,
/// serves it and takes the next one: one made for each would measure what threads cost, and one that
/// only accepts would cost each connection a wake-up.
pub(crate) fn serve<S: Stream>(
    port: u16,
    accept: impl Fn() -> io::Result<S> + Send + Sync + 'static,
) {
    let accept = Arc::new(accept);
    for _ in 0..THREADS {
        let accept = Arc::clone(&accept);
        thread::spawn(move || {
            while let Ok(stream) = accept() {
                // The client is done, in one way or another.
                let _ = match port {
                    SINK => sink(stream),
                    SOURCE => source(stream),
                    ECHO => echo(stream),
                    _ => unreachable!("there are three such services"),
                };
            }
        });
    }
}

/// Answers one byte of each connection and holds it. Ends with the listener.
pub(crate) fn hold<S: Stream>(accept: impl Fn() -> io::Result<S>) {
    let mut held = Vec::new();
    while let Ok(mut stream) = accept() {
        let mut byte = [0];
        if stream.read_exact(&mut byte).and_then(|()| stream.write_all(&byte)).is_ok() {
            held.push(stream);
        }
    }
}

fn sink(mut stream: impl Stream) -> io::Result<()> {
    let mut block = vec![0; BLOCK];
    let mut bytes = 0_u64;
    loop {
        let count = stream.read(&mut block)?;
        bytes += count as u64;
        match block[..count].last() {
            None => return Ok(()),
            Some(&LAST) => stream.write_all(&bytes.to_be_bytes())?,
            Some(_) => {}
        }
    }
}

fn source(mut stream: impl Stream) -> io::Result<()> {
    let block = vec![0x5a; BLOCK];
    loop {
        stream.write_all(&block)?;
    }
}

fn echo(mut stream: impl Stream) -> io::Result<()> {
    stream.without_nagle()?;
    let mut block = vec![0; BLOCK];
    loop {
        match stream.read(&mut block)? {
            0 => return Ok(()),
            count => stream.write_all(&block[..count])?,
        }
    }
}
