//! System calls: what they are given and what they give.

use super::super::script::Expr;
use super::{call, mistake};

fn word(text: &str) -> Expr {
    Expr::Word(text.to_string())
}

fn text(text: &str) -> Expr {
    Expr::Str(text.to_string())
}

fn structure(members: &[(&str, Expr)]) -> Expr {
    Expr::Struct(members.iter().map(|(name, value)| (name.to_string(), value.clone())).collect())
}

fn apply(name: &str, arguments: &[Expr]) -> Expr {
    Expr::Apply(name.to_string(), arguments.to_vec())
}

/// The only argument of a call.
fn argument(text: &str) -> Expr {
    let mut arguments = call(&format!("f({text}) = 0")).arguments;
    assert_eq!(arguments.len(), 1, "{text}");
    arguments.remove(0)
}

#[test]
fn arguments_of_every_form() {
    use Expr::{Ellipsis, Int, List, Not, Or};
    let cases = [
        ("...", Ellipsis),
        ("3", Int(3)),
        ("-1", Int(-1)),
        ("0x1F", Int(31)),
        ("-0x1", Int(-1)),
        ("4294967295", Int(4_294_967_295)),
        ("SOCK_STREAM", word("SOCK_STREAM")),
        ("NULL", word("NULL")),
        ("1.5", word("1.5")),
        ("\"a\\n\\x41\\102\\\"\\\\\"", text("a\nAB\"\\")),
        ("\"ab\" \"cd\"", text("abcd")),
        ("\"ab\"...", text("ab")),
        ("A|B", Or(vec![word("A"), word("B")])),
        ("A | B | 4", Or(vec![word("A"), word("B"), Int(4)])),
        ("~A", Not(Box::new(word("A")))),
        ("&x", word("x")),
        ("(A | B)", Or(vec![word("A"), word("B")])),
        ("[]", List(vec![])),
        ("[1]", List(vec![Int(1)])),
        ("[1, \"x\"]", List(vec![Int(1), text("x")])),
        ("[...]", List(vec![Ellipsis])),
        ("X=5", structure(&[("X", Int(5))])),
        ("{}", structure(&[])),
        ("{onoff=1, linger=...}", structure(&[("onoff", Int(1)), ("linger", Ellipsis)])),
        ("{..., 1000}", structure(&[("", Ellipsis), ("", Int(1000))])),
        ("htonl(0x1)", apply("htonl", &[Int(1)])),
        ("inet6_addr(\"::1\")", apply("inet6_addr", &[text("::1")])),
        ("{enable=1, psk=0011}", structure(&[("enable", Int(1)), ("psk", word("0011"))])),
        ("{enable=1, psk=00aa}", structure(&[("enable", Int(1)), ("psk", word("00aa"))])),
        (
            "{function_set_name=\"rack\",\n pcbcnt=0}",
            structure(&[("function_set_name", text("rack")), ("pcbcnt", Int(0))]),
        ),
        (
            "{ (label 1, tc 2, [S], ttl 3) }",
            structure(&[("", word("(label 1, tc 2, [S], ttl 3)"))]),
        ),
        ("{flags [none], sum 0}", structure(&[("", word("flags [none], sum 0"))])),
        ("{flags=1}", structure(&[("flags", Int(1))])),
        (
            "{events=EPOLLIN|EPOLLET, ptr=3}",
            structure(&[("events", Or(vec![word("EPOLLIN"), word("EPOLLET")])), ("ptr", Int(3))]),
        ),
        (
            "[{fd=4, events=POLLIN, revents=0}]",
            List(vec![structure(&[
                ("fd", Int(4)),
                ("events", word("POLLIN")),
                ("revents", Int(0)),
            ])]),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(argument(text), expected, "{text}");
    }
}

#[test]
fn an_address_is_a_struct() {
    let read = argument(
        "{sa_family = AF_INET, sin_port = htons(8080), sin_addr = inet_addr(\"192.0.2.1\")}",
    );
    let expected = structure(&[
        ("sa_family", word("AF_INET")),
        ("sin_port", apply("htons", &[Expr::Int(8080)])),
        ("sin_addr", apply("inet_addr", &[text("192.0.2.1")])),
    ]);
    assert_eq!(read, expected);
}

#[test]
fn a_message_header_is_a_struct_whose_lengths_are_dropped() {
    let read = argument(
        "{msg_name(...)=...,\n  msg_iov(2)=[{..., 500},{...,400}],\n  msg_flags=MSG_A|MSG_B,\n  \
         msg_control(8)=[{cmsg_level=SOL_TCP, cmsg_type=5, cmsg_data={scm_sec=0,scm_nsec=1}}]}",
    );
    let Expr::Struct(members) = read else { panic!("no struct: {read:?}") };
    let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["msg_name", "msg_iov", "msg_flags", "msg_control"]);
    assert_eq!(members[0].1, Expr::Ellipsis);
    let piece = |length| structure(&[("", Expr::Ellipsis), ("", Expr::Int(length))]);
    assert_eq!(members[1].1, Expr::List(vec![piece(500), piece(400)]));
}

