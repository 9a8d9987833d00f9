//! What comes of commands, byte for byte.

use std::time::Duration;

use tuntcp::time::Instant;

use super::super::commands::{self, Call};
use super::super::reply::{MAX_REPLY, Reply};
use super::super::store::{MAX_MEMORY, Store};
use super::super::{Bytes, Session, inline};

/// A server and its one client, without a network.
#[derive(Default)]
struct Desk {
    store: Store,
    session: Session,
    now: Instant,
}

impl Desk {
    fn run(&mut self, request: &[Bytes]) -> Reply {
        self.store.expire(self.now);
        let Self { store, session, now } = self;
        commands::run(request, Call { store, session, now: *now, arguments: &[] })
    }

    /// The reply to a request as it is typed, as it crosses the wire; `\r\n` shown as a space.
    fn ask(&mut self, line: &str) -> String {
        let words = inline::split(line.as_bytes()).expect("its quotes are closed");
        let mut reply = Vec::new();
        self.run(&words).encode(&mut reply);
        let reply = String::from_utf8(reply).expect("it is text");
        reply.replace("\r\n", " ").trim_end_matches(' ').to_owned()
    }

    /// Each line of `rows` is a request, `=>` and its reply.
    fn expect(&mut self, rows: &str) {
        for row in rows.lines().map(str::trim).filter(|row| !row.is_empty()) {
            let (request, wanted) = row.split_once("=>").expect("a request => a reply");
            assert_eq!(self.ask(request), wanted.trim(), "{request}");
        }
    }

    fn wait(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
    }
}

#[test]
fn strings() {
    Desk::default().expect(
        r#"
        get k                 => $-1
        set k one             => +OK
        GeT k                 => $3 one
        set k two nx          => $-1
        set k two nx get      => $3 one
        set k two xx          => +OK
        set n x xx            => $-1
        exists n              => :0
        set k three get       => $3 two
        getdel k              => $5 three
        getdel k              => $-1
        setnx k a             => :1
        setnx k b             => :0
        append k bc           => :3
        append n abc          => :3
        strlen k              => :3
        strlen none           => :0
        getset k new          => $3 abc
        mset a 1 b 2          => +OK
        mget a none b         => *3 $1 1 $-1 $1 2
        incr a                => :2
        decr a                => :1
        incrby a 10           => :11
        decrby a 20           => :-9
        incr fresh            => :1
        del a b none          => :2
        set k "" ex 0         => -ERR invalid expire time in 'set' command
        set k v ex            => -ERR syntax error
        set k v nx xx         => -ERR syntax error
        set k v ex 1 px 1     => -ERR syntax error
        set k v keepttl ex 1  => -ERR syntax error
        set k v what          => -ERR syntax error
        set k v ex x          => -ERR value is not an integer or out of range
        set k v ex 9223372036854775807 => -ERR invalid expire time in 'set' command
        setex k -1 v          => -ERR invalid expire time in 'setex' command
        "#,
    );
}

#[test]
fn numbers_have_limits() {
    Desk::default().expect(
        r"
        set n 9223372036854775807 => +OK
        incr n => -ERR increment or decrement would overflow
        get n => $19 9223372036854775807
        decrby n -9223372036854775808 => -ERR decrement would overflow
        incrby n 1.5 => -ERR value is not an integer or out of range
        set n ' 1' => +OK
        incr n => -ERR value is not an integer or out of range
        ",
    );
}

#[test]
fn keys_expire() {
    let mut desk = Desk::default();
    desk.expect("set k v => +OK \n ttl k => :-1 \n ttl none => :-2 \n expire none 5 => :0");
    desk.expect("expire k 5 => :1 \n ttl k => :5 \n pttl k => :5000 \n incr n => :1");
    desk.wait(4999);
    desk.expect("pttl k => :1 \n get k => $1 v \n append k w => :2 \n pttl k => :1");
    desk.wait(1);
    desk.expect("get k => $-1 \n dbsize => :1");
    desk.expect("set k v px 10 => +OK \n set k w keepttl => +OK \n persist k => :1");
    desk.expect(
        "persist k => :0 \n set j w px 10 => +OK \n set j w => +OK \n psetex i 10 v => +OK",
    );
    desk.wait(10);
    desk.expect("mget k j i => *3 $1 w $1 w $-1 \n expire k 0 => :1 \n expire j -5 => :1");
    desk.expect("dbsize => :1 \n rpush l a => :1 \n pexpire l 7 => :1 \n rpush l b => :2");
    desk.wait(7);
    desk.expect("llen l => :0 \n expire n 9223372036854775807 => -ERR invalid expire time in 'expire' command");
    desk.expect("flushall => +OK");
    assert_eq!((desk.store.memory(), desk.store.expiring()), (0, 0));
}

