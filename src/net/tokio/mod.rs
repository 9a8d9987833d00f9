//! Sockets for programs on tokio, by the names that `tokio::net` has for them. With the cargo feature
//! `tokio`.
//!
//! Nothing of tokio's own waiting is used, so that it takes no runtime with IO enabled, and any other
//! executor does as well: a task that waits is woken by the packet loop itself, the worker thread of
//! its [`Host`](crate::Host).
//!
//! What differs from `tokio::net`: `bind` and `connect` take the host to do it on. A name is looked up by
//! a thread of its own, while the task waits.
//!
//! ```
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use tuntcp::net::tokio::{TcpListener, TcpStream};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let (a, b) = tuntcp::runtime::memory_pair()?;
//! let listener = TcpListener::bind(&a, "192.0.2.1:7").await?;
//! let echo = tokio::spawn(async move {
//!     let (mut stream, _) = listener.accept().await?;
//!     let mut text = String::new();
//!     stream.read_to_string(&mut text).await?;
//!     stream.write_all(text.as_bytes()).await
//! });
//!
//! let mut stream = TcpStream::connect(&b, "192.0.2.1:7").await?;
//! stream.write_all(b"hello").await?;
//! stream.shutdown().await?;
//! let mut answer = String::new();
//! stream.read_to_string(&mut answer).await?;
//! assert_eq!(answer, "hello");
//! echo.await.expect("it does not panic")?;
//! # Ok::<(), std::io::Error>(())
//! # })?;
//! # Ok::<(), std::io::Error>(())
//! ```

mod names;
mod split;
mod tcp_listener;
mod tcp_stream;
mod udp_socket;
mod wakers;

pub use split::{OwnedReadHalf, OwnedWriteHalf};
pub use tcp_listener::TcpListener;
pub use tcp_stream::TcpStream;
pub use udp_socket::UdpSocket;