#[test]
fn results_of_every_form() {
    let cases = [
        ("f() = 3", Some(Expr::Int(3)), None, None),
        ("f()", None, None, None),
        ("f() = ...", Some(Expr::Ellipsis), None, None),
        ("f() = ?", Some(Expr::Ellipsis), None, None),
        ("f() = -1 // EINPROGRESS", Some(Expr::Int(-1)), None, None),
        ("f() = -1 EAGAIN", Some(Expr::Int(-1)), Some("EAGAIN"), None),
        (
            "f() = -1 EINPROGRESS (Operation now in progress)",
            Some(Expr::Int(-1)),
            Some("EINPROGRESS"),
            Some("Operation now in progress"),
        ),
        ("f() = 0x02 (flags O_RDWR)", Some(Expr::Int(2)), None, Some("flags O_RDWR")),
        (
            "f() = 0x802 (flags O_RDWR|O_NONBLOCK)",
            Some(Expr::Int(0x802)),
            None,
            Some("flags O_RDWR|O_NONBLOCK"),
        ),
        (
            "f() = -1 EADDRNOTAVAIL (Can't assign it)",
            Some(Expr::Int(-1)),
            Some("EADDRNOTAVAIL"),
            Some("Can't assign it"),
        ),
        ("f() = O_RDWR | 2", Some(Expr::Or(vec![word("O_RDWR"), Expr::Int(2)])), None, None),
    ];
    for (text, result, errno, note) in cases {
        let read = call(text);
        assert_eq!(read.result, result, "{text}");
        assert_eq!((read.errno.as_deref(), read.note.as_deref()), (errno, note), "{text}");
    }
}

#[test]
fn calls_as_scripts_have_them() {
    let lines = [
        "socket(..., SOCK_STREAM, IPPROTO_TCP) = 3",
        "socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3",
        "fcntl(3, F_GETFL) = 0x02 (flags O_RDWR)",
        "fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0",
        "setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0",
        "setsockopt(3, IPPROTO_TCP, TCP_CONGESTION, \"reno\", 5) = 0",
        "setsockopt(3, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, 8) = 0",
        "setsockopt(3, IPPROTO_TCP, TCP_CONGESTION, [\"cubic\"], 6) = 0",
        "getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0",
        "getsockopt(3, SOL_SOCKET, SO_ERROR, [ENETUNREACH], [4]) = 0",
        "getsockopt(3, SOL_TCP, TCP_INFO, {...}, [...]) = 0",
        "bind(3, ..., ...) = 0",
        "bind(3, {sa_family = AF_INET6, sin_port = htons(0), sin_addr = inet_addr(\"::\")}, ...) = 0",
        "connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)",
        "sendto(3, ..., 500, MSG_FASTOPEN, ..., ...) = -1 EINPROGRESS (Operation now in progress)",
        "read(4, ..., 1000) = -1 ECONNRESET (Connection reset by peer)",
        "writev(4, [{..., 500}, {..., 400}], 2) = 900",
        "sendfile(5, 6, [0], 5) = 5",
        "poll([{fd=3,\n events=POLLIN|POLLOUT,\n revents=POLLOUT}], 1, 0) = 1",
        "epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLOUT, fd=4}) = 0",
        "epoll_wait(5, {events=EPOLLOUT, u32=4}, 1, 0) = 1",
        "ioctl(4, SIOCINQ, [100]) = 0",
        "shutdown(4, SHUT_WR) = 0",
        "splice(4, NULL, 5, NULL, 99, 0) = 9",
        "recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{...,5}], msg_flags=MSG_TRUNC, \
         msg_control=[]}, 0) = 5",
    ];
    for line in lines {
        assert!(call(line).result.is_some(), "{line}");
    }
}

#[test]
fn what_nests_too_deeply_is_a_mistake() {
    for open in ["[", "(", "{", "~", "&", "f(", "{a="] {
        let text = format!("0 f({}", open.repeat(50_000));
        assert!(mistake(&text).starts_with("script:1: this nests too deeply near "), "{open}");
    }
}
