//! Tokens of service accounts, signed by openssl (RFC 7519, RFC 7515).

use std::{
    path::Path,
    process::Command,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::json;

use super::programs;
use crate::Folder;

/// A server takes a token for so many seconds after its end, for the sake of clocks that differ.
const LEEWAY: u64 = 60;

/// Makes the key that signs.
pub(super) fn make_key(path: &Path) {
    let mut openssl = Command::new("openssl");
    openssl.args(["genrsa", "-out"]).arg(path).arg("2048");
    programs::run(openssl, "").unwrap();
}

/// Signs a token for an account (namespace, name, uid) that the server takes for so long.
pub(super) fn signed(
    key: &Path,
    issuer: &str,
    [namespace, name, uid]: [&str; 3],
    lasts: Duration,
) -> String {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let begins = since_epoch.as_secs() - LEEWAY;
    let header = json!({"alg": "RS256", "typ": "JWT"});
    let claims = json!({
        "iss": issuer, "aud": [issuer], "sub": format!("system:serviceaccount:{namespace}:{name}"),
        "nbf": begins, "iat": begins, "exp": begins + lasts.as_secs(),
        "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": name, "uid": uid}},
    });
    let folder = Folder::new("token");
    let (text, signature) = (folder.file("text"), folder.file("signature"));
    let [header, claims] = [header, claims].map(|part| {
        std::fs::write(&text, part.to_string()).unwrap();
        base64url(&text)
    });
    let whole = format!("{header}.{claims}");
    std::fs::write(&text, &whole).unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args(["dgst", "-sha256", "-sign"]).arg(key);
    openssl.arg("-out").arg(&signature).arg(&text);
    programs::run(openssl, "").unwrap();
    format!("{whole}.{}", base64url(&signature))
}

/// Returns a file's octets in base64url without padding.
fn base64url(path: &Path) -> String {
    let mut openssl = Command::new("openssl");
    openssl.args(["base64", "-A", "-in"]).arg(path);
    let text = programs::run(openssl, "").unwrap();
    let text = text.trim().trim_end_matches('=');
    text.replace('+', "-").replace('/', "_")
}
