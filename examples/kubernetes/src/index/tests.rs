//! The behaviour of real API servers, rule by rule: objects in, names of ends out.

use std::{net::IpAddr, time::Duration};

use serde_json::{Value as Json, json};

use super::*;

fn at(seconds: u64) -> Moment {
    Moment::default().after(Duration::from_secs(seconds))
}

fn time(seconds: u64) -> String {
    let time = std::time::UNIX_EPOCH + Duration::from_secs(seconds);
    humantime::format_rfc3339_seconds(time).to_string()
}

fn index() -> Index {
    Index::new(Extract::default(), Duration::from_mins(5))
}

fn object(kind: Kind, json: &Json) -> Object {
    Object::parse(kind, &json.to_string()).unwrap()
}

impl Index {
    fn see(&mut self, kind: Kind, json: &Json, now: u64) {
        self.apply(&object(kind, json), at(now));
    }

    fn delete(&mut self, kind: Kind, json: &Json, now: u64) {
        self.remove(&object(kind, json), at(now));
    }

    /// The end of a flow over TCP in these seconds.
    fn end_at(&self, address: &str, port: u16, [start, end]: [u64; 2]) -> Found<'_> {
        self.find_end(&End {
            address: address.parse::<IpAddr>().unwrap(),
            port: Some((port, 6)),
            start: at(start),
            end: at(end),
            container_id: None,
        })
    }

    /// The name of the pod that had the address in these seconds.
    fn pod_at(&self, address: &str, seconds: [u64; 2]) -> Option<&str> {
        self.end_at(address, 80, seconds).pod.map(|pod| &*pod.name)
    }
}

/// A running pod that the kubelet saw at this second.
fn pod(name: &str, uid: &str, address: &str, began: u64) -> Json {
    json!({
        "metadata": {"name": name, "namespace": "shop", "uid": uid, "labels": {"app": "web"}, "creationTimestamp": time(began)},
        "spec": {"nodeName": "n1", "containers": [{"name": "web", "image": "nginx:1", "ports": [{"containerPort": 80}]}]},
        "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "startTime": time(began)},
    })
}

fn finished(mut pod: Json, phase: &str, end: Option<u64>) -> Json {
    pod["status"]["phase"] = phase.into();
    if let Some(end) = end {
        pod["status"]["containerStatuses"] =
            json!([{"name": "web", "state": {"terminated": {"finishedAt": time(end)}}}]);
    }
    pod
}

const A: &str = "10.0.0.9";

#[test]
fn running_pod_wins_over_a_finished_one_in_any_order() {
    let old = finished(pod("a-old", "1", A, 100), "Succeeded", None);
    let new = pod("b-new", "2", A, 100);
    for order in [[&old, &new], [&new, &old]] {
        let mut index = index();
        for pod in order {
            index.see(Kind::Pod, pod, 500);
        }
        assert_eq!(index.pod_at(A, [400, 450]), Some("b-new"));
    }
}

#[test]
fn terminating_pod_is_between_running_and_finished() {
    let mut terminating = pod("leaving", "1", A, 100);
    // The time at which the deletion is forced, not that of the pod's death.
    terminating["metadata"]["deletionTimestamp"] = time(9_000).into();
    let mut index = index();
    index.see(Kind::Pod, &terminating, 200);
    assert_eq!(index.pod_at(A, [190, 300]), Some("leaving"));
    index.see(Kind::Pod, &pod("running", "2", A, 100), 200);
    assert_eq!(index.pod_at(A, [190, 300]), Some("running"));
}

