//! The TUN of a namespace for tokio: a read or a write is one packet.

use std::fs::File;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::tun;

/// A TUN without offloads.
pub(crate) struct AsyncTun(AsyncFd<File>);

impl AsyncTun {
    /// Opens `tun0`, from within a tokio runtime.
    pub(crate) fn open() -> Self {
        let file = tun::open(false).expect("the harness made tun0");
        tun::set_nonblocking(&file).expect("a TUN can be polled");
        // SAFETY: a file owns one descriptor and keeps it open until it is dropped itself.
        let file = unsafe { AsyncFd::register(file) };
        Self(file.expect("a TUN can be polled"))
    }

    /// The next packet.
    pub(crate) async fn receive(&self, packet: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut guard = self.0.readable().await?;
            if let Ok(result) = guard.try_io(|file| file.get_ref().read(packet)) {
                return result;
            }
        }
    }

    /// Sends a packet.
    pub(crate) async fn send(&self, packet: &[u8]) -> io::Result<usize> {
        loop {
            let mut guard = self.0.writable().await?;
            if let Ok(result) = guard.try_io(|file| file.get_ref().write(packet)) {
                return result;
            }
        }
    }
}

impl AsyncRead for AsyncTun {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut guard = ready!(self.0.poll_read_ready(context))?;
            let room = buffer.initialize_unfilled();
            if let Ok(result) = guard.try_io(|file| file.get_ref().read(room)) {
                return Poll::Ready(result.map(|count| buffer.advance(count)));
            }
        }
    }
}

impl AsyncWrite for AsyncTun {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        packet: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.0.poll_write_ready(context))?;
            if let Ok(result) = guard.try_io(|file| file.get_ref().write(packet)) {
                return Poll::Ready(result);
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
