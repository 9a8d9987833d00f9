//! What a server does with a connection of a stack that is asynchronous: a task for each connection.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::runtime::Runtime;

use crate::world::{ECHO, IDLE, LAST, SINK, SOURCE};

/// Bytes of one read or write.
const BLOCK: usize = 64 << 10;

/// The runtime that `#[tokio::main]` makes: a thread a CPU.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads can be made")
}

/// Serves a connection to `port` in the background.
pub(crate) fn serve<S>(port: u16, stream: S)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    tokio::spawn(async move {
        // The client is done, in one way or another.
        let _ = match port {
            SINK => sink(stream).await,
            SOURCE => source(stream).await,
            ECHO => echo(stream, BLOCK).await,
            IDLE => echo(stream, 1).await,
            _ => Ok(()),
        };
    });
}

async fn sink(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let mut block = vec![0; BLOCK];
    let mut bytes = 0_u64;
    loop {
        let count = stream.read(&mut block).await?;
        bytes += count as u64;
        match block[..count].last() {
            None => return stream.shutdown().await,
            Some(&LAST) => stream.write_all(&bytes.to_be_bytes()).await?,
            Some(_) => {}
        }
    }
}

async fn source(mut stream: impl AsyncWrite + Unpin) -> io::Result<()> {
    let block = vec![0x5a; BLOCK];
    loop {
        stream.write_all(&block).await?;
    }
}

async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin, block: usize) -> io::Result<()> {
    let mut block = vec![0; block];
    loop {
        match stream.read(&mut block).await? {
            0 => return stream.shutdown().await,
            count => stream.write_all(&block[..count]).await?,
        }
    }
}
