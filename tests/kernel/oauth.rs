//! The OAuth provider and its page, with a browser, and with curl for what no browser does.

mod refusals;

use std::process::Command;

use serde_json::Value;

use crate::browser::browse;
use crate::world::World;

const BASE: &str = "http://192.0.2.2:8080";

/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A token that can be none of theirs.
const FORGED: &str = "0123456789012345678901234567890123456789012";

struct Answer {
    status: u16,
    header: String,
    body: String,
}

impl Answer {
    /// What a field of the header says.
    fn field(&self, name: &str) -> &str {
        let mut fields = self.header.lines().filter_map(|line| line.split_once(": "));
        fields.find(|field| field.0.eq_ignore_ascii_case(name)).map_or("", |field| field.1)
    }

    fn json(&self) -> Value {
        assert_eq!(self.field("content-type"), "application/json", "{}", self.body);
        assert_eq!(self.field("cache-control"), "no-store");
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// A text in its JSON, or nothing.
    fn text(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_default().into()
    }

    /// The status, and the error in its JSON.
    fn error(&self) -> (u16, String) {
        (self.status, self.text("error"))
    }
}

/// Asks for `path`, with these arguments of curl's.
fn curl(path: &str, arguments: &[&str]) -> Answer {
    let output = Command::new("curl")
        .args(["-sS", "-i", "-g", "--max-time", "30", "--noproxy", "*", "-H", "Expect:"])
        .args(arguments)
        .arg(format!("{BASE}{path}"))
        .output()
        .expect("curl runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (header, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{output:?}"));
    let status = header.split(' ').nth(1).and_then(|status| status.parse().ok());
    Answer { status: status.expect("a status"), header: header.into(), body: body.into() }
}

/// Asks for a token with this form.
fn token(form: &str) -> Answer {
    curl("/token", &["-d", form])
}

fn resource(token: &str) -> Answer {
    curl("/resource", &["-H", &format!("Authorization: Bearer {token}")])
}

/// The request for a code that the page would make, with this at its end.
fn wanted(end: &str) -> String {
    format!(
        "/authorize?response_type=code&client_id=page&redirect_uri={BASE}/client&state=a%26b%20c\
         &code_challenge={CHALLENGE}&code_challenge_method=S256{end}"
    )
}

/// A user at the pages of `/authorize`, with a cookie.
struct User {
    at: String,
    cookie: String,
    page: Answer,
}

impl User {
    fn goes(at: &str) -> Self {
        let page = curl(at, &[]);
        assert_eq!(page.status, 200, "{at}: {}", page.body);
        let cookie = page.field("set-cookie").split(';').next().expect("a cookie").into();
        Self { at: at.into(), cookie, page }
    }

    /// Sends the form that is before him, with this in it.
    fn sends(&self, what: &str) -> Answer {
        let seal = self.page.body.split("name=\"seal\" value=\"").nth(1).expect("a form");
        let seal = seal.split('"').next().expect("a seal");
        let form = format!("{what}&seal={seal}");
        curl(&self.at, &["-b", &self.cookie, "-d", &form])
    }

    fn logs_in(mut self) -> Self {
        let answer = self.sends("decision=login&username=alice&password=wonderland");
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!(answer.field("location"), self.at);
        let before = self.cookie;
        let cookie = answer.field("set-cookie");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        self.cookie = cookie.split(';').next().expect("a cookie").into();
        assert_ne!(self.cookie, before, "who logs in gets a new session");
        self.page = curl(&self.at, &["-b", &self.cookie]);
        self
    }

    /// Where he is sent when he allows what was asked.
    fn allows(self) -> String {
        let answer = self.sends("decision=allow");
        assert_eq!(answer.status, 303, "{}", answer.body);
        answer.field("location").into()
    }
}

/// A code that the user has given to the page.
fn code() -> String {
    let back = User::goes(&wanted("&scope=read+write")).logs_in().allows();
    parameter(&back, "code").to_owned()
}

