use super::*;

#[test]
fn what_an_origin_is() {
    let good = [
        "*",
        "http://example.org",
        "https://EXAMPLE.org:8443",
        "http://192.0.2.1",
        "http://[::1]:80",
    ];
    for text in good {
        assert_eq!(origin(text), Ok(text.to_ascii_lowercase()));
    }
    for text in ["", "example.org", "http://", "http://example.org/", "http://a/b", "null", "**"] {
        assert!(origin(text).unwrap_err().contains("http://example.org"), "{text}");
    }
}

/// What the header of the answer says to `origin`: whom it allows, and what it depends on.
fn told(allowed: &[&str], origin: Option<&'static str>) -> (Option<String>, bool) {
    let allowed: Vec<_> = allowed.iter().map(ToString::to_string).collect();
    let mut request = Request::default();
    if let Some(origin) = origin {
        request.headers_mut().insert(ORIGIN, HeaderValue::from_static(origin));
    }
    let mut headers = HeaderMap::new();
    Origins::new(&allowed).mark(&request, &mut headers);
    let allow = headers.get(ACCESS_CONTROL_ALLOW_ORIGIN);
    let allow = allow.map(|value| value.to_str().unwrap().to_owned());
    (allow, headers.contains_key(VARY))
}

#[test]
fn each_origin_is_told_of_itself() {
    let (a, b) = ("http://a.example", "http://b.example");
    assert_eq!(told(&[], Some(a)), (None, false));
    assert_eq!(told(&["*"], Some(a)), (Some("*".into()), false));
    assert_eq!(told(&["*"], None), (Some("*".into()), false));
    assert_eq!(told(&[a, b], Some(b)), (Some(b.into()), true));
    assert_eq!(told(&[a], Some(b)), (None, true));
    assert_eq!(told(&[a], Some("http://a.example.org")), (None, true));
    assert_eq!(told(&[a], Some("null")), (None, true));
    assert_eq!(told(&[a], None), (None, true));
}
