use ::http::HeaderValue;

use super::*;

fn allows(hosts: &[&str], referer: Option<&'static str>) -> bool {
    let hosts: Vec<_> = hosts.iter().map(ToString::to_string).collect();
    let mut request = Request::default();
    request.headers_mut().insert(HOST, HeaderValue::from_static("here.example"));
    if let Some(referer) = referer {
        request.headers_mut().insert(REFERER, HeaderValue::from_static(referer));
    }
    Hotlinks::new(&hosts).allow(&request)
}

#[test]
fn whose_pages_show_images() {
    let none = &["none"][..];
    let rows = [
        (&[][..], Some("http://there.example/page"), true),
        (none, None, true),
        (none, Some(""), true),
        (none, Some("http://here.example/page"), true),
        (none, Some("http://HERE.example:80/page"), true),
        (none, Some("http://here.example:8080/page"), false),
        (none, Some("http://there.example/page"), false),
        (none, Some("http://there.example/http://here.example/"), false),
        (none, Some("http://here.example@there.example/"), false),
        (none, Some("http://here.example.there.example/"), false),
        (none, Some("about:blank"), false),
        (none, Some("/page"), false),
        (&["there.example"], Some("http://there.example/"), true),
        (&["there.example"], Some("https://there.example:8443/"), true),
        (&["there.example:81"], Some("http://there.example:81/"), true),
        (&["there.example:81"], Some("http://there.example/"), false),
        (&["none", "there.example"], Some("http://there.example/"), true),
        (&["there.example"], Some("http://here.example/"), true),
        (&["there.example"], Some("http://third.example/"), false),
    ];
    for (hosts, referer, wanted) in rows {
        assert_eq!(allows(hosts, referer), wanted, "{hosts:?}: {referer:?}");
    }
    for text in ["", "http://a/", "a/b", "a@b"] {
        assert!(host(text).is_err(), "{text}");
    }
}