#[test]
fn lists() {
    Desk::default().expect(
        r"
        rpush l a b c       => :3
        lpush l z y         => :5
        lrange l 0 -1       => *5 $1 y $1 z $1 a $1 b $1 c
        lrange l -2 100     => *2 $1 b $1 c
        lrange l 3 1        => *0
        lrange l 9 10       => *0
        lrange l -9223372036854775808 9223372036854775807 => *5 $1 y $1 z $1 a $1 b $1 c
        lrange l a 1        => -ERR value is not an integer or out of range
        lpop l              => $1 y
        rpop l 2            => *2 $1 c $1 b
        lpop l 0            => *0
        lpop l -1           => -ERR value is out of range, must be positive
        llen l              => :2
        lpop l 10           => *2 $1 z $1 a
        exists l            => :0
        lpop l              => $-1
        lpop l 1            => *-1
        ",
    );
}

#[test]
fn sets_and_hashes() {
    Desk::default().expect(
        r"
        sadd s b a b        => :2
        scard s             => :2
        smembers s          => *2 $1 a $1 b
        sismember s a       => :1
        sismember s x       => :0
        srem s a x          => :1
        spop s              => $1 b
        spop s              => $-1
        spop s 2            => *0
        hset h f 1 g 2      => :2
        hset h f 3          => :0
        hget h f            => $1 3
        hget h x            => $-1
        hmget h f x         => *2 $1 3 $-1
        hlen h              => :2
        hexists h g         => :1
        hgetall h           => *4 $1 f $1 3 $1 g $1 2
        hdel h f g          => :2
        exists h            => :0
        hset h f            => -ERR wrong number of arguments for 'hset' command
        hset h f 1 g        => -ERR wrong number of arguments for 'hset' command
        ",
    );
}

#[test]
fn a_key_stands_for_one_kind_of_thing() {
    let mut desk = Desk::default();
    desk.expect("set k v => +OK \n rpush l a => :1 \n type k => +string \n type l => +list");
    desk.expect("type x => +none \n sadd s a => :1 \n type s => +set \n hset h f v => :1");
    desk.expect("type h => +hash");
    let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    for request in [
        "get l",
        "incr l",
        "append l x",
        "getset l x",
        "getdel l",
        "strlen h",
        "set l v get",
        "lpush k a",
        "lpop s",
        "lpop s 1",
        "lrange k 0 1",
        "llen h",
        "sadd l a",
        "spop k",
        "smembers h",
        "hset s f v",
        "hget k f",
        "hgetall l",
    ] {
        assert_eq!(desk.ask(request), wrong, "{request}");
    }
    desk.expect("mget k l => *2 $1 v $-1 \n set l v => +OK \n get l => $1 v \n get k => $1 v");
}

