//! What the provider refuses, and how.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use super::{BASE, CHALLENGE, FORGED, User, curl, parameter, token, wanted};
use crate::world::{World, connect, run};

/// RFC 6749 4.1.2.1, RFC 9700 4.11: to an address that no client has registered, nobody is sent.
#[test]
fn nobody_is_sent_to_an_unknown_address() {
    let world = World::new();
    let server = world.serve(&["oauth"]);
    let wrong = [
        wanted("&client_id=page"),
        wanted("&state=again"),
        wanted("").replace("client_id=page", "client_id=nobody"),
        wanted("").replace("client_id=page", "client_id="),
        wanted("").replace("client_id=page", "client_id=robot"),
        wanted("").replace("/client", "/client/"),
        wanted("").replace("/client", "/client?x=y"),
        wanted("").replace("/client", "/./client"),
        wanted("").replace("192.0.2.2:8080/client", "192.0.2.2/client"),
        wanted("").replace("192.0.2.2", "192.0.2.3"),
        wanted("").replace("http:", "https:"),
        wanted("").replace(BASE, "http://192.0.2.2:8080@evil.example"),
        wanted("").replace(BASE, "javascript:"),
        wanted("").replace(&format!("{BASE}/client"), "client"),
        wanted("").replace(&format!("{BASE}/client"), "%00%ff%3Cscript%3E"),
        "/authorize".into(),
    ];
    for query in &wrong {
        for query in [query.clone(), query.replace("response_type=code", "response_type=token")] {
            let answer = curl(&query, &[]);
            assert_eq!((answer.status, answer.field("location")), (400, ""), "{query}");
            assert_eq!(answer.field("content-type"), "text/html; charset=utf-8");
            assert!(!answer.body.contains("<script"), "{}", answer.body);
        }
    }
    // The client itself is told of what else is wrong, with its state.
    let told = [
        (wanted("").replace("response_type=code", "response_type=id"), "unsupported_response_type"),
        (wanted("&scope=read+admin"), "invalid_scope"),
        (wanted("&scope=%22"), "invalid_scope"),
        (wanted("").replace("S256", "plain"), "invalid_request"),
        (wanted("").replace("&code_challenge_method=S256", ""), "invalid_request"),
        (wanted("").replace(CHALLENGE, "short"), "invalid_request"),
        (wanted("").replace("code_challenge=", "challenge="), "invalid_request"),
        (
            wanted("").replace("response_type=code", "response_type=token"),
            "unsupported_response_type",
        ),
    ];
    for (query, error) in &told {
        let answer = curl(query, &[]);
        let back = answer.field("location");
        assert_eq!(answer.status, 303, "{query}: {}", answer.body);
        assert!(back.starts_with(&format!("{BASE}/client")), "{query}: {back}");
        assert_eq!(
            (parameter(back, "error"), parameter(back, "state")),
            (*error, "a%26b+c"),
            "{query}"
        );
        assert!(!parameter(back, "error_description").is_empty(), "{query}: {back}");
    }
    server.stop();
}

/// Nobody decides in the user's name.
#[test]
fn only_the_users_own_form_counts() {
    let world = World::new();
    let server = world.serve(&["oauth"]);
    let stranger = User::goes(&wanted(""));
    let page = &stranger.page;
    assert_eq!(page.field("x-frame-options"), "DENY");
    assert!(page.field("content-security-policy").contains("frame-ancestors 'none'"));
    assert_eq!(stranger.sends("decision=allow").status, 400, "nobody has logged in");
    assert_eq!(stranger.sends("decision=login&username=alice&password=x").status, 403);
    assert_eq!(stranger.sends("decision=login&username=%3Cscript%3E").status, 403);

    let alice = User::goes(&wanted("")).logs_in();
    let at = wanted("");
    let forged = format!("decision=allow&seal={FORGED}");
    for arguments in [
        vec!["-d", "decision=allow"],
        vec!["-d", forged.as_str()],
        vec!["-b", &alice.cookie, "-d", "decision=allow"],
        vec!["-b", &alice.cookie, "-d", &forged],
        vec!["-b", "tuntcp-oauth=", "-d", "decision=allow&seal="],
    ] {
        let answer = curl(&at, &arguments);
        assert_eq!((answer.status, answer.field("location")), (403, ""), "{arguments:?}");
    }
    let json = ["-b", &alice.cookie, "-H", "Content-Type: application/json", "-d", "{}"];
    assert_eq!(curl(&at, &json).status, 415);
    assert_eq!(alice.sends("decision=deny&decision=allow").status, 400);
    // Nor does the stranger's form, with her cookie.
    let confused = User { cookie: alice.cookie.clone(), ..stranger };
    assert_eq!(confused.sends("decision=allow").status, 403);

    assert_eq!(alice.sends("decision=leave").status, 303);
    assert_eq!(alice.sends("decision=allow").status, 403, "her session is over");
    server.stop();
}

