//! Hosts, links and seeds in virtual time around the real engine.
