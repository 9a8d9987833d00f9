//! UDP: today a host without UDP sockets, which answers that nobody listens (RFC 1122, 4.1.3.1).