#[test]
fn flow_has_the_pod_that_had_the_address_when_it_began() {
    let mut index = index();
    index.see(Kind::Pod, &pod("first", "1", A, 100), 101);
    index.see(
        Kind::Pod,
        &finished(pod("first", "1", A, 100), "Failed", Some(200)),
        203,
    );
    // The kubelet sees the next pod before it has an address, while the first one still runs.
    index.see(Kind::Pod, &pod("second", "2", A, 199), 205);
    assert_eq!(index.pod_at(A, [150, 160]), Some("first"));
    assert_eq!(index.pod_at(A, [199, 210]), Some("first"));
    assert_eq!(index.pod_at(A, [202, 210]), Some("second"));
    assert_eq!(index.pod_at(A, [300, 300]), Some("second"));
    assert_eq!(index.pod_at(A, [10, 20]), None);
}

#[test]
fn finished_pod_keeps_its_address_in_the_status_only() {
    for phase in ["Succeeded", "Failed"] {
        let mut index = index();
        index.see(Kind::Pod, &pod("job", "1", A, 100), 101);
        let end = finished(pod("job", "1", A, 100), phase, Some(200));
        index.see(Kind::Pod, &end, 201);
        // A label changes later.
        let mut relabelled = end.clone();
        relabelled["metadata"]["labels"]["done"] = "yes".into();
        index.see(Kind::Pod, &relabelled, 300);
        assert_eq!(index.pod_at(A, [150, 160]), Some("job"), "{phase}");
        assert_eq!(index.pod_at(A, [299, 310]), None, "{phase}");
        // The API lets it run again.
        index.see(Kind::Pod, &pod("job", "1", A, 100), 400);
        assert_eq!(index.pod_at(A, [299, 310]), None, "{phase}");
        assert_eq!(index.pod_at(A, [410, 420]), Some("job"), "{phase}");
    }
}

/// The uid of the pod that had the address in these seconds.
fn uid_at(index: &Index, address: &str, seconds: [u64; 2]) -> Option<Arc<str>> {
    let pod = index.end_at(address, 80, seconds).pod?;
    Some(pod.uid.text())
}

#[test]
fn same_name_with_another_uid_is_another_pod() {
    let mut index = index();
    index.see(Kind::Pod, &pod("db-0", "1", A, 100), 101);
    index.delete(Kind::Pod, &pod("db-0", "1", A, 100), 200);
    index.see(Kind::Pod, &pod("db-0", "2", "10.0.0.10", 210), 211);
    assert_eq!(uid_at(&index, A, [150, 160]).as_deref(), Some("1"));
    assert_eq!(
        uid_at(&index, "10.0.0.10", [220, 230]).as_deref(),
        Some("2")
    );
    assert_eq!(index.present(Kind::Pod), 1);
}

#[test]
fn object_missing_from_a_list_ended_when_last_known() {
    let mut index = index();
    index.begin_list(Kind::Pod);
    index.see(Kind::Pod, &pod("gone", "1", A, 100), 101);
    index.see(Kind::Pod, &pod("kept", "2", "10.0.0.10", 100), 101);
    index.finish_list(Kind::Pod, at(101), at(101));
    index.begin_list(Kind::Pod);
    index.see(Kind::Pod, &pod("kept", "2", "10.0.0.10", 100), 500);
    index.see(Kind::Pod, &pod("gone", "3", "10.0.0.11", 400), 500);
    index.finish_list(Kind::Pod, at(300), at(500));
    assert_eq!(index.present(Kind::Pod), 2);
    assert_eq!(index.pod_at(A, [290, 295]), Some("gone"));
    assert_eq!(index.pod_at(A, [350, 360]), None);
    assert_eq!(index.pod_at("10.0.0.10", [350, 360]), Some("kept"));
}

#[test]
fn deleted_pod_is_remembered_for_a_while_and_then_forgotten() {
    let mut index = index();
    index.see(Kind::Pod, &pod("web", "1", A, 100), 101);
    index.delete(Kind::Pod, &pod("web", "1", A, 100), 200);
    index.expire(at(499));
    assert_eq!(index.pod_at(A, [190, 195]), Some("web"));
    index.expire(at(501));
    assert_eq!(index.pod_at(A, [190, 195]), None);
    assert!(index.shared.addresses.of(A.parse().unwrap()).is_empty());
}

