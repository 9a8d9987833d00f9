//! Which sequence number comes first? (RFC 6528; RFC 9293 3.4.1, MUST-8, MUST-9)
