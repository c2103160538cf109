//! Kinds that the server lacks, has in an older version, or gets later.

use mermin_kubernetes::{Condition, Kind};
use mermin_testing::{Kubernetes, until};
use serde_json::json;

use crate::{
    followed::{Followed, address, flow, text},
    support::{follow, make_namespace},
};

fn definition() -> String {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {
            "name": "gateways.gateway.networking.k8s.io",
            "annotations": {"api-approved.kubernetes.io": "unapproved, part of the fields alone"},
        },
        "spec": {
            "group": "gateway.networking.k8s.io", "scope": "Namespaced",
            "names": {"kind": "Gateway", "listKind": "GatewayList", "plural": "gateways", "singular": "gateway"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    })
    .to_string()
}

/// An attribute of a flow from an address.
fn attribute(followed: &Followed, from: [u8; 4], name: &str) -> Option<String> {
    let mut flows = [flow(from)];
    let mut decorator = mermin_kubernetes::Decorator::new(mermin_kubernetes::Settings::all());
    followed.cluster.decorate(&mut decorator, &mut flows);
    text(&flows[0], name)
}

#[test]
#[ignore = "`cargo xtask api-server` has a server for it"]
fn absent_kind_degrades_alone_and_an_older_version_is_used() {
    let server = Kubernetes::new();
    make_namespace(&server, "shop");
    server.make_pod("shop", "pod-1", address(1));
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 443}]},
    });
    server.apply(&service.to_string());
    let [a, b, c, d] = address(1);
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1beta1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": "web-1", "namespace": "shop", "labels": {"kubernetes.io/service-name": "web"}},
        "ports": [{"port": 50_000, "protocol": "TCP"}],
        "endpoints": [{"addresses": [format!("{a}.{b}.{c}.{d}")], "conditions": {"ready": true},
            "targetRef": {"kind": "Pod", "name": "pod-1", "namespace": "shop"}}],
    });
    server.apply(&slice.to_string());
    let followed = follow(server.admin(), |it| it).synced();
    until("current", || followed.health().is_current());
    let health = followed.health();
    assert_eq!(
        health.of(Kind::Gateway).unwrap().condition,
        Condition::Absent
    );
    assert_eq!(followed.present(Kind::EndpointSlice), 1);
    assert_eq!(followed.pod_at(address(1)).as_deref(), Some("pod-1"));
    assert_eq!(
        attribute(&followed, address(1), "source.k8s.service.name").as_deref(),
        Some("web")
    );
    let cluster = attribute(&followed, address(1), "source.k8s.cluster.uid").unwrap();
    let namespace = [
        "get",
        "namespace",
        "kube-system",
        "--output=jsonpath={.metadata.uid}",
    ];
    assert_eq!(cluster, server.kubectl(&namespace, ""));

    // Installed later, it is found.
    server.apply(&definition());
    until("gateways", || {
        followed.health().of(Kind::Gateway).unwrap().condition == Condition::Current
    });
    let gateway = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
        "metadata": {"name": "way-in", "namespace": "shop"},
        "status": {"addresses": [{"type": "IPAddress", "value": "192.0.2.80"}]},
    });
    server.apply(&gateway.to_string());
    until("the gateway's name", || {
        attribute(&followed, [192, 0, 2, 80], "source.k8s.gateway.name").as_deref()
            == Some("way-in")
    });
}
