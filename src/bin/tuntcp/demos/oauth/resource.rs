//! What tokens are for, and what may be asked about them: `/resource`, `/introspect`, `/revoke`, and what
//! the provider tells of itself.

use ::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use ::http::{HeaderValue, StatusCode};
use oxide_auth::primitives::scope::Scope;
use serde_json::{Value, json};

use super::Provider;
use super::clients::Clients;
use super::token::{Caller, Refusal};
use super::web;
use crate::http1::{Request, Response};

/// Something that a token for `read` opens (RFC 6750).
pub(super) fn show(provider: &Provider, request: &Request) -> Response {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let told = header.and_then(|text| text.split_once(' '));
    let Some((_, token)) = told.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) else {
        // RFC 6750 3.1: who shows none is told that he needs one, and no more.
        let how = "Bearer realm=\"tuntcp\", scope=\"read\"";
        return refused(StatusCode::UNAUTHORIZED, how, "a Bearer token is needed");
    };
    let mut ledger = provider.ledger();
    let Some(grant) = ledger.granted(token.trim()) else {
        let how = "Bearer realm=\"tuntcp\", scope=\"read\", error=\"invalid_token\"";
        return refused(StatusCode::UNAUTHORIZED, how, "the token is unknown, too old or revoked");
    };
    if !"read".parse().is_ok_and(|read: Scope| read.allow_access(&grant.scope)) {
        let how = "Bearer realm=\"tuntcp\", scope=\"read\", error=\"insufficient_scope\"";
        return refused(StatusCode::FORBIDDEN, how, "the token is not for reading");
    }
    let what = json!({
        "owner": grant.owner_id,
        "client": grant.client_id,
        "scope": grant.scope.to_string(),
        "text": "Curiouser and curiouser!",
    });
    web::json(StatusCode::OK, &what)
}

fn refused(status: StatusCode, how: &'static str, why: &str) -> Response {
    let mut response = web::json(status, &json!({ "why": why }));
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(how));
    response
}

/// What a token stands for, for a client that can prove who it is (RFC 7662).
pub(super) fn introspect(provider: &Provider, base: &str, request: &Request) -> Response {
    let told = about_token(base, request, true);
    let token = match told {
        Ok((token, _)) => token,
        Err(refusal) => return refusal.response(),
    };
    let mut ledger = provider.ledger();
    let answer: Value = ledger.granted(&token).map_or_else(
        || json!({ "active": false }),
        |grant| {
            json!({
                "active": true,
                "client_id": grant.client_id,
                "exp": grant.until.timestamp(),
                "iss": base,
                "scope": grant.scope.to_string(),
                "sub": grant.owner_id,
                "token_type": "Bearer",
            })
        },
    );
    web::json(StatusCode::OK, &answer)
}

/// Ends a token, and all that came with it (RFC 7009). That there is none such is no error.
pub(super) fn revoke(provider: &Provider, base: &str, request: &Request) -> Response {
    match about_token(base, request, false) {
        Ok((token, caller)) => {
            provider.ledger().end(&token, &caller.id);
            web::json(StatusCode::OK, &json!({}))
        }
        Err(refusal) => refusal.response(),
    }
}

/// The token that a client asks about, and the client.
fn about_token(
    base: &str,
    request: &Request,
    confidential: bool,
) -> Result<(String, Caller), Refusal> {
    let (form, caller) = Caller::of(request)?;
    caller.check(&Clients { base })?;
    if confidential && caller.secret.is_none() {
        return Err(Refusal::new("invalid_client", "only a client that has a secret may ask"));
    }
    let token = form.value("token");
    let token = token.ok_or(Refusal::new("invalid_request", "which token?"))?;
    Ok((token.to_owned(), caller))
}

/// What the provider tells of itself (RFC 8414).
pub(super) fn metadata(provider: &Provider, base: &str) -> Response {
    let mut grants = vec!["authorization_code", "refresh_token", "client_credentials"];
    let mut responses = vec!["code"];
    if provider.implicit {
        grants.push("implicit");
        responses.push("token");
    }
    if provider.password {
        grants.push("password");
    }
    let ways = ["client_secret_basic", "client_secret_post"];
    let all_ways = ["client_secret_basic", "client_secret_post", "none"];
    let what = json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "revocation_endpoint": format!("{base}/revoke"),
        "introspection_endpoint": format!("{base}/introspect"),
        "scopes_supported": ["read", "write"],
        "response_types_supported": responses,
        "grant_types_supported": grants,
        "token_endpoint_auth_methods_supported": all_ways,
        "revocation_endpoint_auth_methods_supported": all_ways,
        "introspection_endpoint_auth_methods_supported": ways,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    });
    web::json(StatusCode::OK, &what)
}
