use ::http::header::{HeaderName, HeaderValue};

use super::*;

const SEND: Verdict = Verdict::Send { ranges: true };
const WHOLE: Verdict = Verdict::Send { ranges: false };

const BEFORE: &str = "Wed, 01 Jan 2020 00:00:00 GMT";
const DATE: &str = "Thu, 02 Jan 2020 00:00:00 GMT";
const AFTER: &str = "Fri, 03 Jan 2020 00:00:00 GMT";

fn validators(tag: &str, dated: bool) -> Validators {
    let modified = httpdate::parse_http_date(DATE).ok();
    Validators { tag: tag.into(), modified, dated }
}

fn verdict(fields: &[(&str, &str)], validators: &Validators) -> Verdict {
    let mut request = Request::default();
    for (name, value) in fields {
        let name: HeaderName = name.parse().unwrap();
        request.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
    }
    check(&request, validators)
}

#[test]
fn conditions_in_their_order() {
    use Verdict::{Failed, NotModified};
    let rows: &[(&[(&str, &str)], Verdict)] = &[
        (&[], SEND),
        (&[("if-none-match", "\"a\"")], NotModified),
        (&[("if-none-match", "W/\"a\"")], NotModified),
        (&[("if-none-match", "\"x\", \"a\"")], NotModified),
        (&[("if-none-match", "\"x\""), ("if-none-match", "\"a\"")], NotModified),
        (&[("if-none-match", "*")], NotModified),
        (&[("if-none-match", "\"b\"")], SEND),
        (&[("if-none-match", "a")], SEND),
        (&[("if-modified-since", DATE)], NotModified),
        (&[("if-modified-since", AFTER)], NotModified),
        (&[("if-modified-since", BEFORE)], SEND),
        (&[("if-modified-since", "yesterday")], SEND),
        // A tag says more than a date.
        (&[("if-none-match", "\"b\""), ("if-modified-since", AFTER)], SEND),
        (&[("if-none-match", "\"a\""), ("if-modified-since", BEFORE)], NotModified),
        (&[("if-match", "\"a\"")], SEND),
        (&[("if-match", "*")], SEND),
        (&[("if-match", "\"b\", \"c\"")], Failed),
        (&[("if-match", "W/\"a\"")], Failed),
        (&[("if-unmodified-since", DATE)], SEND),
        (&[("if-unmodified-since", BEFORE)], Failed),
        (&[("if-unmodified-since", "yesterday")], SEND),
        (&[("if-match", "\"a\""), ("if-unmodified-since", BEFORE)], SEND),
        (&[("if-match", "\"b\""), ("if-none-match", "\"a\"")], Failed),
        (&[("if-match", "\"a\""), ("if-none-match", "\"a\"")], NotModified),
        (&[("if-range", "\"a\"")], SEND),
        (&[("if-range", "\"b\"")], WHOLE),
        (&[("if-range", "W/\"a\"")], WHOLE),
        (&[("if-range", DATE)], SEND),
        (&[("if-range", BEFORE)], WHOLE),
        (&[("if-range", AFTER)], WHOLE),
        (&[("if-range", "rubbish")], WHOLE),
    ];
    let known = validators("\"a\"", true);
    for (fields, wanted) in rows {
        assert_eq!(verdict(fields, &known), *wanted, "{fields:?}");
    }
}

/// Of what has just been written there may be two versions that look alike.
#[test]
fn a_new_file_has_a_weak_tag() {
    let new = validators("W/\"a\"", false);
    assert_eq!(verdict(&[("if-none-match", "W/\"a\"")], &new), Verdict::NotModified);
    assert_eq!(verdict(&[("if-match", "W/\"a\"")], &new), Verdict::Failed);
    assert_eq!(verdict(&[("if-range", "W/\"a\"")], &new), WHOLE);
    assert_eq!(verdict(&[("if-range", DATE)], &new), WHOLE);

    let file = std::env::temp_dir().join(format!("tuntcp-new-{}", std::process::id()));
    std::fs::write(&file, "new").unwrap();
    let metadata = std::fs::metadata(&file).unwrap();
    std::fs::remove_file(file).unwrap();
    let written = metadata.modified().unwrap();
    let at_once = Validators::new(&metadata, written);
    let later = Validators::new(&metadata, written + Duration::from_secs(2));
    assert!(at_once.tag.starts_with("W/\"") && later.tag.starts_with('"'));
    assert_eq!(opaque(&at_once.tag), later.tag);
    // A clock that was set back: no date is still to come.
    let before = written - Duration::from_secs(100);
    assert_eq!(Validators::new(&metadata, before).modified, Some(before));
}

#[test]
fn the_header_alone_has_no_ranges() {
    let mut request = Request::default();
    *request.method_mut() = Method::HEAD;
    assert_eq!(check(&request, &validators("\"a\"", true)), WHOLE);
}