/// A parameter of an address, as it stands there.
fn parameter<'a>(address: &'a str, name: &str) -> &'a str {
    let mut pairs = address.split(['?', '#', '&']).filter_map(|pair| pair.split_once('='));
    pairs.find(|pair| pair.0 == name).map_or("", |pair| pair.1)
}

/// The form that changes a code for tokens.
fn exchange(code: &str) -> String {
    format!(
        "grant_type=authorization_code&client_id=page&redirect_uri={BASE}/client&code={code}\
         &code_verifier={VERIFIER}"
    )
}

/// The whole of the code flow as a person sees it, and what the page says of the other grants.
const BY_CODE: &str = r##"
base = "http://192.0.2.2:8080"
browser.open(base + "/")
assert browser.url == base + "/client", browser.url
# RFC 7636 appendix B, by the page's own SHA-256.
hashed = browser.run("return challenge('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk')")
assert hashed == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", hashed

# Not the password; then no after all.
browser.click("#code")
browser.type("[name=username]", "alice")
browser.type("[name=password]", "looking-glass")
browser.click("[value=login]")
browser.wait_for_text("not the password", "#why")
browser.click("[value=deny]")
browser.wait_for_text("Refused: access_denied: the user said no", "#outcome")

browser.click("#code")
browser.type("[name=username]", "alice")
browser.type("[name=password]", "wonderland")
browser.click("[value=login]")
browser.wait_for_text("May it?", "h1")
assert browser.text("#user") == "alice" and set(browser.text("#scope").split()) == {"read", "write"}
[cookie] = browser.cookies()
assert cookie["httpOnly"] and cookie["sameSite"] == "Lax", cookie
assert browser.run("return document.cookie") == ""
browser.click("[value=allow]")
browser.wait_for_text("Here is a token, by authorization_code.", "#outcome")
assert browser.url == base + "/client", browser.url
assert not browser.run("return sessionStorage.length")

browser.click("#resource")
browser.wait_for_text("Curiouser", "#answer")
assert browser.text("#answer").startswith("200") and '"owner": "alice"' in browser.text("#answer")
first = browser.run("return tokens")
browser.click("#refresh")
browser.wait_for_text("Here is a token, by refresh_token.", "#outcome")
second = browser.run("return tokens")
assert not {first["access_token"], first["refresh_token"]} & set(second.values())
browser.click("#revoke")
browser.wait_for_text("Revoked.", "#outcome")
browser.click("#resource")
browser.wait_for_text("401", "#answer")

# Alice is still logged in; she says no.
browser.click("#code")
browser.wait_for_text("May it?", "h1")
browser.click("[value=deny]")
browser.wait_for_text("Refused: access_denied", "#outcome")

# Somebody else's answer is none of this page's.
browser.open(base + "/client?code=stolen&state=guessed&iss=" + base)
browser.wait_for_text("this page has not asked for that", "#outcome")

# The others are off, and the page says why, before and after.
browser.wait_for_text("the implicit grant is off: its token stands in the address")
browser.wait_for_text("the password grant is off: the user tells his password")
browser.click("#implicit")
browser.wait_for_text("Refused: unsupported_response_type: the implicit grant is off", "#outcome")
browser.click("#password button")
browser.wait_for_text("Refused: unsupported_grant_type: the password grant is off", "#outcome")
browser.click("#robot button")
browser.wait_for_text("Here is a token, by client_credentials.", "#outcome")
statuses = browser.responses()
assert (base + "/token", 200) in statuses and (base + "/token", 400) in statuses, statuses
print("well")
"##;

#[test]
fn a_browser_goes_through_the_code_flow() {
    let world = World::new();
    let server = world.serve(&["oauth"]);
    assert_eq!(browse(BY_CODE), "well\n");
    server.stop();
}

