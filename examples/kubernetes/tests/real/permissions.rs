//! Role-based access control: the server's words, and rules that mend what they are about.

use std::fs;

use mermin_kubernetes::{Condition, Kind};
use mermin_testing::{Folder, Kubernetes, until};
use serde_json::json;

use crate::{
    followed::{Followed, address, condition},
    support::{follow, make_account},
};

/// A role of these rules, and its binding to the account.
fn grant(server: &Kubernetes, rules: &str) {
    let role = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: mermin\nrules:\n{rules}\n"
    );
    server.apply(&role);
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "mermin"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "mermin"},
        "subjects": [{"kind": "ServiceAccount", "name": "mermin", "namespace": "net"}],
    });
    server.apply(&binding.to_string());
}

/// Returns the rule that a kind's problem prints.
fn printed(followed: &Followed, kind: Kind) -> Option<String> {
    let health = followed.health();
    let remedy = health.of(kind)?.problem.as_ref()?.remedy.clone()?;
    let (introduction, rule) = remedy.split_once(":\n")?;
    assert_eq!(
        introduction,
        "add this rule to the ClusterRole bound to service account `mermin` of namespace `net`"
    );
    Some(rule.to_owned())
}

#[test]
#[ignore = "`cargo xtask api-server` has a server for it"]
fn printed_rules_are_all_that_is_missing() {
    let server = Kubernetes::new();
    make_account(&server, "net");
    make_account(&server, "shop");
    server.make_pod("shop", "pod-1", address(1));
    let folder = Folder::new("permissions");
    let token = folder.file("token");
    fs::write(&token, server.token("net", "mermin")).unwrap();
    let followed = follow(server.kubeconfig_of_file(&token), |it| it);
    until("a rule for each kind", || {
        Kind::ALL
            .iter()
            .all(|kind| printed(&followed, *kind).is_some())
    });
    for kind in Kind::ALL {
        let place = kind.resources()[0];
        let words = format!(
            "User \"system:serviceaccount:net:mermin\" cannot list resource \"{}\" in API group \"{}\" at the cluster scope",
            place.plural, place.group
        );
        let problem = followed.problem(kind).unwrap();
        assert!(problem.contains(&words), "{problem}");
    }
    assert_eq!(followed.pod_at(address(1)), None);
    // One rule alone, then all.
    let pods = printed(&followed, Kind::Pod).unwrap();
    let all = Kind::ALL.map(|kind| printed(&followed, kind).unwrap());
    grant(&server, &pods);
    until("the pod", || followed.pod_at(address(1)).is_some());
    assert!(printed(&followed, Kind::Node).is_some());
    grant(&server, &all.join("\n"));
    until("all kinds", || {
        followed.health().is_synced() && followed.health().is_current()
    });
    for kind in Kind::ALL {
        let health = followed.health();
        let expected = match kind {
            Kind::Gateway => Condition::Absent,
            _ => Condition::Current,
        };
        assert_eq!(health.of(kind).unwrap().condition, expected, "{kind}");
    }

    // Taken away, it shows at the end of the watch, and the names stay.
    grant(&server, &all[1..].join("\n"));
    until("stale", || condition(&followed) == Condition::Stale);
    assert_eq!(printed(&followed, Kind::Pod).as_ref(), Some(&pods));
    assert_eq!(followed.pod_at(address(1)).as_deref(), Some("pod-1"));
    grant(&server, &all.join("\n"));
    until("current", || condition(&followed) == Condition::Current);
    assert_eq!(followed.problem(Kind::Pod), None);
}
