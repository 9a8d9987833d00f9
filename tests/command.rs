//! The command line: what it teaches, and what it says to a wrong one. Nothing here opens a TUN.

use std::process::{Command, Output};

fn tuntcp(arguments: &str) -> Output {
    let arguments = arguments.split_whitespace();
    Command::new(env!("CARGO_BIN_EXE_tuntcp")).args(arguments).output().expect("it was built")
}

/// What the help of a subcommand says.
fn help(subcommand: &str) -> String {
    let output = tuntcp(&format!("{subcommand} --help"));
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn usage_errors_have_status_2_and_say_what_is_wanted() {
    let rows = [
        (
            "serve gopher",
            "there is no service 'gopher'; there are echo, discard, daytime, chargen, time, \
             http, resp, lines, frames, iperf3, oauth",
        ),
        ("serve echo=0", "'0' is no port from 1 to 65535"),
        ("serve echo=65536", "'65536' is no port from 1 to 65535"),
        ("serve echo=", "'' is no port from 1 to 65535"),
        ("serve --address 192.0.2.2.2", "such as 192.0.2.2/24"),
        ("serve --address 192.0.2.2", "such as 192.0.2.2/24"),
        ("serve --address 192.0.2.0/24", "192.0.2.0 stands for all of 192.0.2.0/24"),
        ("serve --address 192.0.2.255/24", "192.0.2.255 stands for all of 192.0.2.0/24"),
        ("serve --address 127.0.0.1/8", "no host on a TUN can have the address 127.0.0.1"),
        ("serve --address 224.0.0.1/4", "no host on a TUN can have the address 224.0.0.1"),
        ("serve --address 2001:db8::2", "or 2001:db8::2/64"),
        ("serve --address 2001:db8::/64", "2001:db8:: stands for the routers of 2001:db8::/64"),
        ("serve --address ::1/128", "no host on a TUN can have the address ::1"),
        ("serve --address ff02::1/16", "no host on a TUN can have the address ff02::1"),
        ("serve --address ::ffff:192.0.2.2/128", "can have the address ::ffff:192.0.2.2"),
        ("serve --model fibers", "[possible values: threads, poll]"),
        ("serve oauth --oauth-allow code", "[possible values: implicit, password]"),
        ("serve --max-clients 0", "a number from 1 on is wanted"),
        ("serve --cors example.org", "an origin is wanted, such as http://example.org, or *"),
        ("serve --cors http://example.org/", "an origin is wanted, such as http://example.org"),
        ("serve --hotlinks http://a/", "a host is wanted, such as example.org"),
        ("serve --max-age -1", "-1"),
        ("serve --request-timeout 0", "a number of seconds above 0, up to 3600, is wanted"),
        ("serve --impair loss=lots", "loss"),
        ("serve --congestion vegas", "`vegas`: no such congestion control; there are "),
        ("connect 192.0.2.1 7 --congestion x", "cubic"),
        ("ping 192.0.2.1 --congestion", "a value is required"),
        ("serve --ecn maybe", "`maybe`: ECN is off, accept or request"),
        ("connect 192.0.2.1", "<PORT>"),
        ("connect 4000", "<PEER>"),
        ("connect 192.0.2.1 7 -4 -6", "cannot be used with"),
        ("connect --listen", "<PORT>"),
        ("connect --listen 0", "'0' is no port from 1 to 65535"),
        ("get", "<URL>"),
        ("get https://192.0.2.1/", "https is HTTP over TLS, which is not spoken here"),
        ("get ftp://192.0.2.1/file", "ftp is not spoken here"),
        ("get http://me:secret@192.0.2.1/", "user's name or password is not understood"),
        ("get http://", "a URL is wanted, such as http://192.0.2.1:8000/file"),
        ("get 192.0.2.1:80000/", "a URL is wanted"),
        ("get 192.0.2.1/ -c --force", "cannot be used with"),
        ("get 192.0.2.1/ -w x", "a number of seconds from 0 to 3600"),
        ("connect 192.0.2.1 0", "'0' is no port from 1 to 65535"),
        ("connect 192.0.2.1 gopher-hole", "'gopher-hole' is no port from 1 to 65535, nor the name"),
        ("connect one.example 7 --dns one.example", "the address of a name server is wanted"),
        ("serve echo=gopher-hole", "nor the name of a service"),
        ("connect 192.0.2.1 7 -w -1", "-1"),
        ("connect 192.0.2.1 7 -w x", "a number of seconds from 0 to 3600"),
        ("ping 192.0.2.1 -c 0", "0 is not in 1..=65535"),
        ("iperf3", "--client <HOST>"),
        ("iperf3 -c 192.0.2.1 -p 0", "'0' is no port from 1 to 65535"),
        ("iperf3 -c 192.0.2.1 -t 0", "0 is not in 1..=86400"),
        ("iperf3 -c 192.0.2.1 -P 129", "129 is not in 1..=128"),
        ("iperf3 -c 192.0.2.1 -n 0", "a number of bytes is wanted, such as 1000, 64K, 10M or 1G"),
        ("iperf3 -c 192.0.2.1 -n -1M", "'-1'"),
        ("iperf3 -c 192.0.2.1 -n 1P", "a number of bytes is wanted"),
        ("iperf3 -c 192.0.2.1 -n 9999T", "a number of bytes is wanted"),
        ("iperf3 -c 192.0.2.1 -n 1M -t 1", "cannot be used with"),
        ("iperf3 -c 192.0.2.1 -l 2M", "a number of bytes from 1 to 1M is wanted"),
        ("iperf3 -c 192.0.2.1 -b NaN", "a number of bits per second is wanted"),
        ("iperf3 -c 192.0.2.1 -R --bidir", "cannot be used with"),
        ("iperf3 -c 192.0.2.1 -O 61", "61 is not in 0..=60"),
        ("ping 192.0.2.1 -s 65508", "65508 is not in 0..=65507"),
        ("ping 192.0.2.1 -t 0", "0 is not in 1..=255"),
        ("ping 192.0.2.1 -4 -6", "cannot be used with"),
        ("ping 192.0.2.1 -i NaN", "a number of seconds from 0 to 3600"),
    ];
    for (arguments, wanted) in rows {
        let output = tuntcp(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {said}");
        assert!(said.contains(wanted), "{arguments}: {said}");
        assert!(output.stdout.is_empty(), "{arguments}");
    }
}

#[test]
fn help_teaches_by_examples() {
    for subcommand in ["serve", "connect", "get", "ping", "iperf3"] {
        let text = help(subcommand);
        assert!(text.contains("Examples:") && text.contains("Exit status:"), "{text}");
        for option in ["--tun", "--address", "--congestion", "--impair", "--ecn", "--capture"] {
            assert!(text.contains(option), "{subcommand} lacks {option}");
        }
    }
    let services = help("serve");
    let list = tuntcp("serve --list");
    let list = String::from_utf8(list.stdout).unwrap();
    for service in
        ["echo ", "discard ", "daytime ", "chargen ", "time ", "http ", "iperf3 ", "oauth "]
    {
        let line = list.lines().find(|line| line.trim().starts_with(service)).expect(service);
        assert!(line.contains("192.0.2.2") && services.contains(line), "{line}");
    }
    assert!(help("").contains("setup_tun.sh"));
}

#[test]
fn a_root_that_cannot_be_served_is_explained() {
    for root in ["/no/such/directory", "/etc/hostname"] {
        let output = tuntcp(&format!("serve http --root {root}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("cannot serve the directory {root}: ")), "{said}");
    }
}

#[test]
fn ports_have_names() {
    // Neither gets further than to the device, so the ports were understood.
    for arguments in [
        "serve echo=http-alt",
        "connect 192.0.2.1 HTTP",
        "connect -l tftp",
        "connect one.example echo",
    ] {
        let output = tuntcp(&format!("{arguments} --tun no-such-tun"));
        assert_eq!(output.status.code(), Some(1), "{arguments}");
    }
}

#[test]
fn a_device_that_is_not_there_is_explained() {
    let arguments = ["serve", "connect 192.0.2.1 7", "get 192.0.2.1", "ping 192.0.2.1"];
    for arguments in arguments.into_iter().chain(["iperf3 -c 192.0.2.1"]) {
        let output = tuntcp(&format!("{arguments} --tun no-such-tun"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("no-such-tun") && said.contains("setup_tun.sh"), "{said}");
        assert!(output.stdout.is_empty(), "{arguments}");
    }
}