#[test]
fn host_pod_is_named_by_its_port_on_the_node() {
    let mut index = index();
    index.see(Kind::Node, &node("n1", "7", &["192.0.2.1"]), 10);
    let mut host = pod("proxy", "1", "192.0.2.1", 100);
    host["spec"]["hostNetwork"] = true.into();
    host["spec"]["containers"][0]["ports"] = json!([{"containerPort": 9100}]);
    index.see(Kind::Pod, &host, 101);
    let found = index.end_at("192.0.2.1", 9100, [150, 160]);
    assert_eq!(found.node.map(|it| &*it.name), Some("n1"));
    assert_eq!(found.pod.map(|it| &*it.name), Some("proxy"));
    let found = index.end_at("192.0.2.1", 22, [150, 160]);
    assert_eq!(found.node.map(|it| &*it.name), Some("n1"));
    assert!(found.pod.is_none());
    // A port of the node leads to a pod with an address of its own as well.
    let mut mapped = pod("dns", "2", A, 100);
    mapped["spec"]["containers"][0]["ports"] = json!([{"containerPort": 53, "hostPort": 5353}]);
    index.see(Kind::Pod, &mapped, 101);
    assert_eq!(
        index
            .end_at("192.0.2.1", 5353, [150, 160])
            .pod
            .map(|it| &*it.name),
        Some("dns")
    );
}

fn node(name: &str, uid: &str, addresses: &[&str]) -> Json {
    let addresses: Vec<_> = addresses
        .iter()
        .map(|it| json!({"type": "InternalIP", "address": it}))
        .collect();
    json!({"metadata": {"name": name, "uid": uid}, "status": {"addresses": addresses}})
}

#[test]
fn bad_address_is_lost_and_its_object_is_not() {
    let mut index = index();
    index.see(
        Kind::Node,
        &node("n1", "1", &["no-address", "192.0.2.1"]),
        10,
    );
    assert_eq!(
        index
            .end_at("192.0.2.1", 22, [20, 30])
            .node
            .map(|it| &*it.name),
        Some("n1")
    );
    let mut both = pod("dual", "2", "::ffff:10.0.0.9", 100);
    both["status"]["podIPs"] = json!([{"ip": "FD00:0:0::9"}, {"ip": "bad"}, {}]);
    index.see(Kind::Pod, &both, 101);
    for address in [A, "fd00::9", "::ffff:10.0.0.9"] {
        assert_eq!(index.pod_at(address, [150, 160]), Some("dual"), "{address}");
    }
}

#[test]
fn address_that_two_nodes_claim_names_neither() {
    let mut index = index();
    index.see(Kind::Node, &node("n1", "1", &["192.0.2.1"]), 10);
    index.see(
        Kind::Node,
        &node("n2", "2", &["192.0.2.1", "192.0.2.2"]),
        10,
    );
    assert!(index.end_at("192.0.2.1", 22, [20, 30]).node.is_none());
    assert_eq!(
        index
            .end_at("192.0.2.2", 22, [20, 30])
            .node
            .map(|it| &*it.name),
        Some("n2")
    );
}

fn service(name: &str, uid: &str, spec: &Json) -> Json {
    json!({"metadata": {"name": name, "namespace": "shop", "uid": uid}, "spec": spec})
}

fn service_at<'a>(
    index: &'a Index,
    address: &str,
    port: u16,
    seconds: [u64; 2],
) -> Option<&'a str> {
    index
        .end_at(address, port, seconds)
        .service
        .map(|it| &*it.name)
}

