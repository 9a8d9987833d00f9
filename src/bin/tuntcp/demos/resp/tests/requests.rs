//! Where requests begin and end.

use super::super::request::{Requests, Wrong};
use super::super::{glob, inline, integer};

type Words = Vec<Vec<u8>>;

/// The requests that are whole, and what is wrong behind them.
fn all(requests: &mut Requests) -> (Vec<Words>, Option<String>) {
    let mut found = Vec::new();
    loop {
        match requests.next() {
            Ok(None) => return (found, None),
            Ok(Some(words)) => found.push(words.iter().map(|word| word.to_vec()).collect()),
            Err(Wrong(why)) => return (found, Some(why.into_owned())),
        }
    }
}

fn in_one(bytes: &[u8]) -> (Vec<Words>, Option<String>) {
    let mut requests = Requests::default();
    requests.feed(bytes);
    all(&mut requests)
}

/// The same in two pieces, and by single bytes.
fn in_pieces(pieces: &[&[u8]]) -> (Vec<Words>, Option<String>) {
    let mut requests = Requests::default();
    let mut found = Vec::new();
    for piece in pieces {
        requests.feed(piece);
        let (more, wrong) = all(&mut requests);
        found.extend(more);
        if wrong.is_some() {
            return (found, wrong);
        }
    }
    (found, None)
}

