//! What to get, and from where.

use std::fmt::Write;

use url::{Position, Url};

use crate::Failure;

/// A URL of the command line.
pub(super) fn url(text: &str) -> Result<Url, String> {
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&whole)
        .map_err(|error| format!("{error}; a URL is wanted, such as http://192.0.2.1:8000/file"))?;
    supported(url)
}

/// Where a redirect from `url` leads.
pub(super) fn join(url: &Url, location: &str) -> Result<Url, Failure> {
    let next = url
        .join(location)
        .map_err(|error| format!("the server sends us to {location:?}: {error}"))?;
    Ok(supported(next)?)
}

fn supported(url: Url) -> Result<Url, String> {
    match url.scheme() {
        "http" => {}
        "https" => {
            return Err(format!(
                "{url}: https is HTTP over TLS, which is not spoken here: http is"
            ));
        }
        other => return Err(format!("{url}: {other} is not spoken here: http is")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a URL with a user's name or password is not understood".into());
    }
    Ok(url)
}

/// The name, or the address, of the server.
pub(super) fn host(url: &Url) -> String {
    match url.host() {
        Some(url::Host::Domain(name)) => name.to_owned(),
        Some(url::Host::Ipv4(address)) => address.to_string(),
        Some(url::Host::Ipv6(address)) => address.to_string(),
        // The parser lets no http URL without one pass.
        None => String::new(),
    }
}

pub(super) fn port(url: &Url) -> u16 {
    url.port().unwrap_or(80)
}

/// The request, with `fields` besides (lines with their ends). One connection is for one of them.
pub(super) fn request(url: &Url, fields: &str) -> String {
    // The parser has encoded whatever would end a line.
    let target = &url[Position::BeforePath..Position::AfterQuery];
    let host = &url[Position::BeforeHost..Position::AfterPort];
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: tuntcp/{version}\r\nAccept: */*\r\n\
         Accept-Encoding: identity\r\nConnection: close\r\n{fields}\r\n"
    )
}

/// What the file is called: the last part of the path, a name without any way in it.
pub(super) fn file_name(url: &Url) -> String {
    let last = url.path_segments().and_then(|mut segments| segments.next_back());
    let last = last.filter(|last| !last.is_empty()).unwrap_or("index.html");
    decoded(last).filter(|name| is_plain(name)).unwrap_or_else(|| encoded(last))
}

fn is_plain(name: &str) -> bool {
    !matches!(name, "." | "..") && !name.contains(['/', '\\']) && !name.contains(char::is_control)
}

/// What the percent signs stand for, if that is text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let code = behind.get(..2).filter(|_| first == b'%');
        let code = code.and_then(|code| str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            None => {
                bytes.push(first);
                rest = behind;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

/// `text` with a percent sign and a number for whatever is not harmless.
fn encoded(text: &str) -> String {
    let mut name = String::new();
    for (index, byte) in text.bytes().enumerate() {
        let harmless =
            byte.is_ascii_alphanumeric() || b"%-_~".contains(&byte) || (byte == b'.' && index > 0);
        if harmless {
            name.push(byte.into());
        } else {
            let _ = write!(name, "%{byte:02X}");
        }
    }
    name
}
