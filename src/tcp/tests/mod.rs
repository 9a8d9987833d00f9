//! Rows: one segment in, one outcome. A file a subject, a table a section of an RFC.
//!
//! `harness` holds a connection in virtual time, `script` the language that the rows are written
//! in, `words` its words.

mod flow;
mod harness;
mod script;
mod segments;
mod words;

mod acceptability;
mod ack;
mod api;
mod blind;
mod bursts;
mod closing;
mod congestion;
mod cubic;
mod delivery;
mod ecn;
mod ecn_setup;
mod fast_retransmit;
mod fin;
mod frto;
mod handshake;
mod hystart;
mod icmp;
mod keepalive;
mod long_lived;
mod memory;
mod new_reno;
mod path_mtu;
mod persist;
mod prr;
mod rack;
mod receiving;
mod reset;
mod retransmission;
mod rightsizing;
mod sack;
mod scoreboard;
mod scoreboard_model;
mod scoreboard_work;
mod sending;
mod settings;
mod states;
mod super_segments;
mod syn;
mod syn_received;
mod syn_sent;
mod tail_probe;
mod text;
mod time_wait;
mod timestamps;
mod undo;
mod urgent;
mod window;
