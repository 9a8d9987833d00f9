//! Directives, definitions and files within files.

use std::io;
use std::path::Path;

use super::super::parse;
use super::super::script::{Expr, Place, What};
use super::super::source::Definitions;
use super::{mistake, nothing, script};

fn defined(pairs: &[(&str, &str)]) -> Definitions {
    pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

fn arguments(text: &str, definitions: &Definitions) -> Vec<Expr> {
    let script = parse::parse(text, definitions, &nothing).expect("it parses");
    match &script.events[0].what {
        What::Call(call) => call.arguments.clone(),
        other => panic!("no call: {other:?}"),
    }
}

#[test]
fn conditions_choose_lines() {
    let text = "#!/usr/bin/env tuntcp packetdrill\n#ifdef Linux\n0 a() = 0\n#ifdef x\nrubbish\n\
                #else\nmore rubbish\n#endif\n#else // not there\n0 b() = 0\n#ifndef FreeBSD\n\
                0 c() = 0\n#endif\n#endif\n#ifdef TunTCP\n0 d() = 0\n#endif\n";
    let names = |definitions: &Definitions| -> Vec<String> {
        let script = parse::parse(text, definitions, &nothing).expect("it parses");
        let name = |what: &What| match what {
            What::Call(call) => call.name.clone(),
            other => panic!("no call: {other:?}"),
        };
        script.events.iter().map(|event| name(&event.what)).collect()
    };
    assert_eq!(names(&defined(&[])), ["b", "c", "d"]);
    assert_eq!(names(&defined(&[("freebsd", "")])), ["b", "d"]);
    assert_eq!(
        script("#ifndef A\n#define A\n#endif\n#ifdef A\n0 a() = 0\n#endif\n").events[0].at,
        Place { file: 0, line: 5 }
    );
}

#[test]
fn definitions_stand_for_what_they_say() {
    let definitions = defined(&[
        ("WORD", "SOCK_STREAM"),
        ("NUMBER", "12"),
        ("STRING", "\"reno\""),
        ("FLAGS", "A|B"),
        ("EMPTY", ""),
        ("SELF", "SELF"),
    ]);
    let read = arguments(
        "0 f(WORD, NUMBER, STRING, FLAGS, EMPTY, SELF, \"x${STRING}y${U}\") = 0",
        &definitions,
    );
    let word = |text: &str| Expr::Word(text.to_string());
    assert_eq!(
        read,
        [
            word("SOCK_STREAM"),
            Expr::Int(12),
            Expr::Str("reno".to_string()),
            Expr::Or(vec![word("A"), word("B")]),
            word("EMPTY"),
            word("SELF"),
            Expr::Str("xrenoy${U}".to_string()),
        ]
    );
    let read = arguments("--define=N=\"a b\"\n#define M 7 // seven\n0 f(N, M) = 0", &defined(&[]));
    assert_eq!(read, [Expr::Str("a b".to_string()), Expr::Int(7)]);
    let text = "#define CMD `echo ${X}`\n#define X 5\nCMD\n+0 > . 1:FIVE(4)\n";
    let script = parse::parse(text, &defined(&[("FIVE", "5")]), &nothing).expect("it parses");
    assert_eq!(script.events[0].what, What::Shell("echo ${X}".to_string()));
    assert_eq!(script.events[1].text, "+0 > . 1:FIVE(4)");
}

#[test]
fn directives_are_none_within_quotations_code_and_comments() {
    let text = "`a\n# b\n`\n%{\n#if 1\n}%\n/*\n#else\n*/\n+0 f(\"\n#\n\") = 0\n+0 g() = 0 // \"`\n\
                #define X\n";
    assert_eq!(script(text).events.len(), 4);
}

#[test]
fn includes_are_found_beside_the_file() {
    let resolve = |path: &Path| -> io::Result<String> {
        match path.to_str() {
            Some("lib/a.pkt") => Ok("0 a() = 0\n#include \"b.pkt\"\n".to_string()),
            Some("lib/b.pkt") => Ok("\n+0 b() = 0\n".to_string()),
            Some("bad.pkt") => Ok("\n0 f(}\n".to_string()),
            Some("loop.pkt") => Ok("#include \"loop.pkt\"\n".to_string()),
            _ => Err(io::Error::new(io::ErrorKind::NotFound, "not there")),
        }
    };
    let read = |text: &str| parse::parse(text, &Definitions::new(), &resolve);
    let script = read("#include \"lib/a.pkt\"\n+0 c() = 0\n").expect("it parses");
    let places: Vec<(usize, usize)> =
        script.events.iter().map(|event| (event.at.file, event.at.line)).collect();
    assert_eq!(places, [(1, 1), (2, 2), (0, 2)]);
    let cases = [
        ("\n#include \"bad.pkt\"\n1 g() = 0", "bad.pkt:2: a value is missing near '}'"),
        ("#include \"none.pkt\"", "script:1: none.pkt: not there near '#include \"none.pkt\"'"),
        ("#include \"loop.pkt\"", "loop.pkt:1: files include each other too deeply near"),
        ("#include loop", "script:1: a file's name in quotes is missing near '#include loop'"),
    ];
    for (text, expected) in cases {
        let found = read(text).expect_err(text).to_string();
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn files_are_read() {
    let directory = std::env::temp_dir().join(format!("tuntcp-script-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let path = directory.join("a.pkt");
    std::fs::write(&path, "#include \"b.pkt\"\n+0 f() = 0\n").expect("a file");
    std::fs::write(directory.join("b.pkt"), b"// \xff\n0 `true`\n").expect("a file");
    let (script, sources) = parse::read(&path, &Definitions::new()).expect("it parses");
    assert_eq!(script.events.len(), 2);
    assert_eq!(sources.name(script.events[0].at), directory.join("b.pkt").display().to_string());
    std::fs::remove_dir_all(&directory).expect("the directory is there");
    let gone = parse::read(&path, &Definitions::new()).expect_err("the file is gone");
    assert_eq!(gone.at, Place { file: 0, line: 1 });
}

#[test]
fn directives_that_go_wrong() {
    let cases = [
        ("0 a() = 0\n#ifdef x\n", "script:2: no #endif follows"),
        ("#else", "script:1: no #ifdef goes before it near '#else'"),
        ("#endif", "script:1: no #ifdef goes before it near '#endif'"),
        ("#ifdef a\n#else\n#else\n#endif", "script:3: no #ifdef goes before it near '#else'"),
        ("#ifdef", "script:1: a name is missing near '#ifdef'"),
        ("#define", "script:1: a name is missing near '#define'"),
        ("\n # note", "script:2: a line starts with #, which begins no comment near '# note'"),
    ];
    for (text, expected) in cases {
        assert_eq!(mistake(text), expected, "{text}");
    }
}