#[test]
fn wrong_requests_for_tokens_get_the_right_errors() {
    let world = World::new();
    let server = world.serve(&["oauth"]);
    let robot = "robot:looking-glass";
    let asks = "grant_type=client_credentials";
    let rows: &[(&[&str], u16, &str)] = &[
        (&["-u", robot, "-d", asks], 200, ""),
        (
            &["-u", robot, "-d", "grant_type=client_credentials&scope=write&client_id=robot"],
            200,
            "",
        ),
        (
            &["-d", "grant_type=client_credentials&client_id=robot&client_secret=looking-glass"],
            200,
            "",
        ),
        (&["-u", "robot:x", "-d", asks], 401, "invalid_client"),
        (&["-u", "robot:", "-d", asks], 401, "invalid_client"),
        (&["-u", "nobody:x", "-d", asks], 401, "invalid_client"),
        (&["-d", asks], 401, "invalid_client"),
        (
            &["-d", "grant_type=client_credentials&client_id=robot&client_secret=x"],
            401,
            "invalid_client",
        ),
        (&["-H", "Authorization: Basic ####", "-d", asks], 401, "invalid_client"),
        (&["-H", "Authorization: Bearer x", "-d", asks], 401, "invalid_client"),
        (&["-u", robot, "-d", asks, "-d", "client_secret=looking-glass"], 400, "invalid_request"),
        (&["-u", robot, "-d", asks, "-d", "client_id=page"], 400, "invalid_request"),
        (&["-u", robot, "-d", asks, "-d", asks], 400, "invalid_request"),
        (&["-u", robot, "-d", asks, "-d", "scope=admin"], 400, "invalid_scope"),
        (&["-u", robot, "-d", asks, "-d", "scope=%22"], 400, "invalid_scope"),
        (&["-u", robot, "-d", "scope=read"], 400, "invalid_request"),
        (&["-u", robot, "-d", "grant_type=magic"], 400, "unsupported_grant_type"),
        (&["-u", robot, "-d", "grant_type=password"], 400, "unsupported_grant_type"),
        (&["-u", robot, "-d", "grant_type=authorization_code"], 400, "invalid_request"),
        (&["-u", robot, "-d", "grant_type=refresh_token"], 400, "invalid_request"),
        (&["-u", robot, "-H", "Content-Type: text/plain", "-d", asks], 400, "invalid_request"),
        (&["-u", robot, "-H", "Content-Type:", "-d", asks], 400, "invalid_request"),
        (&["-u", robot, "-d", "\u{1}\u{ff}%zz&&==%"], 400, "invalid_request"),
        (&["-X", "POST"], 400, "invalid_request"),
        (&["-d", "grant_type=client_credentials&client_id=page"], 400, "unauthorized_client"),
    ];
    for (arguments, status, error) in rows {
        let answer = curl("/token", arguments);
        assert_eq!(answer.error(), (*status, (*error).into()), "{arguments:?}");
        let how = answer.field("www-authenticate");
        assert_eq!(how.starts_with("Basic "), *status == 401, "{arguments:?}: {how}");
        assert_eq!(answer.text("error_description").is_empty(), *status == 200, "{arguments:?}");
    }
    let reason = token("grant_type=password&client_id=page").text("error_description");
    assert!(reason.contains("the user tells his password to the client"), "{reason}");
    server.stop();
}

#[test]
fn who_has_no_token_or_a_wrong_one_is_told() {
    let world = World::new();
    let server = world.serve(&["oauth"]);
    let forged = format!("authorization: bearer {FORGED}");
    let rows = [
        ("X-Nothing: x", false),
        ("Authorization: Bearer", false),
        ("Authorization: Basic eDp5", false),
        ("Authorization: Bearer x", true),
        (&forged, true),
    ];
    for (header, wrong) in rows {
        let answer = curl("/resource", &["-H", header]);
        let how = answer.field("www-authenticate");
        assert_eq!(answer.status, 401, "{header}");
        assert!(how.starts_with("Bearer realm="), "{header}: {how}");
        // RFC 6750 3.1: without a token there is no error.
        assert_eq!(how.contains("error=\"invalid_token\""), wrong, "{header}: {how}");
    }
    server.stop();
}

