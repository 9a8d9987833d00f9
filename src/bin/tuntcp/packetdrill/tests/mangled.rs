//! No text makes the front end panic.

use proptest::prelude::*;

use super::super::source::Definitions;
use super::{nothing, script};

const WHOLE: &str = "\
--ip_version=ipv6
--tolerance_usecs=75000
#define SOCK socket(..., SOCK_STREAM, IPPROTO_TCP)
#ifdef tuntcp
`./set_up.sh
 sysctl -w x=1`
#else
0 rubbish
#endif
 0.00 `sysctl -w net.inet.tcp.sack.enable=1`
+0.00 SOCK = 3
+0.00 fcntl(3, F_GETFL) = 0x02 (flags O_RDWR)
+0.00 setsockopt(3, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, 8) = 0
+0.00 connect(3, {sa_family = AF_INET, sin_port = htons(8080), sin_addr = inet_addr(\"192.0.2.1\")}, ...) = -1 EINPROGRESS (Operation now in progress)
+0.00 > [ect0] (flowlabel 0x5) SEWA 0:0(0) win 65535 <mss 1460,nop,wscale 6,sackOK,TS val ... ecr 0!>
+0.10 < S. 0:0(0) ack 1 win 32767 <mss 1460,sack 1:2 3:4,FO 0a0b,md5 valid,exp-FO,30 01>
* > .5 1:1001(1000) ack 1 <...>
+.1~+.2 > R. 0:0(0)! ack 1 win 0
+0 < ipv4 192.0.2.1 > 192.0.2.2: gre: mpls (label 1, tc 2, ttl 3): udp (1000)
+0 < [0:0(0)]icmp unreachable frag_needed mtu 1200 [1:1001(1000)]
+0...0.2 sendmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 1000}], msg_flags=0}, A|~B) = 1000 // yes
+0 %{ assert tcpi_state == 1 }%
+0 < sctp: INIT[flgs=0, tag=1]
+0 write(3, \"a\\x41\\n${X}\", 2) = 2
/* done */ +0 close(3) = 0
";

#[test]
fn the_whole_is_a_script() {
    assert_eq!(script(WHOLE).events.len(), 17);
}

fn survive(text: &str) {
    let definitions = Definitions::from([("X".to_string(), "\"`(".to_string())]);
    if let Err(mistake) = super::super::parse::parse(text, &definitions, &nothing) {
        assert!(mistake.at.line <= text.lines().count().max(1), "{mistake}");
        assert!(!mistake.to_string().is_empty());
    }
}

/// What is put where something was.
fn rubbish() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("\n".to_string()),
        prop::sample::select(vec![
            "...",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            "<",
            ">",
            "`",
            "\"",
            "%{",
            "}%",
            "/*",
            "*/",
            "//",
            "#",
            "--",
            "+",
            "*",
            "~",
            "!",
            "-",
            "0x",
            "::",
            ":",
            ".",
            "1",
            "99999999999999999999",
            "S",
            "X",
            "\\",
            "${",
            "\u{fe0f}",
            "é",
            "\r",
            "mpls",
            "icmp",
            "udp",
            "sctp",
            "|",
            "=",
        ])
        .prop_map(str::to_string),
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn mangled_scripts_do_not_panic(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0usize..12, rubbish()), 1..8)
    ) {
        let mut text: Vec<char> = WHOLE.chars().collect();
        for (index, length, replacement) in cuts {
            let start = index.index(text.len());
            let end = (start + length).min(text.len());
            text.splice(start..end, replacement.chars());
            if text.is_empty() {
                break;
            }
        }
        survive(&text.into_iter().collect::<String>());
    }

    #[test]
    fn shuffled_lines_and_words_do_not_panic(
        words in prop::collection::vec(
            prop_oneof![rubbish(), prop::sample::select(WHOLE.split_inclusive([' ', '\n']).collect::<Vec<_>>()).prop_map(str::to_string)],
            0..40,
        )
    ) {
        survive(&words.concat());
    }
}
