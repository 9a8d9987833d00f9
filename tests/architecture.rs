//! The rules of the house, read off the source files: which room may know which, how long a file
//! and a function may be, and what stands in its one place only. Each rule is tried on a few lines
//! that break it and a few that do not, so that none can fall asleep.

#[path = "architecture/rules.rs"]
mod rules;
#[path = "architecture/source.rs"]
mod source;

use std::path::Path;

use rules::RULES;
use source::Source;

#[test]
fn every_file_keeps_the_rules() {
    let files = source::all(Path::new(env!("CARGO_MANIFEST_DIR")));
    for known in
        ["src/lib.rs", "src/tcp/input.rs", "src/bin/tuntcp/main.rs", "tests/architecture.rs"]
    {
        assert!(files.iter().any(|file| file.path == known), "{known} was not read");
    }
    let breaches: Vec<String> = files.iter().flat_map(rules::breaches).collect();
    assert!(breaches.is_empty(), "\n\n{}\n", breaches.join("\n"));
}

#[test]
fn no_rule_sleeps() {
    for rule in RULES {
        assert!(!rule.broken_by.is_empty() && !rule.kept_by.is_empty(), "{}", rule.what);
        for (path, text) in rule.broken_by {
            let lines = (rule.find)(&Source::new(path, text));
            assert!(!lines.is_empty(), "{path} may do this, against '{}':\n{text}", rule.what);
        }
        for (path, text) in rule.kept_by {
            let lines = (rule.find)(&Source::new(path, text));
            assert!(lines.is_empty(), "{path} may not do this, for '{}':\n{text}", rule.what);
        }
    }
}

#[test]
fn a_breach_is_told_with_its_place() {
    let file = Source::new("src/wire/ip.rs", "//! IP.\n\nuse crate::tcp::Config;\n");
    let what = "a room knows those below it only";
    assert_eq!(rules::breaches(&file), [format!("src/wire/ip.rs:3: {what}: crate::tcp")]);
}

#[test]
fn long_files_and_functions_are_told_by_a_line() {
    let long = "// one\n".repeat(501);
    assert_eq!(rules::too_long_file(&Source::new("src/a.rs", &long)).len(), 1);
    assert_eq!(rules::too_long_file(&Source::new("src/a.rs", &long[7..])).len(), 0);

    let of =
        |lines: usize| format!("fn f(g: [u8; 2]) {{\n{}}}\n", "    { h() };\n".repeat(lines - 2));
    let found = |text: &str| rules::too_long_functions(&Source::new("src/a.rs", text)).len();
    assert_eq!((found(&of(80)), found(&of(81))), (0, 1));
    // Two of 80 are not one of 160, nor is a declaration a function.
    assert_eq!(found(&of(80).repeat(2)), 0);
    assert_eq!(found(&format!("trait T {{ fn f(); }}\n{}", "struct S {}\n".repeat(90))), 0);
    let inner = format!("struct S;\nimpl S {{\n{}}}\n", of(81));
    assert_eq!(rules::too_long_functions(&Source::new("src/a.rs", &inner))[0].0, 3);
}

#[test]
fn comments_and_literals_are_no_code() {
    let rows = [
        ("a // b\nc", "a     \nc"),
        ("a /* b /* c */ d */ e", "a                   e"),
        ("a \"b\\\"c\" d", "a \"    \" d"),
        ("r#\"a\"b\"# c", "r#\"   \"# c"),
        ("'\"' 'a' '\\'' b", "' ' ' ' '  ' b"),
        ("&'a str, 'b: loop", "&'a str, 'b: loop"),
        ("b\"x\ny\" z", "b\" \n \" z"),
        ("bar\"x\"", "bar\" \""),
    ];
    for (text, code) in rows {
        assert_eq!(Source::new("src/a.rs", text).code, code, "{text}");
    }
}
