//! Tokens that expire or are revoked, and new ones in the same file.

use std::{fs, time::Duration};

use mermin_kubernetes::{Condition, Kind};
use mermin_testing::{Folder, Kubernetes, until};
use serde_json::json;

use crate::{
    followed::{Followed, address, condition},
    support::{follow, make_account},
};

fn until_refused(followed: &Followed) {
    until("refused", || {
        followed
            .problem(Kind::Pod)
            .is_some_and(|it| it.contains("cannot log in to the API server: Unauthorized"))
    });
    assert_eq!(condition(followed), Condition::Stale);
    assert_eq!(followed.pod_at(address(1)).as_deref(), Some("pod-1"));
}

#[test]
#[ignore = "`cargo xtask api-server` has a server for it"]
fn new_token_in_the_file_is_used_after_one_that_expired_or_was_revoked() {
    let server = Kubernetes::new();
    make_account(&server, "shop");
    server.make_pod("shop", "pod-1", address(1));
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "mermin"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "mermin", "namespace": "shop"}],
    });
    server.apply(&binding.to_string());
    let folder = Folder::new("tokens");
    let token = folder.file("token");
    let brief = server.brief_token("shop", "mermin", Duration::from_secs(10));
    fs::write(&token, brief).unwrap();
    let followed = follow(server.kubeconfig_of_file(&token), |it| {
        it.kinds([Kind::Pod])
    })
    .synced();
    // The server remembers for 10 s that a token was good.
    until_refused(&followed);
    fs::write(&token, server.token("shop", "mermin")).unwrap();
    until("current", || condition(&followed) == Condition::Current);

    server.kubectl(
        &["delete", "serviceaccount", "--namespace=shop", "mermin"],
        "",
    );
    until_refused(&followed);
    make_account(&server, "shop");
    fs::write(&token, server.token("shop", "mermin")).unwrap();
    until("current", || condition(&followed) == Condition::Current);
    server.make_pod("shop", "pod-2", address(2));
    followed.until_present(2);
}
