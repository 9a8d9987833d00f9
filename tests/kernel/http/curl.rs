//! curl, and every field of a header that the server heeds.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use super::{LAST_MODIFIED, Site, curl};
use crate::world::{World, noise, run};

#[test]
fn files_and_what_is_said_of_them() {
    let world = World::new();
    let much = noise(1, 8 << 20);
    let site = Site::new("files").with("a.txt", "hello\n").with("much", &much).with("empty", "");
    let server = site.serve(&world, &["--max-age", "600"]);
    let got = curl(&["/a.txt?a=b"]);
    assert_eq!((got.status, &got.body[..]), (200, &b"hello\n"[..]));
    assert_eq!(got.field("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(got.field("content-length"), Some("6"));
    assert_eq!(got.field("last-modified"), Some(LAST_MODIFIED));
    assert_eq!(got.field("cache-control"), Some("max-age=600"));
    assert_eq!(got.field("accept-ranges"), Some("bytes"));
    assert_eq!(got.field("x-content-type-options"), Some("nosniff"));
    assert!(got.field("etag").is_some_and(|tag| tag.starts_with('"') && tag.ends_with('"')));
    // Ten minutes after it was sent.
    let seconds = |name| {
        let date = got.field(name).expect("it is dated");
        let said = run("date", ["-d", date, "+%s"]).stdout;
        String::from_utf8_lossy(&said).trim().parse::<u64>().expect("a number")
    };
    assert!((599..=600).contains(&(seconds("expires") - seconds("date"))), "{}", got.header);

    let head = curl(&["-I", "/much"]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.field("content-length"), Some("8388608"));
    assert_eq!(head.field("content-type"), Some("application/octet-stream"));
    let got = curl(&["/much"]);
    assert!(got.status == 200 && got.body == much);
    let got = curl(&["/empty"]);
    assert_eq!((got.status, got.field("content-length"), got.body.len()), (200, Some("0"), 0));
    for (path, status) in [("/b.txt", 404), ("/a.txt/", 404), ("/a.txt/b", 404), ("/%zz", 400)] {
        assert_eq!(curl(&[path]).status, status, "{path}");
    }
    server.stop();
}

#[test]
fn ranges() {
    let world = World::new();
    let digits = b"0123456789".repeat(10);
    let site = Site::new("ranges").with("digits.txt", &digits).with("empty", "");
    let server = site.serve(&world, &[]);
    let rows = [
        ("0-9", 206, "bytes 0-9/100", "0123456789"),
        ("95-", 206, "bytes 95-99/100", "56789"),
        ("-5", 206, "bytes 95-99/100", "56789"),
        ("98-200", 206, "bytes 98-99/100", "89"),
    ];
    for (range, status, told, text) in rows {
        let got = curl(&["-r", range, "/digits.txt"]);
        assert_eq!((got.status, got.field("content-range")), (status, Some(told)), "{range}");
        assert_eq!(got.text(), text, "{range}");
        assert_eq!(got.field("content-type"), Some("text/plain; charset=utf-8"));
    }
    let got = curl(&["-r", "100-", "/digits.txt"]);
    assert_eq!((got.status, got.field("content-range")), (416, Some("bytes */100")));
    assert_eq!(curl(&["-r", "0-", "/empty"]).status, 416);
    for range in ["Range: bytes=9-0", "Range: lines=1-2", "Range: bytes=0-,0-,0-"] {
        let got = curl(&["-H", range, "/digits.txt"]);
        assert!(got.status == 200 && got.body == digits, "{range}");
    }

    let got = curl(&["-r", "0-0,50-52,-1", "/digits.txt"]);
    let kind = got.field("content-type").expect("a type");
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").expect("parts");
    let part = |range: &str, text: &str| {
        format!(
            "\r\n--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Range: bytes {range}/100\r\n\r\n{text}"
        )
    };
    let parts = [part("0-0", "0"), part("50-52", "012"), part("99-99", "9")].concat();
    assert_eq!((got.status, got.text()), (206, format!("{parts}\r\n--{boundary}--\r\n")));
    assert_eq!(got.field("content-range"), None);

    let tag = format!("If-Range: {}", got.field("etag").expect("a tag"));
    let date = format!("If-Range: {LAST_MODIFIED}");
    for (condition, status) in [(&*tag, 206), (&date, 206), ("If-Range: \"other\"", 200)] {
        assert_eq!(curl(&["-r", "0-9", "-H", condition, "/digits.txt"]).status, status);
    }
    assert_eq!(
        curl(&["-I", "-r", "0-9", "/digits.txt"]).status,
        200,
        "only what is got has ranges"
    );

    // A download that was broken off goes on.
    let file = site.0.join("got");
    fs::write(&file, &digits[..60]).expect("room");
    let file = file.to_str().expect("it is text");
    run("curl", ["-sS", "-f", "-C", "-", "-o", file, "http://192.0.2.2/digits.txt"]);
    assert!(fs::read(file).expect("it is there") == digits);
    server.stop();
}

#[test]
fn versions_that_the_client_has() {
    let world = World::new();
    let site = Site::new("versions").with("a.txt", "one\n");
    let server = site.serve(&world, &[]);
    let first = curl(&["/a.txt"]);
    assert_eq!(first.field("cache-control"), Some("no-cache"));
    let tag = first.field("etag").expect("a tag");
    let none = format!("If-None-Match: \"x\", {tag}");
    let modified = format!("If-Modified-Since: {LAST_MODIFIED}");
    for condition in [&*none, &modified, "If-None-Match: *"] {
        for method in [&["-H"][..], &["-I", "-H"]] {
            let got = curl(&[method, &[condition, "/a.txt"]].concat());
            assert_eq!((got.status, got.body.len()), (304, 0), "{condition}");
            assert_eq!(got.field("etag"), Some(tag), "{condition}");
            assert_eq!(got.field("cache-control"), Some("no-cache"), "{condition}");
            assert!(got.field("expires").is_some(), "{condition}");
            assert_eq!(got.field("content-length"), None, "{condition}");
        }
    }
    let unmodified = "If-Unmodified-Since: Wed, 01 Jan 2020 00:00:00 GMT";
    for condition in ["If-Match: \"x\"", unmodified] {
        assert_eq!(curl(&["-H", condition, "/a.txt"]).status, 412, "{condition}");
    }
    let same = format!("If-Match: {tag}");
    assert_eq!(curl(&["-H", &same, "/a.txt"]).status, 200);

    // Another version of the same length and date.
    let site = site.with("new.txt", "two\n");
    fs::rename(site.root().join("new.txt"), site.root().join("a.txt")).expect("it is there");
    let got = curl(&["-H", &none, "/a.txt"]);
    assert_eq!((got.status, &got.body[..]), (200, &b"two\n"[..]));
    assert_eq!(curl(&["-H", &same, "/a.txt"]).status, 412);
    server.stop();
}

#[test]
fn origins_that_are_allowed() {
    let world = World::new();
    let site = Site::new("origins").with("a.txt", "hello\n");
    let (a, b) = ("Origin: http://a.example", "Origin: http://b.example");
    let preflight = ["-X", "OPTIONS", "-H", "Access-Control-Request-Method: GET", "-H"];
    let options = ["--cors", "http://a.example", "--cors", "https://c.example:8443"];
    let server = site.serve(&world, &options);
    let got = curl(&["-H", a, "/a.txt"]);
    assert_eq!(got.field("access-control-allow-origin"), Some("http://a.example"));
    assert_eq!((got.status, got.field("vary")), (200, Some("Origin")));
    let got = curl(&["-H", b, "/a.txt"]);
    assert_eq!(got.field("access-control-allow-origin"), None);
    assert_eq!((got.status, got.field("vary")), (200, Some("Origin")));
    assert_eq!(curl(&["/a.txt"]).field("vary"), Some("Origin"));
    let got = curl(&["-H", a, "/b.txt"]);
    let allowed = got.field("access-control-allow-origin");
    assert_eq!(
        (got.status, allowed),
        (404, Some("http://a.example")),
        "a script sees refusals, too"
    );

    let got = curl(&[&preflight[..], &[a, "/a.txt"]].concat());
    assert_eq!((got.status, got.body.len()), (204, 0));
    assert_eq!(got.field("access-control-allow-origin"), Some("http://a.example"));
    assert_eq!(got.field("access-control-allow-methods"), Some("GET, HEAD"));
    assert!(got.field("access-control-allow-headers").is_some_and(|names| names.contains("Range")));
    assert_eq!(got.field("access-control-max-age"), Some("600"));
    let got = curl(&[&preflight[..], &[b, "/a.txt"]].concat());
    assert_eq!(got.field("access-control-allow-origin"), None);
    assert_eq!(got.field("access-control-allow-methods"), None);
    server.stop();

    let server = site.serve(&world, &["--cors", "*"]);
    let got = curl(&["-H", b, "/a.txt"]);
    assert_eq!(got.field("access-control-allow-origin"), Some("*"));
    assert_eq!(got.field("vary"), None);
    server.stop();

    let server = site.serve(&world, &[]);
    let got = curl(&[&preflight[..], &[a, "/a.txt"]].concat());
    assert_eq!((got.status, got.field("allow")), (204, Some("GET, HEAD, OPTIONS")));
    assert!(!got.header.contains("access-control"), "{}", got.header);
    server.stop();
}

#[test]
fn pages_that_show_images() {
    let world = World::new();
    let site = Site::new("images").with("a.png", "no image, but called so").with("a.txt", "text");
    let server = site.serve(&world, &["--hotlinks", "none", "--hotlinks", "friend.example"]);
    let rows = [
        ("http://192.0.2.2/page", "/a.png", 200),
        ("http://friend.example:8080/page", "/a.png", 200),
        ("http://thief.example/page", "/a.png", 403),
        ("http://thief.example/page", "/a.txt", 200),
    ];
    for (referer, path, status) in rows {
        assert_eq!(curl(&["-e", referer, path]).status, status, "{referer} {path}");
    }
    let got = curl(&["/a.png"]);
    assert_eq!((got.status, got.field("vary")), (200, Some("Referer")));
    server.stop();
    let server = site.serve(&world, &[]);
    assert_eq!(curl(&["-e", "http://thief.example/page", "/a.png"]).status, 200);
    server.stop();
}

#[test]
fn directories() {
    let world = World::new();
    let site = Site::new("directories")
        .with("b/c.txt", "c")
        .with("b/a.txt", "a\n")
        .with("b/.hidden", "")
        .with("b/sub/file", "")
        .with("page/index.html", "<h1>Hello</h1>")
        .with(".git/config", "secret");
    fs::write(site.0.join("secret"), "secret").expect("room");
    symlink("../../secret", site.root().join("b/out")).expect("room");
    symlink("c.txt", site.root().join("b/in")).expect("room");
    let server = site.serve(&world, &[]);
    let got = curl(&["/b/"]);
    assert_eq!((got.status, got.field("content-type")), (200, Some("text/html; charset=utf-8")));
    let rows = [
        "<title>/b/</title>",
        "<a href=\"../\">",
        "<a href=\"a.txt\">a.txt</a><td>2<td>2020-01-02 00:00\n",
        "<a href=\"c.txt\">c.txt</a><td>1<td>",
        "<a href=\"in\">in</a><td>1<td>",
        "<a href=\"sub/\">sub/</a><td><td>",
    ];
    let text = got.text();
    let places = rows.map(|row| text.find(row).unwrap_or_else(|| panic!("no {row} in {text}")));
    assert!(places.is_sorted(), "{text}");
    assert!(!text.contains("hidden") && !text.contains("out"), "{text}");
    assert!(!curl(&["/"]).text().contains("../"), "nothing is above the root");

    for (path, to) in [("/b", "/b/"), ("/b/sub", "/b/sub/"), ("/page?a=b", "/page/?a=b")] {
        let got = curl(&[path]);
        assert_eq!((got.status, got.field("location")), (301, Some(to)), "{path}");
    }
    let got = curl(&["/page/"]);
    assert_eq!((got.status, got.text()), (200, "<h1>Hello</h1>".into()));
    assert_eq!(got.field("content-type"), Some("text/html; charset=utf-8"));
    let hidden = ["/.git/config", "/.git/", "/%2egit/config", "/b/.hidden", "/b/out"];
    for path in hidden {
        assert_eq!(curl(&[path]).status, 404, "{path}");
    }
    let ups = ["/../secret", "/b/../../secret", "/%2e%2e/secret", "/..%2fsecret", "/b/%2e./c.txt"];
    for path in ups {
        let got = curl(&[path]);
        assert!(matches!(got.status, 400 | 404), "{path}: {}", got.status);
    }
    server.stop();
}

/// Each file of a directory can be had by the link to it, whatever it is called.
#[test]
fn odd_names() {
    let world = World::new();
    let names: [&[u8]; 14] = [
        b"two words",
        b"100%",
        b"%41",
        b"a?b#c",
        b"<script>",
        b"\"quoted\" 'too'",
        b"back\\slash",
        "\u{e4}\u{4e2d}\u{1f600}".as_bytes(),
        b"not \xff\xfe UTF-8",
        b"line\nbreak",
        b"http:",
        b"a&amp;b",
        b"semi;colon=+,",
        b"dot.",
    ];
    let mut site = Site::new("odd");
    for (index, name) in names.iter().enumerate() {
        site = site.with(OsStr::from_bytes(name), format!("{index}"));
    }
    let server = site.serve(&world, &[]);
    let page = curl(&["/"]).text();
    assert!(!page.contains("<script>"), "{page}");
    let mut got: Vec<usize> = page
        .split("href=\"")
        .skip(1)
        .map(|rest| {
            let link = rest.split('"').next().expect("it ends");
            let got = curl(&[&format!("/{link}")]);
            assert_eq!(got.status, 200, "{link}");
            got.text().parse().expect("a number")
        })
        .collect();
    got.sort_unstable();
    assert_eq!(got, (0..names.len()).collect::<Vec<_>>());
    server.stop();
}

#[test]
fn connections_are_kept() {
    let world = World::new();
    let site = Site::new("kept").with("a.txt", "hello\n");
    let server = site.serve(&world, &[]);
    let connects = |options: &[&str]| {
        let url = "http://192.0.2.2/a.txt";
        let always = ["-sS", "-f", "-o", "/dev/null", "-o", "/dev/null", "-w", "%{num_connects}"];
        let said = run("curl", always.iter().chain(options).chain(&[url, url])).stdout;
        String::from_utf8(said).expect("it is text")
    };
    assert_eq!(connects(&[]), "10", "the second request goes by the same connection");
    assert_eq!(connects(&["-H", "Connection: close"]), "11");
    assert_eq!(connects(&["--http1.0"]), "11");
    assert_eq!(connects(&["--http1.0", "-H", "Connection: keep-alive"]), "10");
    let six = run("curl", ["-sS", "-f", "-g", "http://[2001:db8::2]/a.txt"]).stdout;
    assert_eq!(six, b"hello\n");
    server.stop();
}