/// The grants that were asked for.
const ALLOWED: &str = r##"
base = "http://192.0.2.2:8080"
browser.open(base + "/client")
assert "is off" not in browser.text()
browser.click("#password button")
browser.wait_for_text("Here is a token, by password.", "#outcome")
browser.click("#resource")
browser.wait_for_text('"owner": "alice"', "#answer")
browser.click("#implicit")
browser.type("[name=username]", "alice")
browser.type("[name=password]", "wonderland")
browser.click("[value=login]")
browser.click("[value=allow]")
browser.wait_for_text("Here is a token, by implicit.", "#outcome")
assert browser.url == base + "/client", browser.url
assert "refresh_token" not in browser.run("return tokens")
browser.click("#resource")
browser.wait_for_text('"owner": "alice"', "#answer")
browser.click("#implicit")
browser.click("[value=deny]")
browser.wait_for_text("Refused: access_denied", "#outcome")
print("well")
"##;

#[test]
fn a_browser_gets_the_grants_that_were_allowed() {
    let world = World::new();
    let server = world.serve(&["oauth", "--oauth-allow", "implicit,password"]);
    assert_eq!(browse(ALLOWED), "well\n");
    let by_password = "grant_type=password&client_id=page&username=alice";
    assert_eq!(token(&format!("{by_password}&password=wonderland")).status, 200);
    let (status, error) = token(&format!("{by_password}&password=x")).error();
    assert_eq!((status, error.as_str()), (400, "invalid_grant"));
    let (_, error) = token(&format!("{by_password}&password=wonderland&scope=all")).error();
    assert_eq!(error, "invalid_scope");
    // A client that has a secret has no need of it.
    let robot = [
        "-u",
        "robot:looking-glass",
        "-d",
        "grant_type=password&username=alice&password=wonderland",
    ];
    assert_eq!(curl("/token", &robot).error(), (400, "unauthorized_client".into()));
    let implicit = "/authorize?response_type=token&client_id=page&scope=all&state=s%26t";
    let back = curl(implicit, &[]);
    let back = back.field("location");
    assert!(back.starts_with(&format!("{BASE}/client#error=invalid_scope&")), "{back}");
    assert_eq!(parameter(back, "state"), "s%26t");
    server.stop();
}

#[test]
fn a_code_is_worth_one_exchange() {
    let world = World::new();
    let server = world.serve(&["oauth"]);
    let back = User::goes(&wanted("&scope=write")).logs_in().allows();
    assert!(back.starts_with(&format!("{BASE}/client?code=")), "{back}");
    assert_eq!(parameter(&back, "state"), "a%26b+c");
    assert_eq!(parameter(&back, "iss"), "http%3A%2F%2F192.0.2.2%3A8080");
    let got = token(&exchange(parameter(&back, "code")));
    assert_eq!(
        (got.status, got.text("token_type"), got.text("scope")),
        (200, "Bearer".into(), "write".into())
    );
    // What is for writing does not read.
    let refused = resource(&got.text("access_token"));
    assert_eq!(refused.status, 403);
    assert!(refused.field("www-authenticate").contains("insufficient_scope"));

    // Whatever is wrong with the exchange, the code is gone with it.
    let wrong = [
        ("code_verifier", VERIFIER, &"x".repeat(43)),
        ("code_verifier", VERIFIER, &CHALLENGE.into()),
        ("redirect_uri", "/client&", &"/other&".into()),
    ];
    for (what, right, wrong) in wrong {
        let form = exchange(&code());
        assert_eq!(
            token(&form.replace(right, wrong)).error(),
            (400, "invalid_grant".into()),
            "{what}"
        );
        assert_eq!(token(&form).error(), (400, "invalid_grant".into()), "{what}");
    }
    // Another client's code.
    let form = exchange(&code()).replace("client_id=page&", "");
    let answer = curl("/token", &["-u", "robot:looking-glass", "-d", &form]);
    assert_eq!(answer.error(), (400, "invalid_grant".into()));

    // A program that has a secret shows that as well.
    let back = "redirect_uri=http://localhost:9000/back";
    let asks = wanted("").replace("client_id=page", "client_id=robot");
    let asks = asks.replace(&format!("redirect_uri={BASE}/client"), back);
    let to = User::goes(&asks).logs_in().allows();
    assert!(to.starts_with("http://localhost:9000/back?code="), "{to}");
    let form = format!(
        "grant_type=authorization_code&{back}&code={}&code_verifier={VERIFIER}",
        parameter(&to, "code")
    );
    assert_eq!(token(&format!("{form}&client_id=robot")).error(), (401, "invalid_client".into()));
    let got = curl("/token", &["-u", "robot:looking-glass", "-d", &form]);
    assert_eq!(
        (got.status, resource(&got.text("access_token")).text("client")),
        (200, "robot".into())
    );

    // What it refreshes with, nobody else does by only calling himself the page.
    let form = format!("grant_type=refresh_token&refresh_token={}", got.text("refresh_token"));
    assert_eq!(token(&format!("{form}&client_id=page")).error(), (400, "invalid_grant".into()));
    assert_eq!(curl("/token", &["-u", "robot:looking-glass", "-d", &form]).status, 200);

    // Used twice: somebody has stolen it.
    let form = exchange(&code());
    let (got, other) = (token(&form), token(&exchange(&code())));
    assert_eq!(resource(&got.text("access_token")).status, 200);
    assert_eq!(token(&form).error(), (400, "invalid_grant".into()));
    let refused = resource(&got.text("access_token"));
    assert_eq!(refused.status, 401);
    assert!(refused.field("www-authenticate").contains("error=\"invalid_token\""));
    assert_eq!(resource(&other.text("access_token")).status, 200, "of another consent");
    server.stop();
}

