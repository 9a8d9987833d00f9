//! Headless Chromium, and what it makes of the server's headers.

use super::Site;
use crate::browser::browse;
use crate::world::World;

const IMAGE: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" width="12" height="7"></svg>"#;

/// A page with a style, a script and an image.
fn page(name: &str) -> Site {
    let page = r#"<!doctype html><title>A page</title><link rel="stylesheet" href="style.css">
        <link rel="icon" href="data:,"><h1>Hello</h1><img src="image.svg"><script src="script.js">
        </script>"#;
    Site::new(name)
        .with("index.html", page)
        .with("style.css", "h1 { color: rgb(1, 2, 3) }")
        .with("script.js", "document.title += ' with a script'")
        .with("image.svg", IMAGE)
        .with("data.json", r#"{"answer": 42}"#)
}

/// What the first load gets whole, the second one gets by 304.
#[test]
fn a_page_and_the_same_again() {
    let world = World::new();
    let site = page("page");
    let server = site.serve(&world, &[]);
    let said = browse(
        r#"
def look():
    assert browser.title == "A page with a script", browser.title
    assert browser.text("h1") == "Hello"
    color = browser.run("return getComputedStyle(document.querySelector('h1')).color")
    assert color == "rgb(1, 2, 3)", color
    assert browser.run("return document.querySelector('img').naturalWidth") == 12
    for url, status in sorted(browser.responses()): print(status, url)
browser.open("http://192.0.2.2/")
look()
browser.reload()
look()
"#,
    );
    let files = ["", "image.svg", "script.js", "style.css"];
    let lines = |status| files.map(|file| format!("{status} http://192.0.2.2/{file}\n")).concat();
    assert_eq!(said, format!("{}{}", lines(200), lines(304)));
    server.stop();
}

/// What is fresh is not asked for again.
#[test]
fn a_page_that_stays_fresh() {
    let world = World::new();
    let site = page("fresh");
    let server = site.serve(&world, &["--max-age", "3600"]);
    let said = browse(
        r#"
browser.open("http://192.0.2.2/")
browser.responses()
browser.open("about:blank")
browser.open("http://192.0.2.2/")
assert browser.title == "A page with a script", browser.title
print(browser.responses())
"#,
    );
    assert_eq!(said, "[]\n");
    server.stop();
}

/// Two origins, one of which lets the other's pages read.
#[test]
fn pages_of_another_origin() {
    let world = World::new();
    let options = ["http=80", "http=8080", "--cors", "http://192.0.2.2"];
    let site = page("origins");
    let server = site.serve(&world, &options);
    let said = browse(
        r#"
def fetch(url, fields={}):
    return browser.run("""
        const [url, headers] = arguments;
        return fetch(url, {headers}).then(
            async response => `${response.status} ${await response.text()}`, error => `${error}`);
    """, url, fields)
browser.open("http://192.0.2.2/")
print("allowed:", fetch("http://192.0.2.2:8080/data.json"))
print("asked for before:", fetch("http://192.0.2.2:8080/data.json", {"Range": "bytes=0-7,9-10"})[:3])
print("another field:", fetch("http://192.0.2.2:8080/data.json", {"X-Other": "x"}))
browser.open("http://192.0.2.2:8080/")
print("refused:", fetch("http://192.0.2.2/data.json"))
print("its own:", fetch("/data.json"))
"#,
    );
    assert_eq!(
        said,
        "allowed: 200 {\"answer\": 42}\n\
         asked for before: 206\n\
         another field: TypeError: Failed to fetch\n\
         refused: TypeError: Failed to fetch\n\
         its own: 200 {\"answer\": 42}\n"
    );
    server.stop();
}

/// An image of one server on a page of another.
#[test]
fn images_on_pages_of_elsewhere() {
    let world = World::new();
    let site = Site::new("hotlinks").with("image.svg", IMAGE).with(
        "index.html",
        r#"<img id="own" src="/image.svg">
           <img id="other" src="http://192.0.2.2:8080/image.svg">
           <img id="silent" src="http://192.0.2.2:8080/image.svg?silent" referrerpolicy="no-referrer">"#,
    );
    for (hotlinks, widths) in [("none", "[12, 0, 12]\n"), ("192.0.2.2:80", "[12, 12, 12]\n")] {
        let server = site.serve(&world, &["http=80", "http=8080", "--hotlinks", hotlinks]);
        let said = browse(
            r#"
browser.open("http://192.0.2.2/")
width = "return document.getElementById(arguments[0]).naturalWidth"
print([browser.run(width, name) for name in ("own", "other", "silent")])
"#,
        );
        assert_eq!(said, widths, "{hotlinks}");
        server.stop();
    }
}

#[test]
fn a_directory_that_one_walks_through() {
    let world = World::new();
    let site = Site::new("walk").with("a & b/<c>.txt", "found\n");
    let server = site.serve(&world, &[]);
    let said = browse(
        r#"
browser.open("http://192.0.2.2/")
print(browser.text("h1"))
browser.click("td a")
browser.wait_for_text("/a & b/", "h1")
browser.click("tr:last-child a")
browser.wait_for_text("found")
print(browser.url)
"#,
    );
    assert_eq!(said, "/\nhttp://192.0.2.2/a%20%26%20b/%3Cc%3E.txt\n");
    server.stop();
}