fn words(words: &[&str]) -> Words {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

#[test]
fn requests_are_the_same_wherever_they_are_cut() {
    let stream = b"*1\r\n$4\r\nPING\r\nPING\r\n\r\n*0\r\n*-1\r\nset \"a b\" 'c\\'d'\n*2\r\n$0\r\n\r\n$4\r\n\r\n*1\r\n";
    let wanted = vec![
        words(&["PING"]),
        words(&["PING"]),
        words(&["set", "a b", "c'd"]),
        words(&["", "\r\n*1"]),
    ];
    assert_eq!(in_one(stream), (wanted.clone(), None));
    for cut in 0..=stream.len() {
        let (one, other) = stream.split_at(cut);
        assert_eq!(in_pieces(&[one, other]), (wanted.clone(), None), "cut at {cut}");
        if cut < stream.len() {
            let before = in_one(one);
            assert!(before.1.is_none() && before.0.len() < wanted.len(), "whole at {cut}");
        }
    }
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(in_pieces(&bytes), (wanted, None));
}

#[test]
fn what_is_wrong_is_said() {
    let zeros = |count: usize| "0".repeat(count);
    let rows: Vec<(String, &str)> = vec![
        ("*x\r\n".into(), "invalid multibulk length"),
        ("*\r\n".into(), "invalid multibulk length"),
        ("*01\r\n".into(), "invalid multibulk length"),
        ("*4097\r\n".into(), "invalid multibulk length"),
        ("*99999999999999999999\r\n".into(), "invalid multibulk length"),
        ("*1\r\n*1\r\n".into(), "expected '$', got '*'"),
        ("*1\r\n4\r\n".into(), "expected '$', got '4'"),
        ("*1\r\n\r\n".into(), "expected '$', got '\\r'"),
        ("*1\r\n$-1\r\n".into(), "invalid bulk length"),
        ("*1\r\n$524289\r\n".into(), "invalid bulk length"),
        ("*1\r\n$9223372036854775808\r\n".into(), "invalid bulk length"),
        ("*1\r\n$x\r\n".into(), "invalid bulk length"),
        ("*1\r\n$3\r\nPING\r\n".into(), "a string is not as long as it says"),
        ("*1\r\n$5\r\nPING\r\n*".into(), "a string is not as long as it says"),
        (format!("*{}", zeros(65_537)), "too big mbulk count string"),
        (format!("*1\r\n${}", zeros(65_537)), "too big bulk count string"),
        (zeros(65_537), "too big inline request"),
        (format!("{}\r\n", zeros(65_537)), "too big inline request"),
        ("get \"a\r\n".into(), "unbalanced quotes in request"),
        ("get \"a\"b\r\n".into(), "unbalanced quotes in request"),
    ];
    for (stream, wanted) in rows {
        let shown: String = stream.chars().take(40).collect();
        let (found, wrong) = in_one(format!("PING\r\n{stream}").as_bytes());
        assert_eq!((found.len(), wrong.as_deref()), (1, Some(wanted)), "{shown}");
        let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        assert_eq!(in_pieces(&bytes).1.as_deref(), Some(wanted), "{shown}");
    }
}

#[test]
fn many_long_strings_are_refused_before_they_come() {
    let long = [b"$524286\r\n".as_slice(), &[7; 524_286], b"\r\n"].concat();
    let three = |third: &str| [b"*3\r\n", &*long, &long, third.as_bytes()].concat();
    assert_eq!(in_one(&three("$4\r\nabcd\r\n")).0[0][1].len(), 524_286);
    let wanted = Some("a request has at most 1048576 bytes".to_owned());
    assert_eq!(in_one(&three("$5\r\n")), (Vec::new(), wanted));
}

#[test]
fn it_is_known_whether_a_request_has_begun() {
    let mut requests = Requests::default();
    for (bytes, wanted) in [("*1\r\n", true), ("$1\r\n", true), ("a\r\n", false), ("PI", true)] {
        requests.feed(bytes.as_bytes());
        assert_eq!(all(&mut requests).1, None);
        assert_eq!(requests.is_midway(), wanted, "{bytes:?}");
    }
}

#[test]
fn lines_are_words() {
    let rows: [(&str, Option<&[&str]>); 12] = [
        ("", Some(&[])),
        ("  get\t key  ", Some(&["get", "key"])),
        ("\"\" ''", Some(&["", ""])),
        (r#""\n\r\t\b\a\x41\x4g\q\\""#, Some(&["\n\r\t\u{8}\u{7}Ax4gq\\"])),
        (r"'\n \' \x41'", Some(&["\\n ' \\x41"])),
        (r"'a\\'", None),
        ("a\"b c\"", Some(&["a\"b", "c\""])),
        ("\"a", None),
        ("'a", None),
        ("\"a\\\"", None),
        ("'a'b", None),
        ("'a' 'b'", Some(&["a", "b"])),
    ];
    for (line, wanted) in rows {
        let found = inline::split(line.as_bytes());
        let found = found.map(|all| all.iter().map(|word| word.to_vec()).collect::<Words>());
        assert_eq!(found, wanted.map(words), "{line}");
    }
}

#[test]
fn integers_are_written_in_one_way() {
    for number in [0, 1, -1, 42, i64::MAX, i64::MIN] {
        assert_eq!(integer(number.to_string().as_bytes()), Some(number));
    }
    for text in [
        "",
        "-",
        "+1",
        " 1",
        "1 ",
        "01",
        "-0",
        "00",
        "1x",
        "1.0",
        "0x1",
        "9223372036854775808",
        "é",
    ] {
        assert_eq!(integer(text.as_bytes()), None, "{text:?}");
    }
}

#[test]
fn patterns_match() {
    let rows = [
        ("", "", true),
        ("", "a", false),
        ("*", "", true),
        ("a*", "abc", true),
        ("*c", "abc", true),
        ("*b*", "abc", true),
        ("a*b*c", "aXbXbXc", true),
        ("a*b*c", "aXbXbX", false),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("?", "", false),
        ("[abc]x", "bx", true),
        ("[a-c]x", "dx", false),
        ("[c-a]x", "bx", true),
        ("[^a-c]x", "dx", true),
        ("[^a-c]x", "ax", false),
        ("[a", "a", true),
        ("[]", "]", false),
        ("\\*", "*", true),
        ("\\*", "a", false),
        ("a\\", "a\\", true),
        ("[\\]]", "]", true),
        ("abc", "ab", false),
        ("ab", "abc", false),
    ];
    for (pattern, text, wanted) in rows {
        let found = glob::matches(pattern.as_bytes(), text.as_bytes(), &mut 1000);
        assert_eq!(found, Some(wanted), "{pattern} {text}");
    }
}

#[test]
fn no_pattern_takes_for_ever() {
    let text = vec![b'a'; 100_000];
    let pattern = [b"*".as_slice(), &[b'a'; 50_000], b"b"].concat();
    let mut steps = 1 << 20;
    assert_eq!(glob::matches(&pattern, &text, &mut steps), None);
    // A long class counts for what it is.
    let pattern = [b"*[".as_slice(), &[b'b'; 50_000], b"]"].concat();
    assert_eq!(glob::matches(&pattern, &text, &mut (1 << 20)), None);
}
