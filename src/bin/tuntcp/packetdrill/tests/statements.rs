//! Times, commands, options, and where statements begin and end.

use super::super::script::{Place, What, When};
use super::{event, mistake, script};

#[test]
fn a_time_is_read_to_the_microsecond() {
    let cases = [
        ("0", When::Absolute(0)),
        ("0.1", When::Absolute(100_000)),
        ("2.000001", When::Absolute(2_000_001)),
        ("0.0000019", When::Absolute(1)),
        (".25", When::Absolute(250_000)),
        ("1.005", When::Absolute(1_005_000)),
        ("+0", When::Relative(0)),
        ("+.1", When::Relative(100_000)),
        ("+0.1", When::Relative(100_000)),
        ("+ 3", When::Relative(3_000_000)),
        ("*", When::Any),
        ("0.1~0.2", When::AbsoluteRange(100_000, 200_000)),
        ("0.1 ~ 0.2", When::AbsoluteRange(100_000, 200_000)),
        ("+.1~+.2", When::RelativeRange(100_000, 200_000)),
        ("+.1~.2", When::RelativeRange(100_000, 200_000)),
        ("+0~+.01", When::RelativeRange(0, 10_000)),
    ];
    for (text, when) in cases {
        assert_eq!(event(&format!("{text} > . 1:1(0) ack 1")).when, when, "{text}");
    }
}

#[test]
fn a_call_may_block_until_a_time() {
    let cases = [
        ("0.1...0.3", When::Absolute(100_000), Some(300_000)),
        ("+0...0.3", When::Relative(0), Some(300_000)),
        ("+.1...1", When::Relative(100_000), Some(1_000_000)),
        ("+0...+0.2", When::Relative(0), Some(200_000)),
        ("0 ... 2", When::Absolute(0), Some(2_000_000)),
        ("+0", When::Relative(0), None),
    ];
    for (text, when, until) in cases {
        let event = event(&format!("{text} accept(3, ..., ...) = 4"));
        assert_eq!(event.when, when, "{text}");
        let What::Call(call) = event.what else { panic!("no call: {text}") };
        assert_eq!(call.until, until, "{text}");
    }
}

#[test]
fn commands_need_no_time() {
    let script = script(
        "// set up\n`./defaults.sh\n sysctl -q net.ipv4.tcp_sack=0\n`\n0 close(3) = 0\n\
         +.5 `echo \\`date\\``\n+0 %{ assert tcpi_x == 1, tcpi_x }%\n%{\n# Python's\nprint(1)\n}%\n\
         `rm ${HOME}/x`",
    );
    let whens: Vec<When> = script.events.iter().map(|event| event.when).collect();
    let relative = When::Relative(0);
    let first = When::Absolute(0);
    assert_eq!(whens, [first, first, When::Relative(500_000), relative, relative, relative]);
    assert_eq!(
        script.events[0].what,
        What::Shell("./defaults.sh\n sysctl -q net.ipv4.tcp_sack=0\n".to_string())
    );
    assert_eq!(script.events[3].what, What::Code("assert tcpi_x == 1, tcpi_x".to_string()));
    assert_eq!(script.events[4].what, What::Code("\n# Python's\nprint(1)\n".to_string()));
    assert_eq!(script.events[5].what, What::Shell("rm ${HOME}/x".to_string()));
    let lines: Vec<usize> = script.events.iter().map(|event| event.at.line).collect();
    assert_eq!(lines, [2, 5, 6, 7, 8, 12]);
}

#[test]
fn an_event_knows_what_it_says() {
    let text = "\n 0.2   < S  0:0(0)  // comes\n   win 5   <mss 1460,\n /* */ nop>\n";
    let event = event(text);
    assert_eq!(event.text, "0.2 < S 0:0(0) win 5 <mss 1460, nop>");
    assert_eq!(event.at, Place { file: 0, line: 2 });
}

#[test]
fn options_have_values_of_many_kinds() {
    let script = script(
        "--ip_version=ipv4\n--tolerance_usecs=100000 // wide\n--mss=1460 --mtu = 1500\r\n\
         --local_ip=192.0.2.1\n--remote_ip=2001:db8::5\n--wire_client\n--define=CC=\"reno\"\n\
         --tcp_ts_tick_usecs=-1\n--non_fatal=packet,syscall\n--name=\"a b\"\n0 close(3) = 0\n",
    );
    let options: Vec<(&str, &str)> =
        script.options.iter().map(|option| (option.name.as_str(), option.value.as_str())).collect();
    let expected = [
        ("ip_version", "ipv4"),
        ("tolerance_usecs", "100000"),
        ("mss", "1460"),
        ("mtu", "1500"),
        ("local_ip", "192.0.2.1"),
        ("remote_ip", "2001:db8::5"),
        ("wire_client", ""),
        ("define", "CC=\"reno\""),
        ("tcp_ts_tick_usecs", "-1"),
        ("non_fatal", "packet,syscall"),
        ("name", "a b"),
    ];
    assert_eq!(options, expected);
    assert_eq!(script.options[3].at.line, 3);
    assert_eq!(script.events.len(), 1);
}

