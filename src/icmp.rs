//! ICMP: echo is answered, errors find the connection they speak of (RFC 792; RFC 1122, 3.2.2).
