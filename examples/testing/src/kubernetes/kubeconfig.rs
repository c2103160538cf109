//! Files with the access to a cluster.

use std::{fmt::Display, path::Path};

use serde_json::{Value as Json, json};

/// Returns a kubeconfig: a server's URL, the file of the authority that it is trusted by, and a user, as the credentials of the file have it.
#[must_use]
pub fn kubeconfig(server: impl Display, authority: Option<&Path>, user: &Json) -> String {
    let mut cluster = json!({"server": server.to_string()});
    if let Some(authority) = authority {
        cluster["certificate-authority"] = json!(authority);
    }
    let file = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    });
    file.to_string()
}