#[test]
fn line_ends_of_both_kinds_and_a_lost_one() {
    let script = script("\u{feff}--mss=5\r\n0 close(3) = 0\r\n+0 close(4) = 0");
    assert_eq!(script.options[0].value, "5");
    assert_eq!(script.events.len(), 2);
    assert_eq!(script.events[1].text, "+0 close(4) = 0");
}

#[test]
fn mistakes_say_where() {
    let cases = [
        (
            "0 close(3) = 0\n+0 > S 0:5(4)\n",
            "script:2: the sequence numbers and the length disagree near '0'",
        ),
        ("\n\n0 close(3", "script:3: ',' or ')' is missing near 'end of the script'"),
        ("0.2~0.1 > . 1:1(0)", "script:1: this range goes backwards near '0.2'"),
        ("0.2~+0.4 > . 1:1(0)", "script:1: this range is not relative near '+'"),
        (
            "* close(3) = 0",
            "script:1: a time that is * or a range is for packets that are expected near '*'",
        ),
        (
            "0~1 < . 1:1(0)",
            "script:1: a time that is * or a range is for packets that are expected near '0'",
        ),
        ("-1 close(3) = 0", "script:1: a time is negative near '-1'"),
        ("close(3) = 0", "script:1: a time is missing near 'close'"),
        ("0", "script:1: a packet, a system call or a command is missing near 'end of the script'"),
        ("0...1 > . 1:1(0)", "script:1: only a system call blocks near '>'"),
        (
            "99999999999999999 close(3) = 0",
            "script:1: a time is out of range near '99999999999999999'",
        ),
        ("0 > S 0:0(0) win 70000", "script:1: a window is out of range near '70000'"),
        ("0 > S 0:0(0) wni 7", "script:1: a time is missing near 'wni'"),
        ("0 > Sx 0:0(0)", "script:1: 'x' is no TCP flag near 'Sx'"),
        ("0 < S 0:0(0) <...>", "script:1: <...> leaves open what is to be sent near '<'"),
        ("0 < ... 0:0(0)", "script:1: ... leaves open what is to be sent near '<'"),
        ("0 < [ect01] . 0:0(0)", "script:1: ect01 leaves open what is to be sent near '<'"),
        ("0 > [etc0] . 0:0(0)", "script:1: no such annotation of the IP header near 'etc0'"),
        ("0 > . 1:1(0) <mss 5 nop>", "script:1: ',' or '>' is missing near 'nop'"),
        ("0 > . 1:1(0) <FO abc>", "script:1: these are no pairs of hexadecimal digits near 'abc'"),
        ("0 write(3, \"ab, 2) = 2", "script:1: a quotation does not end near '\"ab, 2) = 2'"),
        ("0 `sleep", "script:1: a quotation does not end near '`sleep'"),
        ("\n/* \n", "script:2: a comment does not end near '/*'"),
        ("0 %{ assert", "script:1: code does not end near '%{ assert'"),
        ("0 > icmp", "script:1: an ICMP type is missing near 'end of the script'"),
        ("0 f([1, 2}) = 0", "script:1: ',' or ']' is missing near '}'"),
    ];
    for (text, expected) in cases {
        assert_eq!(mistake(text), expected, "{text}");
    }
}

#[test]
fn what_is_not_understood_ends_where_the_next_statement_begins() {
    let script = script(
        "0 < sctp: INIT[flgs=0, tag=1, a_rwnd=1500, os=1, is=1, tsn=1,\n SUPPORTED[types=[\n4\n]]]\n\
         +0 > sctp(tag=5)/udp(9899 > 9899): INIT_ACK[flgs=0, ...];\n  DATA[flgs=BE]\n\
         +0 < udplite(1000, 8)\n* > sctp: SHUTDOWN[]\n2 close(3) = 0\n",
    );
    assert_eq!(script.events.len(), 5);
    let lines: Vec<usize> = script.events.iter().map(|event| event.at.line).collect();
    assert_eq!(lines, [1, 5, 7, 8, 9]);
}
