//! What a directory shows that has no page of its own.

use std::time::SystemTime;

use jiff::Timestamp;

use super::site::{Entry, SitePath, encoded};

pub(super) fn page(path: &SitePath, entries: &[Entry]) -> String {
    let title = escaped(&format!("{}/", path.shown()));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <h1>{title}</h1>\n<table>\n<tr><th>Name<th>Size<th>Modified (UTC)\n",
    );
    if !path.is_root() {
        page.push_str("<tr><td><a href=\"../\">../</a><td><td>\n");
    }
    for Entry { name, directory, len, modified } in entries {
        let slash = if *directory { "/" } else { "" };
        let url = encoded(name);
        let name = escaped(&name.to_string_lossy());
        let size = if *directory { String::new() } else { len.to_string() };
        let date = modified.map(date).unwrap_or_default();
        page.push_str(&format!(
            "<tr><td><a href=\"{url}{slash}\">{name}{slash}</a><td>{size}<td>{date}\n"
        ));
    }
    page.push_str("</table>\n");
    page
}

fn date(time: SystemTime) -> String {
    let time = Timestamp::try_from(time);
    time.map(|time| time.strftime("%Y-%m-%d %H:%M").to_string()).unwrap_or_default()
}

/// As text in HTML, and as an attribute.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(character),
        }
    }
    html
}