#[test]
fn cluster_address_wins_over_external_addresses() {
    let mut index = index();
    let spec = json!({"type": "ClusterIP", "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1", "fd00:96::1"], "ports": [{"port": 443}]});
    index.see(Kind::Service, &service("api", "1", &spec), 10);
    let spec = json!({"type": "ClusterIP", "clusterIP": "None", "externalIPs": ["10.96.0.1", A, "192.0.2.1"], "ports": [{"port": 443}]});
    index.see(Kind::Service, &service("greedy", "2", &spec), 10);
    index.see(Kind::Pod, &pod("web", "3", A, 10), 11);
    index.see(Kind::Node, &node("n1", "4", &["192.0.2.1"]), 10);
    for address in ["10.96.0.1", "fd00:96::1"] {
        assert_eq!(service_at(&index, address, 443, [20, 30]), Some("api"));
    }
    assert_eq!(index.pod_at(A, [20, 30]), Some("web"));
    // Traffic to the port of an external address that is a node's goes to the service, by that node.
    let found = index.end_at("192.0.2.1", 443, [20, 30]);
    assert_eq!(found.service.map(|it| &*it.name), Some("greedy"));
    assert_eq!(found.node.map(|it| &*it.name), Some("n1"));
    assert_eq!(service_at(&index, "192.0.2.1", 22, [20, 30]), None);
}

