//! `TcpListener`
/// A TCP server.
pub struct TcpListener {}
