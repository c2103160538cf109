//! Services and their endpoints.

use super::*;

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
    let mapped = index.end_at("::ffff:10.0.0.9", 80, [20, 30]);
    assert_eq!(mapped.service.map(|it| &*it.name), Some("web"));
    assert!(index.end_at(A, 81, [20, 30]).service.is_none());
    index.see(Kind::EndpointSlice, &slice(Json::Null), 12);
    assert!(index.end_at(A, 80, [20, 30]).service.is_none());
    assert!(index.end_at(A, 80, [20, 30]).pod.is_some());
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
fn former_address_goes_with_its_object() {
    let mut index = index();
    let at_address = |address: &str| {
        let spec = json!({"type": "ClusterIP", "clusterIP": address, "externalIPs": [address], "ports": [{"port": 80}]});
        service("web", "1", &spec)
    };
    let spec = json!({"type": "ClusterIP", "clusterIP": "10.96.0.9", "ports": [{"port": 80}]});
    index.see(Kind::Service, &at_address("10.96.0.1"), 10);
    index.see(Kind::Service, &at_address("10.96.0.2"), 100);
    index.see(Kind::Node, &node("n1", "2", &["192.0.2.1"]), 10);
    index.see(Kind::Node, &node("n1", "2", &["192.0.2.2"]), 100);
    assert_eq!(service_at(&index, "10.96.0.1", 80, [20, 30]), Some("web"));
    index.delete(Kind::Service, &at_address("10.96.0.2"), 200);
    index.delete(Kind::Node, &node("n1", "2", &["192.0.2.2"]), 200);
    index.expire(at(600));
    // These get the slots.
    index.see(Kind::Service, &service("other", "3", &spec), 610);
    index.see(Kind::Node, &node("n2", "4", &["192.0.2.9"]), 610);
    assert_eq!(service_at(&index, "10.96.0.1", 80, [20, 30]), None);
    assert!(index.end_at("192.0.2.1", 22, [20, 30]).node.is_none());
    for address in ["10.96.0.1", "10.96.0.2", "192.0.2.1", "192.0.2.2"] {
        assert!(
            index
                .shared
                .addresses
                .of(address.parse().unwrap())
                .is_empty(),
            "{address}"
        );
    }
}