#[test]
fn about_the_connection() {
    let mut desk = Desk::default();
    desk.expect(
        r#"
        ping                 => +PONG
        ping hello           => $5 hello
        echo "a b"           => $3 a b
        select 0             => +OK
        select 1             => -ERR DB index is out of range
        select x             => -ERR value is not an integer or out of range
        hello 3              => -NOPROTO unsupported protocol version
        hello x              => -ERR Protocol version is not an integer or out of range
        client getname       => $-1
        client setname me    => +OK
        client getname       => $2 me
        client setname "a b" => -ERR Client names cannot contain spaces, newlines or special characters.
        client setinfo lib-name x => +OK
        client kill          => -ERR unknown subcommand 'kill'. Try CLIENT HELP.
        command docs         => -ERR unknown subcommand 'docs'. Try COMMAND HELP.
        command count        => :58
        config get save      => *2 $4 save $0
        config get app*      => *2 $10 appendonly $2 no
        config set save x    => -ERR unknown subcommand 'set'. Try CONFIG HELP.
        ping a b             => -ERR wrong number of arguments for 'ping' command
        GET                  => -ERR wrong number of arguments for 'get' command
        mset a               => -ERR wrong number of arguments for 'mset' command
        mset a 1 b           => -ERR wrong number of arguments for 'mset' command
        nope                 => -ERR unknown command 'nope', with args beginning with:
        Nope a "b\r\nc"      => -ERR unknown command 'Nope', with args beginning with: 'a' 'b  c'
        "#,
    );
    assert!(!desk.session.quits);
    desk.expect("quit => +OK");
    assert!(desk.session.quits);
    let long = format!("{} {}", "x".repeat(1000), "y ".repeat(1000));
    assert!(desk.ask(&long).len() < 500, "only a part of it is repeated");
}

#[test]
fn keys_are_found() {
    let mut desk = Desk::default();
    desk.expect("mset one 1 two 2 => +OK \n sadd other x => :1");
    desk.expect(
        "keys t* => *1 $3 two \n keys x => *0 \n scan 0 match t?o count 10 => *2 $1 0 *1 $3 two",
    );
    desk.expect("scan 0 type set => *2 $1 0 *1 $5 other \n scan 1 => -ERR invalid cursor");
    desk.expect("scan 0 match => -ERR syntax error \n scan 0 count 0 => -ERR syntax error");
    assert!(desk.ask("keys *").starts_with("*3 "));
    let pattern = format!("*{}b", "a".repeat(20_000));
    desk.ask(&format!("set {} 1", "a".repeat(40_000)));
    assert_eq!(desk.ask(&format!("keys {pattern}")), "-ERR the pattern takes too long to match");
}

#[test]
fn what_is_kept_is_counted_and_bounded() {
    let mut desk = Desk::default();
    let long = Bytes::from(vec![7; 512 << 10]);
    let word = |text: &str| Bytes::from(text.as_bytes());
    let mut count = 0;
    loop {
        count += 1;
        let key = word(&count.to_string());
        let reply = desk.run(&[word("set"), key, long.clone()]);
        if let Reply::Error(why) = reply {
            assert_eq!(why, "OOM command not allowed when used memory > 'maxmemory'.");
            break;
        }
    }
    assert_eq!(count, 129, "64 MiB hold so many strings of 512 KiB, and no more");
    assert!(desk.store.memory() < MAX_MEMORY + (1 << 20));
    assert_eq!(desk.ask("strlen 1"), ":524288");
    assert!(desk.ask("lpush l x").starts_with("-OOM"));
    desk.expect("del 1 => :1 \n lpush l x => :1 \n lpop l => $1 x");
    assert_eq!(desk.run(&[word("append"), word("2"), word("x")]), {
        Reply::Error("ERR string exceeds maximum allowed size (proto-max-bulk-len)".into())
    });

    // A reply that would be longer than what may wait for a client is none.
    let mut many = vec![word("mget")];
    many.resize(9, word("2"));
    let mut out = Vec::new();
    desk.run(&many).encode(&mut out);
    assert_eq!(out, format!("-ERR the reply has more than {MAX_REPLY} bytes\r\n").as_bytes());
    assert_eq!(desk.ask("get 3").len(), "$524288 ".len() + (512 << 10));

    // Whatever is done to it, what is empty weighs nothing.
    desk.expect("flushall => +OK \n rpush l a b => :2 \n lpop l 2 => *2 $1 a $1 b");
    desk.expect("sadd s a b a => :2 \n srem s a b c => :2 \n hset h f 1 f 22 g 3 => :2");
    desk.expect("hdel h f => :1 \n hdel h g g => :1 \n set k v => +OK \n append k w => :2");
    desk.expect("getdel k => $2 vw");
    assert_eq!((desk.store.memory(), desk.store.len()), (0, 0));
}