#[test]
fn balancer_address_counts_while_the_type_is_load_balancer() {
    let mut index = index();
    let mut balanced = service(
        "web",
        "1",
        &json!({"type": "LoadBalancer", "clusterIP": "10.96.0.2", "ports": [{"port": 80, "nodePort": 30080}]}),
    );
    balanced["status"] =
        json!({"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}, {"hostname": "lb.example"}]}});
    index.see(Kind::Service, &balanced, 10);
    index.see(Kind::Node, &node("n1", "4", &["192.0.2.1"]), 10);
    assert_eq!(service_at(&index, "203.0.113.7", 80, [20, 30]), Some("web"));
    assert_eq!(
        service_at(&index, "192.0.2.1", 30080, [20, 30]),
        Some("web")
    );
    balanced["spec"]["type"] = "ClusterIP".into();
    balanced["spec"]["ports"] = json!([{"port": 80}]);
    index.see(Kind::Service, &balanced, 100);
    assert_eq!(service_at(&index, "203.0.113.7", 80, [120, 130]), None);
    assert_eq!(service_at(&index, "203.0.113.7", 80, [20, 30]), Some("web"));
    assert_eq!(service_at(&index, "192.0.2.1", 30080, [120, 130]), None);
}

#[test]
fn address_of_an_external_name_is_ignored_and_its_former_one_is_free() {
    let mut index = index();
    index.see(
        Kind::Service,
        &service(
            "old",
            "1",
            &json!({"type": "ClusterIP", "clusterIP": "10.96.0.3", "ports": [{"port": 80}]}),
        ),
        10,
    );
    let named = json!({"type": "ExternalName", "externalName": "192.0.2.99", "clusterIP": "10.96.0.3", "ports": [{"port": 80}]});
    index.see(Kind::Service, &service("old", "1", &named), 100);
    index.see(
        Kind::Service,
        &service(
            "new",
            "2",
            &json!({"type": "ClusterIP", "clusterIP": "10.96.0.3", "ports": [{"port": 80}]}),
        ),
        101,
    );
    assert_eq!(service_at(&index, "10.96.0.3", 80, [50, 60]), Some("old"));
    assert_eq!(service_at(&index, "10.96.0.3", 80, [110, 120]), Some("new"));
    assert_eq!(service_at(&index, "192.0.2.99", 80, [110, 120]), None);
}

#[test]
fn endpoint_names_the_service_of_its_port() {
    let mut index = index();
    index.see(
        Kind::Service,
        &service(
            "web",
            "1",
            &json!({"type": "ClusterIP", "clusterIP": "10.96.0.4", "ports": [{"port": 8000}]}),
        ),
        10,
    );
    index.see(Kind::Pod, &pod("web-1", "2", A, 10), 11);
    let slice = |addresses: Json| {
        json!({"metadata": {"name": "web-x", "namespace": "shop", "uid": "3", "labels": {"kubernetes.io/service-name": "web"}},
            "endpoints": addresses, "ports": [{"port": 80, "protocol": "TCP"}]})
    };
    // `targetRef` names nobody, and the node is in `topology`, as in v1beta1.
    index.see(Kind::EndpointSlice, &slice(json!([{"addresses": [A], "targetRef": {"kind": "Pod", "name": "nobody"}, "topology": {"kubernetes.io/hostname": "n1"}}])), 11);
    let found = index.end_at(A, 80, [20, 30]);
    assert_eq!(found.service.map(|it| &*it.name), Some("web"));
    assert_eq!(found.pod.map(|it| &*it.name), Some("web-1"));
    assert!(index.end_at(A, 81, [20, 30]).service.is_none());
    index.see(Kind::EndpointSlice, &slice(Json::Null), 12);
    assert!(index.end_at(A, 80, [20, 30]).service.is_none());
    assert!(index.end_at(A, 80, [20, 30]).pod.is_some());
}

#[test]
fn owners_are_those_that_control_and_never_guessed() {
    let mut index = index();
    let reference = |kind: &str, api: &str, name: &str, uid: &str, controller: bool| json!({"kind": kind, "apiVersion": api, "name": name, "uid": uid, "controller": controller});
    let mut web = pod("web-7d4b9c-x1", "1", A, 10);
    web["metadata"]["ownerReferences"] = json!([
        reference("Node", "v1", "n1", "9", false),
        reference("ReplicaSet", "apps/v1", "web-7d4b9c", "2", true)
    ]);
    index.see(Kind::Pod, &web, 11);
    let names = |index: &Index| -> Vec<String> {
        let found = index.end_at(A, 80, [20, 30]);
        let owners = index.owners(found.pod.unwrap());
        owners
            .map(|it| format!("{:?} {}", it.kind, it.name))
            .collect()
    };
    // The replica set itself comes later, or never.
    assert_eq!(names(&index), ["ReplicaSet web-7d4b9c"]);
    let set = json!({"metadata": {"name": "web-7d4b9c", "namespace": "shop", "uid": "2",
        "ownerReferences": [reference("Deployment", "apps/v1", "web", "3", true)]}});
    let before = index.surroundings();
    index.see(Kind::ReplicaSet, &set, 12);
    assert_ne!(index.surroundings(), before);
    assert_eq!(names(&index), ["ReplicaSet web-7d4b9c", "Deployment web"]);
    // A status change of the replica set changes nothing.
    let before = index.surroundings();
    index.see(Kind::ReplicaSet, &set, 13);
    assert_eq!(index.surroundings(), before);
    // An owner that does not control is none, and a foreign kind of the same name is another kind.
    web["metadata"]["ownerReferences"] =
        json!([reference("ReplicaSet", "apps/v1", "web-7d4b9c", "2", false)]);
    index.see(Kind::Pod, &web, 14);
    assert!(names(&index).is_empty());
    web["metadata"]["ownerReferences"] =
        json!([reference("Job", "batch.volcano.sh/v1", "j", "5", true)]);
    index.see(Kind::Pod, &web, 15);
    assert!(names(&index).is_empty());
    // A job leads to its cron job.
    web["metadata"]["ownerReferences"] =
        json!([reference("Job", "batch/v1", "tick-28", "6", true)]);
    index.see(Kind::Pod, &web, 16);
    let job = json!({"metadata": {"name": "tick-28", "uid": "6", "ownerReferences": [reference("CronJob", "batch/v1", "tick", "7", true)]}});
    index.see(Kind::Job, &job, 17);
    assert_eq!(names(&index), ["Job tick-28", "CronJob tick"]);
}

#[test]
fn policies_follow_labels_and_the_filled_in_types() {
    let mut index = index();
    let policy = |uid: &str, name: &str, spec: Json| json!({"metadata": {"name": name, "namespace": "shop", "uid": uid}, "spec": spec});
    let names = |index: &Index, ingress: bool| -> Vec<String> {
        let found = index.end_at(A, 80, [20, 30]);
        let names = index.policies(found.pod.unwrap(), ingress);
        names.iter().map(ToString::to_string).collect()
    };
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
fn container_is_the_one_with_the_port_or_the_process() {
    let mut index = index();
    let mut two = pod("web", "1", A, 10);
    two["spec"]["containers"] = json!([
        {"name": "app", "image": "shop/app:7", "ports": [{"containerPort": 8080}]},
        {"name": "proxy", "image": "proxy@sha256:00", "ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}]},
    ]);
    let id = "ab".repeat(32);
    two["status"]["containerStatuses"] =
        json!([{"name": "app", "containerID": format!("containerd://{id}")}]);
    index.see(Kind::Pod, &two, 11);
    let name = |found: &Found<'_>| {
        found
            .container()
            .map(|it| format!("{} {}", it.name, it.image))
    };
    assert_eq!(
        name(&index.end_at(A, 8080, [20, 30])).as_deref(),
        Some("app shop/app")
    );
    assert_eq!(
        name(&index.end_at(A, 80, [20, 30])).as_deref(),
        Some("proxy proxy")
    );
    assert_eq!(name(&index.end_at(A, 50_000, [20, 30])), None);
    // The local process tells the pod, even at an address that the node shares, and the container.
    let end = End {
        address: "192.0.2.1".parse().unwrap(),
        port: Some((50_000, 6)),
        start: at(20),
        end: at(30),
        container_id: Some(&id),
    };
    let found = index.find_end(&end);
    assert_eq!(found.pod.map(|it| &*it.name), Some("web"));
    assert_eq!(name(&found).as_deref(), Some("app shop/app"));
}

#[test]
fn cluster_is_identified_by_kube_system() {
    let mut index = index();
    assert_eq!(index.cluster_uid(), None);
    index.see(
        Kind::Namespace,
        &json!({"metadata": {"name": "kube-system", "uid": "c1"}}),
        1,
    );
    assert_eq!(index.cluster_uid().map(|it| &**it), Some("c1"));
}

#[test]
fn all_open_holders_of_one_address_are_remembered() {
    let mut index = index();
    index.see(Kind::Node, &node("n1", "1", &["192.0.2.1"]), 10);
    let spec = json!({"externalIPs": ["192.0.2.1"], "ports": [{"port": 443}]});
    index.see(Kind::Service, &service("web", "2", &spec), 10);
    for number in 0..100 {
        let ingress = json!({"metadata": {"name": format!("i-{number}"), "namespace": "shop", "uid": format!("i-{number}")},
            "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}});
        index.see(Kind::Ingress, &ingress, 11);
    }
    let found = index.end_at("192.0.2.1", 443, [20, 30]);
    assert_eq!(found.node.map(|it| &*it.name), Some("n1"));
    assert_eq!(found.service.map(|it| &*it.name), Some("web"));
    assert!(found.ingress.is_none());
    assert_eq!(
        index
            .shared
            .addresses
            .of("192.0.2.1".parse().unwrap())
            .len(),
        102
    );
}

#[test]
fn address_that_comes_with_the_end_is_the_pods() {
    let mut pending = pod("job", "1", A, 100);
    pending["status"] = json!({"phase": "Pending", "startTime": time(100)});
    for phase in ["Succeeded", "Failed"] {
        let mut index = index();
        index.see(Kind::Pod, &pending, 101);
        let end = finished(pod("job", "1", A, 100), phase, Some(130));
        index.see(Kind::Pod, &end, 132);
        assert_eq!(index.pod_at(A, [110, 120]), Some("job"));
        assert_eq!(index.pod_at(A, [160, 170]), None);
    }
    // It may come even after the end.
    let mut index = index();
    let mut without = finished(pod("job", "1", A, 100), "Failed", Some(130));
    without["status"]["podIP"] = Json::Null;
    without["status"]["podIPs"] = Json::Null;
    index.see(Kind::Pod, &without, 131);
    assert_eq!(index.pod_at(A, [110, 120]), None);
    let with = finished(pod("job", "1", A, 100), "Failed", Some(130));
    index.see(Kind::Pod, &with, 132);
    assert_eq!(index.pod_at(A, [110, 120]), Some("job"));
}

/// A pod of the host's network that began at this second.
fn host_pod(name: &str, uid: &str, began: u64) -> Json {
    let mut host = pod(name, uid, "192.0.2.1", began);
    host["spec"]["hostNetwork"] = true.into();
    host["spec"]["containers"][0]["ports"] = json!([{"containerPort": 9100}]);
    host
}

#[test]
fn port_of_a_node_is_the_pods_that_had_it_when_the_flow_began() {
    let mut index = index();
    let name_at = |index: &Index, seconds| {
        let found = index.end_at("192.0.2.1", 9100, seconds);
        found.pod.map(|it| it.name.to_string())
    };
    index.see(Kind::Node, &node("n1", "7", &["192.0.2.1"]), 10);
    let old = host_pod("old", "1", 100);
    index.see(Kind::Pod, &old, 101);
    let ended = finished(old, "Failed", Some(200));
    index.see(Kind::Pod, &ended, 203);
    assert_eq!(name_at(&index, [150, 160]).as_deref(), Some("old"));
    // A finished pod has no port.
    assert_eq!(name_at(&index, [250, 260]), None);
    // A pod that is bound and has not begun has none yet.
    let mut bound = host_pod("new", "2", 210);
    bound["status"] = json!({"phase": "Pending"});
    index.see(Kind::Pod, &bound, 300);
    index.see(Kind::Pod, &host_pod("new", "2", 300), 302);
    assert_eq!(name_at(&index, [150, 160]).as_deref(), Some("old"));
    assert_eq!(name_at(&index, [250, 260]), None);
    assert_eq!(name_at(&index, [310, 320]).as_deref(), Some("new"));
    // The last event is that of the pod that is finished.
    index.see(Kind::Pod, &ended, 330);
    assert_eq!(name_at(&index, [340, 350]).as_deref(), Some("new"));
    index.delete(Kind::Pod, &host_pod("new", "2", 300), 400);
    assert_eq!(name_at(&index, [350, 360]).as_deref(), Some("new"));
    assert_eq!(name_at(&index, [450, 460]), None);
    index.delete(Kind::Pod, &ended, 401);
    index.expire(at(1_000));
    assert_eq!(name_at(&index, [350, 360]), None);
}

#[test]
fn pod_ends_with_its_last_sidecar() {
    let mut index = index();
    let mut end = finished(pod("job", "1", A, 100), "Succeeded", Some(200));
    end["spec"]["initContainers"] = json!([{"name": "proxy", "restartPolicy": "Always"}]);
    end["status"]["initContainerStatuses"] =
        json!([{"name": "proxy", "state": {"terminated": {"finishedAt": time(230)}}}]);
    index.see(Kind::Pod, &pod("job", "1", A, 100), 101);
    index.see(Kind::Pod, &end, 233);
    // The next pod has the address at once.
    index.see(Kind::Pod, &pod("next", "2", A, 225), 235);
    assert_eq!(index.pod_at(A, [228, 229]), Some("job"));
    assert_eq!(index.pod_at(A, [232, 240]), Some("next"));
}

#[test]
fn endpoint_at_a_nodes_address_names_its_service() {
    let mut index = index();
    index.see(Kind::Node, &node("n1", "7", &["192.0.2.1"]), 10);
    let spec = json!({"clusterIP": "None", "ports": [{"port": 9100}, {"port": 9200}]});
    index.see(Kind::Service, &service("metrics", "1", &spec), 10);
    let slice = json!({"metadata": {"name": "metrics-x", "namespace": "shop", "uid": "3", "labels": {"kubernetes.io/service-name": "metrics"}},
        "endpoints": [{"addresses": ["192.0.2.1"]}], "ports": [{"port": 9100}, {"port": 9200}]});
    index.see(Kind::EndpointSlice, &slice, 11);
    index.see(Kind::Pod, &host_pod("exporter", "2", 10), 11);
    let found = index.end_at("192.0.2.1", 9100, [20, 30]);
    assert_eq!(found.pod.map(|it| &*it.name), Some("exporter"));
    assert_eq!(found.service.map(|it| &*it.name), Some("metrics"));
    // Without a pod, too.
    assert_eq!(
        service_at(&index, "192.0.2.1", 9200, [20, 30]),
        Some("metrics")
    );
    assert_eq!(service_at(&index, "192.0.2.1", 22, [20, 30]), None);
}

#[test]
fn gone_pod_has_no_policy_that_took_the_place_of_another() {
    let mut index = index();
    let policy = |uid: &str, name: &str, namespace: &str, app: &str| {
        json!({"metadata": {"name": name, "namespace": namespace, "uid": uid},
            "spec": {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": ["Ingress"]}})
    };
    let names = |index: &Index| -> Vec<String> {
        let found = index.end_at(A, 80, [20, 30]);
        let names = index.policies(found.pod.unwrap(), true);
        names.iter().map(ToString::to_string).collect()
    };
    index.see(Kind::Pod, &pod("web", "7", A, 10), 11);
    index.see(Kind::NetworkPolicy, &policy("1", "old", "shop", "web"), 12);
    assert_eq!(names(&index), ["old"]);
    index.delete(Kind::Pod, &pod("web", "7", A, 10), 40);
    let mut gone = policy("1", "old", "shop", "web");
    for (uid, namespace, app) in [("2", "bank", "web"), ("3", "shop", "db")] {
        index.delete(Kind::NetworkPolicy, &gone, 41);
        gone = policy(uid, "new", namespace, app);
        index.see(Kind::NetworkPolicy, &gone, 42);
        assert!(names(&index).is_empty(), "{namespace}");
    }
}

#[test]
fn deletion_by_uid_spares_the_newer_object_of_the_same_name() {
    let mut index = index();
    let name_at = |index: &Index| {
        let found = index.end_at("192.0.2.1", 22, [250, 260]);
        found.node.map(|it| it.uid.to_string())
    };
    // The event of the older object comes late.
    index.see(Kind::Node, &node("n1", "old", &["192.0.2.1"]), 10);
    index.see(Kind::Node, &node("n1", "new", &["192.0.2.1"]), 200);
    index.remove_uid(Kind::Node, "old", at(201));
    assert_eq!(index.present(Kind::Node), 1);
    assert_eq!(name_at(&index).as_deref(), Some("new"));
    index.expire(at(1_000));
    assert_eq!(name_at(&index).as_deref(), Some("new"));
    index.see(Kind::Pod, &pod("db-0", "1", A, 100), 101);
    index.see(Kind::Pod, &pod("db-0", "2", A, 210), 211);
    index.delete(Kind::Pod, &pod("db-0", "1", A, 100), 212);
    index.remove_uid(Kind::Pod, "nobody", at(212));
    assert_eq!(uid_at(&index, A, [220, 230]).as_deref(), Some("2"));
    assert_eq!(index.present(Kind::Pod), 1);
}

#[test]
fn object_that_a_list_has_unreadable_is_kept() {
    for kind in Kind::ALL {
        let mut index = index();
        for (uid, name) in [("1", "kept"), ("2", "gone")] {
            let json = json!({"metadata": {"name": name, "namespace": "shop", "uid": uid}});
            index.see(kind, &json, 10);
        }
        index.begin_list(kind);
        index.keep_uid(kind, "1");
        index.keep_uid(kind, "nobody");
        index.finish_list(kind, at(20), at(30));
        assert_eq!(index.present(kind), 1, "{kind}");
        assert!(index.find(kind, "1").is_some(), "{kind}");
    }
}