#[test]
fn a_refresh_token_is_worth_one_refresh() {
    let world = World::new();
    let server = world.serve(&["oauth"]);
    let refresh = |token_: &str| {
        token(&format!("grant_type=refresh_token&client_id=page&refresh_token={token_}"))
    };
    let first = token(&exchange(&code()));
    // Less, for once: the next one is for as much as ever.
    let less = refresh(&format!("{}&scope=read", first.text("refresh_token")));
    assert_eq!((less.status, less.text("scope")), (200, "read".into()));
    let all = refresh(&less.text("refresh_token"));
    assert_eq!(all.text("scope").len(), "read write".len());
    let more = refresh(&format!("{}&scope=read+admin", all.text("refresh_token")));
    assert_eq!(more.error(), (400, "invalid_scope".into()));
    assert_eq!(resource(&all.text("access_token")).status, 200);
    // Used twice: all of them end.
    assert_eq!(refresh(&first.text("refresh_token")).error(), (400, "invalid_grant".into()));
    assert_eq!(resource(&all.text("access_token")).status, 401);
    assert_eq!(refresh(&all.text("refresh_token")).error(), (400, "invalid_grant".into()));

    // Not for another client, be it with its own secret.
    let mine = token(&exchange(&code())).text("refresh_token");
    let form = format!("grant_type=refresh_token&refresh_token={mine}");
    let robot = curl("/token", &["-u", "robot:looking-glass", "-d", &form]);
    assert_eq!(robot.error(), (400, "invalid_grant".into()));

    // The page revokes its own tokens, and nobody else's.
    let robots =
        curl("/token", &["-u", "robot:looking-glass", "-d", "grant_type=client_credentials"]);
    let robots = robots.text("access_token");
    for token in [&mine, &robots, &FORGED.to_owned()] {
        assert_eq!(curl("/revoke", &["-d", &format!("client_id=page&token={token}")]).status, 200);
    }
    assert_eq!(refresh(&mine).error(), (400, "invalid_grant".into()));
    assert_eq!(resource(&robots).status, 200);
    // The robot may ask what a token is; the page, of which nobody knows who it is, may not.
    let about = format!("token={robots}");
    let about = curl("/introspect", &["-u", "robot:looking-glass", "-d", &about]).json();
    assert_eq!((&about["active"], &about["sub"]), (&true.into(), &"robot".into()));
    let about = curl("/introspect", &["-u", "robot:looking-glass", "-d", "token=x"]).json();
    assert_eq!(about, serde_json::json!({ "active": false }));
    assert_eq!(curl("/introspect", &["-d", "client_id=page&token=x"]).status, 401);
    server.stop();
}
