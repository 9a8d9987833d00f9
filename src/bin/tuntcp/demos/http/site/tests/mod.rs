use std::os::unix::fs::symlink;

use super::*;

fn path(text: &str) -> Result<SitePath, u16> {
    SitePath::parse(text).map_err(|(status, _)| status.as_u16())
}

#[test]
fn a_path_is_decoded_name_by_name() {
    type Wanted = Result<(&'static [&'static str], bool), u16>;
    let rows: &[(&str, Wanted)] = &[
        ("/", Ok((&[], true))),
        ("/a", Ok((&["a"], false))),
        ("/a/", Ok((&["a"], true))),
        ("/a/b%20c", Ok((&["a", "b c"], false))),
        ("/a\\..\\b", Ok((&["a\\..\\b"], false))),
        ("/%61%C3%A4", Ok((&["aä"], false))),
        ("/a%2Fb", Err(400)),
        ("/a%00", Err(400)),
        ("/a%2", Err(400)),
        ("/a%zz", Err(400)),
        ("/100%", Err(400)),
        ("a", Err(400)),
        ("*", Err(400)),
        ("", Err(400)),
        ("//a", Err(404)),
        ("/a//b", Err(404)),
        ("/..", Err(404)),
        ("/a/../b", Err(404)),
        ("/%2e%2E/b", Err(404)),
        ("/.%2e", Err(404)),
        ("/./a", Err(404)),
        ("/.git/config", Err(404)),
        ("/a/%2Eb", Err(404)),
    ];
    for (text, wanted) in rows {
        let wanted = wanted.map(|(names, directory)| SitePath {
            names: names.iter().map(Into::into).collect(),
            directory,
        });
        assert_eq!(path(text), wanted, "{text}");
    }
    let odd = path("/%FF%3F%22").unwrap();
    assert_eq!(odd.names, [OsString::from_vec(b"\xff?\"".to_vec())]);
    assert_eq!(odd.url(), "/%FF%3F%22");
}

#[test]
fn text_has_a_charset() {
    let rows = [
        ("/a.html", "text/html; charset=utf-8"),
        ("/a.TXT", "text/plain; charset=utf-8"),
        ("/a.js", "text/javascript; charset=utf-8"),
        ("/a.png", "image/png"),
        ("/a.json", "application/json"),
        ("/a.of.no.kind", "application/octet-stream"),
        ("/a", "application/octet-stream"),
        ("/", "application/octet-stream"),
    ];
    for (text, wanted) in rows {
        assert_eq!(path(text).unwrap().media_type(), wanted, "{text}");
    }
}

/// Nothing outside the root is opened, by whatever link.
#[test]
fn links_are_followed_below_the_root_only() {
    let folder = std::env::temp_dir().join(format!("tuntcp-site-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    let root = folder.join("root");
    fs::create_dir_all(root.join("sub/.hidden")).unwrap();
    fs::write(folder.join("secret"), "secret").unwrap();
    fs::write(root.join("sub/file"), "file").unwrap();
    nix::unistd::mkfifo(&root.join("pipe"), nix::sys::stat::Mode::S_IRUSR).unwrap();
    for (target, link) in [
        ("sub/file", "inside"),
        ("../root/sub/file", "out-and-in"),
        ("../secret", "outside"),
        ("..", "up"),
        ("/", "top"),
        ("loop", "loop"),
        ("sub", "directory"),
    ] {
        symlink(target, root.join(link)).unwrap();
    }
    symlink(folder.join("secret"), root.join("absolute")).unwrap();
    symlink("../../secret", root.join("sub/outside")).unwrap();

    let site = Site::open(&root).unwrap();
    for (text, wanted) in [
        ("/sub/file", true),
        ("/inside", true),
        ("/directory/file", true),
        ("/out-and-in", false),
        ("/outside", false),
        ("/absolute", false),
        ("/up/secret", false),
        ("/top/etc/passwd", false),
        ("/loop", false),
        ("/sub/outside", false),
        ("/pipe", false),
        ("/sub/file/beyond", false),
    ] {
        let found = site.find(&path(text).unwrap());
        assert_eq!(matches!(found, Ok(Found::File(..))), wanted, "{text}");
    }
    let top = path("/").unwrap();
    let Ok(Found::Directory(directory)) = site.find(&top) else { panic!("the root is there") };
    let listed = site.entries(&directory, &top).unwrap();
    let listed: Vec<_> = listed.iter().map(|entry| (&entry.name[..], entry.directory)).collect();
    assert_eq!(
        listed,
        [("directory".as_ref(), true), ("inside".as_ref(), false), ("sub".as_ref(), true)]
    );
    assert!(Site::open(&root.join("sub/file")).is_err(), "a file is no root");
    fs::remove_dir_all(folder).unwrap();
}
