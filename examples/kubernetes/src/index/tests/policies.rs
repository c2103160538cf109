//! Network policies of pods.

use super::*;

/// Names of the policies for ingress or egress that select the pod at the address.
fn names(index: &Index, ingress: bool) -> Vec<String> {
    let found = index.end_at(A, 80, [20, 30]);
    let names = index.policies(found.pod.unwrap(), ingress);
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn policies_follow_labels_and_the_filled_in_types() {
    let mut index = index();
    let policy = |uid: &str, name: &str, spec: Json| json!({"metadata": {"name": name, "namespace": "shop", "uid": uid}, "spec": spec});
    // Before and after the pod.
    index.see(
        Kind::NetworkPolicy,
        &policy(
            "1",
            "deny",
            json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "egress": [{}]}),
        ),
        10,
    );
    index.see(Kind::Pod, &pod("web", "7", A, 10), 11);
    index.see(
        Kind::NetworkPolicy,
        &policy(
            "2",
            "allow-web",
            json!({"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"]}),
        ),
        12,
    );
    let mut elsewhere = policy("3", "other", json!({"policyTypes": ["Ingress"]}));
    elsewhere["metadata"]["namespace"] = "bank".into();
    index.see(Kind::NetworkPolicy, &elsewhere, 12);
    assert_eq!(names(&index, true), ["allow-web", "deny"]);
    assert_eq!(names(&index, false), ["deny"]);
    let mut relabelled = pod("web", "7", A, 10);
    relabelled["metadata"]["labels"]["app"] = "db".into();
    index.see(Kind::Pod, &relabelled, 13);
    assert_eq!(names(&index, true), ["deny"]);
    index.delete(Kind::NetworkPolicy, &policy("1", "deny", json!({})), 14);
    assert!(names(&index, true).is_empty());
    index.see(
        Kind::NetworkPolicy,
        &policy(
            "2",
            "allow-db",
            json!({"podSelector": {"matchLabels": {"app": "db"}}, "policyTypes": ["Ingress"]}),
        ),
        15,
    );
    assert_eq!(names(&index, true), ["allow-db"]);
}

#[test]
fn gone_pod_has_no_policy_that_took_the_place_of_another() {
    let mut index = index();
    let policy = |uid: &str, name: &str, namespace: &str, app: &str| {
        json!({"metadata": {"name": name, "namespace": namespace, "uid": uid},
            "spec": {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": ["Ingress"]}})
    };
    index.see(Kind::Pod, &pod("web", "7", A, 10), 11);
    index.see(Kind::NetworkPolicy, &policy("1", "old", "shop", "web"), 12);
    assert_eq!(names(&index, true), ["old"]);
    index.delete(Kind::Pod, &pod("web", "7", A, 10), 40);
    let mut gone = policy("1", "old", "shop", "web");
    for (uid, namespace, app) in [("2", "bank", "web"), ("3", "shop", "db")] {
        index.delete(Kind::NetworkPolicy, &gone, 41);
        gone = policy(uid, "new", namespace, app);
        index.see(Kind::NetworkPolicy, &gone, 42);
        assert!(names(&index, true).is_empty(), "{namespace}");
    }
}

#[test]
fn policy_without_a_selector_selects_all_pods_of_its_namespace() {
    let mut index = index();
    index.see(Kind::Pod, &pod("web", "7", A, 10), 11);
    // `from: []` allows all sources; the policy selects nonetheless. `NotIn` selects pods without the label.
    for (uid, name, spec) in [
        (
            "1",
            "all",
            json!({"policyTypes": ["Ingress"], "ingress": [{"from": []}]}),
        ),
        (
            "2",
            "not",
            json!({"podSelector": {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["db"]}]}, "policyTypes": ["Ingress"]}),
        ),
        (
            "3",
            "other",
            json!({"podSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, "policyTypes": ["Ingress"]}),
        ),
    ] {
        let policy =
            json!({"metadata": {"name": name, "namespace": "shop", "uid": uid}, "spec": spec});
        index.see(Kind::NetworkPolicy, &policy, 12);
    }
    assert_eq!(names(&index, true), ["all", "not"]);
    assert!(names(&index, false).is_empty());
}
