//! Names of objects in records, as receivers get them.

use std::time::SystemTime;

use mermin_core::{FlowSource, flow::Endpoint, sink::JsonLines};
use mermin_kubernetes::{Decorator, Extract, FollowSettings, Kind, Settings, decorate};
use mermin_testing::until;
use serde_json::{Value as Json, json};

use crate::{
    api_server::ApiServer,
    support::{Followed, flow, follow, pace, text},
};

fn objects(server: &ApiServer) {
    let owner = |kind: &str, api: &str, name: &str, uid: &str| json!([{"kind": kind, "apiVersion": api, "name": name, "uid": uid, "controller": true}]);
    server.put(
        "namespaces",
        json!({"metadata": {"name": "kube-system", "uid": "cluster-1"}}),
    );
    server.put(
        "namespaces",
        json!({"metadata": {"name": "shop", "uid": "ns-1", "annotations": {"team": "tills", "secret": "hush"}}}),
    );
    server.put("nodes", json!({"metadata": {"name": "n1", "uid": "node-1", "labels": {"topology.kubernetes.io/zone": "eu-1a", "topology.kubernetes.io/region": "eu-1"}}, "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]}}));
    server.put("replicasets", json!({"metadata": {"name": "web-7d", "namespace": "shop", "uid": "rs-1", "ownerReferences": owner("Deployment", "apps/v1", "web", "dep-1")}}));
    server.put(
        "services",
        json!({"metadata": {"name": "db", "namespace": "shop", "uid": "svc-1"},
        "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.1", "ports": [{"port": 443}]}}),
    );
    server.put(
        "networkpolicies",
        json!({"metadata": {"name": "out", "namespace": "shop", "uid": "np-1"},
        "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Egress"]}}),
    );
    server.put("pods", json!({
        "metadata": {"name": "web-7d-x", "namespace": "shop", "uid": "pod-1", "labels": {"app": "web", "tier": "front"},
            "creationTimestamp": "2026-01-01T00:00:00Z", "ownerReferences": owner("ReplicaSet", "apps/v1", "web-7d", "rs-1")},
        "spec": {"nodeName": "n1", "containers": [{"name": "web", "image": "registry.example:5000/web:7"}]},
        "status": {"phase": "Running", "podIP": "10.100.0.7", "startTime": "2026-01-01T00:00:00Z"},
    }));
}

