//! `TcpStream`
/// A TCP connection.
pub struct TcpStream {}