#[test]
fn other_wrong_requests_get_the_right_statuses() {
    let world = World::new();
    let server = world.serve(&["oauth"]);
    for (path, method, allowed) in [
        ("/token", "GET", "POST"),
        ("/resource", "POST", "GET, HEAD"),
        ("/authorize", "PUT", "GET, HEAD, POST"),
    ] {
        let answer = curl(path, &["-X", method]);
        assert_eq!((answer.status, answer.field("allow")), (405, allowed), "{method} {path}");
    }
    assert_eq!(curl("/etc/passwd", &[]).status, 404);
    for host in ["evil.example", "192.0.2.2", "192.0.2.2:80", "192.0.2.2:8080.evil.example"] {
        assert_eq!(curl("/client", &["-H", &format!("Host: {host}")]).status, 421, "{host}");
    }
    assert_eq!(curl("/client", &["-H", "Host: @"]).status, 400, "this is no host");
    let much = format!("grant_type={}", "x".repeat(20 << 10));
    assert_eq!(token(&much).status, 413);
    assert_eq!(curl(&format!("/authorize?state={}", "x".repeat(40 << 10)), &[]).status, 414);

    let known = curl("/.well-known/oauth-authorization-server", &[]).json();
    assert_eq!(known["issuer"], BASE);
    assert_eq!(known["code_challenge_methods_supported"], serde_json::json!(["S256"]));
    let grants = known["grant_types_supported"].as_array().expect("a list");
    assert!(!grants.contains(&"implicit".into()) && !grants.contains(&"password".into()));
    let over_ipv6 =
        run("curl", ["-sSg", "http://[2001:db8::2]:8080/.well-known/oauth-authorization-server"]);
    let known: Value = serde_json::from_slice(&over_ipv6.stdout).expect("JSON");
    assert_eq!(known["token_endpoint"], "http://[2001:db8::2]:8080/token");
    server.stop();

    // HTTP's own port, which nobody names.
    let server = world.serve(&["oauth=80"]);
    for (here, base) in [
        ("http://192.0.2.2", "http://192.0.2.2"),
        ("http://192.0.2.2:80", "http://192.0.2.2"),
        ("http://[2001:DB8:0::2]", "http://[2001:db8::2]"),
    ] {
        let known =
            run("curl", ["-sSgf", &format!("{here}/.well-known/oauth-authorization-server")]);
        let known: Value = serde_json::from_slice(&known.stdout).expect("JSON");
        assert_eq!(known["issuer"], base);
    }
    server.stop();
}

/// More tokens and sessions than are kept: the oldest ones go, the newest stay.
const MANY: &str = r#"
import base64, http.client, json
robot = "Basic " + base64.b64encode(b"robot:looking-glass").decode()
connection = http.client.HTTPConnection("192.0.2.2", 8080, timeout=60)
def ask(method, path, body=None, headers={}):
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return response.status, response.read()
def token():
    form = {"Authorization": robot, "Content-Type": "application/x-www-form-urlencoded"}
    return json.loads(ask("POST", "/token", "grant_type=client_credentials", form)[1])["access_token"]
def shown(token): return ask("GET", "/resource", headers={"Authorization": "Bearer " + token})[0]
tokens = [token() for _ in range(1030)]
assert len(set(tokens)) == 1030
assert [shown(tokens[i]) for i in (0, 5, 6, 1029)] == [401, 401, 200, 200]
print("well")
"#;

#[test]
fn who_asks_for_much_or_badly_harms_nobody() {
    let world = World::new();
    let server = world.serve(&["oauth"]);
    // Some say half of it and wait; some talk rubbish.
    let mut slow: Vec<TcpStream> = (0..50).map(|_| connect(8080)).collect();
    for stream in &mut slow {
        stream.write_all(b"POST /token HTTP/1.1\r\nHost: 192.0.2.2:8080\r\n").expect("it is sent");
    }
    let mut rubbish = connect(8080);
    rubbish.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n").expect("it is sent");
    let mut said = String::new();
    rubbish.read_to_string(&mut said).expect("it is text, and an end");
    assert!(said.starts_with("HTTP/1.1 400 "), "{said}");
    assert_eq!(run("python3", ["-c", MANY]).stdout, b"well\n");
    drop(slow);
    server.stop();
}