fn exported(followed: &Followed, settings: Settings) -> Json {
    let mut record = flow([10, 100, 0, 7]);
    record.destination = Endpoint::new([10, 96, 0, 1], 443);
    record.end = SystemTime::now();
    let (mut source, _) = FlowSource::replay([record]).open().unwrap();
    let mut out = Vec::new();
    let sink = decorate(JsonLines::new(&mut out), &followed.cluster, settings);
    futures::executor::block_on(async { source.run(sink).await }).unwrap();
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn json_record_has_the_names_of_both_ends() {
    let server = ApiServer::start();
    objects(&server);
    let followed = follow(server.url(), |settings| settings).synced();
    let record = exported(&followed, Settings::all().cluster_name("prod"));
    for (name, value) in [
        ("source.k8s.cluster.name", "prod"),
        ("source.k8s.cluster.uid", "cluster-1"),
        ("source.k8s.node.name", "n1"),
        ("source.k8s.node.uid", "node-1"),
        ("source.cloud.availability_zone", "eu-1a"),
        ("source.cloud.region", "eu-1"),
        ("source.k8s.namespace.name", "shop"),
        ("source.k8s.namespace.uid", "ns-1"),
        ("source.k8s.pod.name", "web-7d-x"),
        ("source.k8s.pod.uid", "pod-1"),
        ("source.k8s.container.name", "web"),
        ("source.container.name", "web"),
        ("source.container.image.name", "registry.example:5000/web"),
        ("source.k8s.replicaset.name", "web-7d"),
        ("source.k8s.replicaset.uid", "rs-1"),
        ("source.k8s.deployment.name", "web"),
        ("source.k8s.deployment.uid", "dep-1"),
        ("destination.k8s.namespace.name", "shop"),
        ("destination.k8s.service.name", "db"),
        ("destination.k8s.service.uid", "svc-1"),
    ] {
        assert_eq!(record[name], value, "{name} in {record}");
    }
    assert_eq!(record["network.policy.egress"], json!(["out"]));
    assert_eq!(record["network.policy.ingress"], Json::Null);
    // A change of an object is in the next record.
    server.delete("networkpolicies", "shop", "out");
    until("no policy", || followed.present(Kind::NetworkPolicy) == 0);
    let record = exported(&followed, Settings::default());
    assert_eq!(record["network.policy.egress"], Json::Null);
    let ends = followed.cluster.ends();
    assert_eq!((ends.known, ends.unknown), (4, 0));
}

#[test]
fn only_chosen_names_are_added() {
    let server = ApiServer::start();
    objects(&server);
    let followed = follow(server.url(), |settings| settings).synced();
    let names = [
        mermin_kubernetes::Name::DeploymentName,
        mermin_kubernetes::Name::NamespaceName,
    ];
    let record = exported(&followed, Settings::default().only(names).policies(false));
    let added: Vec<_> = record
        .as_object()
        .unwrap()
        .keys()
        .filter(|name| name.contains("k8s") || name.contains("policy"))
        .collect();
    assert_eq!(
        added,
        [
            "destination.k8s.namespace.name",
            "source.k8s.deployment.name",
            "source.k8s.namespace.name"
        ]
    );
}

#[test]
fn labels_and_annotations_are_added_only_if_they_are_asked_for() {
    let server = ApiServer::start();
    objects(&server);
    let added = |extract: Extract| {
        let settings = FollowSettings::default()
            .config(kube::Config::new(server.url()))
            .pace(pace());
        let followed = Followed::extracting(extract, settings).synced();
        let record = exported(&followed, Settings::all());
        let all = record.as_object().unwrap().iter();
        let added = all.filter(|(name, _)| name.contains("labels") || name.contains("annotations"));
        added
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(added(Extract::default()), []);
    let asked = Extract::default()
        .label(Kind::Pod, "app")
        .label(Kind::Node, "topology.kubernetes.io/zone")
        .annotation(Kind::Namespace, "team")
        .annotation(Kind::Service, "absent");
    let expected = [
        ("destination.k8s.namespace.annotations.team", "tills"),
        ("source.k8s.namespace.annotations.team", "tills"),
        (
            "source.k8s.node.labels.topology.kubernetes.io/zone",
            "eu-1a",
        ),
        ("source.k8s.pod.labels.app", "web"),
    ];
    assert_eq!(
        added(asked),
        expected.map(|(name, value)| (name.to_owned(), Json::from(value)))
    );
}

#[test]
fn attributes_with_few_values_are_added_unless_others_are_asked_for() {
    let server = ApiServer::start();
    objects(&server);
    let followed = follow(server.url(), |settings| settings).synced();
    let record = exported(&followed, Settings::default());
    assert_eq!(record["source.k8s.deployment.name"], "web");
    assert_eq!(record["source.k8s.namespace.name"], "shop");
    assert_eq!(record["destination.k8s.service.name"], "db");
    for many in [
        "pod.name",
        "pod.uid",
        "replicaset.name",
        "deployment.uid",
        "node.uid",
    ] {
        assert_eq!(record[format!("source.k8s.{many}")], Json::Null, "{many}");
    }
}

#[test]
fn networks_are_named_inside_and_outside_the_cluster() {
    let server = ApiServer::start();
    objects(&server);
    let followed = follow(server.url(), |settings| settings).synced();
    let settings = || {
        let settings = Settings::default().cluster_name("prod");
        settings.network("10.100.0.0/16", "pods").unwrap()
    };
    let record = exported(&followed, settings());
    assert_eq!(record["source.network.name"], "pods");
    assert_eq!(record["source.k8s.namespace.name"], "shop");
    assert_eq!(record["destination.network.name"], Json::Null);
    // An end outside the cluster has the name of its network, and nothing of the cluster.
    let mut flow = flow([192, 0, 2, 99]);
    flow.destination = Endpoint::new([198, 51, 100, 1], 443);
    let outside = settings().network("192.0.2.0/24", "office").unwrap();
    let mut flows = [flow];
    let before = followed.cluster.ends();
    followed
        .cluster
        .decorate(&mut Decorator::new(outside), &mut flows);
    let added: Vec<_> = flows[0]
        .attributes()
        .filter(|(name, _)| name.contains("k8s") || name.contains("network.name"))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(added, ["source.network.name"]);
    let ends = followed.cluster.ends();
    assert_eq!(
        (ends.known, ends.unknown),
        (before.known, before.unknown + 2)
    );
}

#[test]
fn node_that_moves_to_another_zone_is_named_by_it() {
    let server = ApiServer::start();
    objects(&server);
    let followed = follow(server.url(), |settings| settings).synced();
    let mut decorator = Decorator::new(Settings::default());
    let mut zone = || {
        let mut flows = [flow([192, 0, 2, 1])];
        followed.cluster.decorate(&mut decorator, &mut flows);
        text(&flows[0], "source.cloud.availability_zone")
    };
    assert_eq!(zone().as_deref(), Some("eu-1a"));
    server.put("nodes", json!({"metadata": {"name": "n1", "uid": "node-1", "labels": {"topology.kubernetes.io/zone": "eu-1b"}}, "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]}}));
    until("the other zone", || zone().as_deref() == Some("eu-1b"));
}
