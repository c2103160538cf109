//! Nodes, pods of the host's network, ingresses and gateways.

use super::*;

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
fn node_with_the_address_of_a_pod_that_went_is_named() {
    let mut index = index();
    let gone = pod("gone", "1", A, 100);
    index.see(Kind::Pod, &gone, 101);
    index.delete(Kind::Pod, &gone, 200);
    // The word of a deletion may be late: without another holder, the pod is the best guess.
    assert_eq!(index.pod_at(A, [206, 207]), Some("gone"));
    index.see(Kind::Node, &node("n2", "2", &[A]), 204);
    let end = index.end_at(A, 80, [206, 207]);
    assert!(end.pod.is_none());
    assert_eq!(end.node.map(|it| &*it.name), Some("n2"));
    // A flow that began with the pod keeps it.
    assert_eq!(index.pod_at(A, [190, 207]), Some("gone"));
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
fn node_is_named_by_each_of_its_addresses_while_it_has_them() {
    let mut index = index();
    let name_at = |index: &Index, address: &str, seconds| {
        let found = index.end_at(address, 22, seconds);
        found.node.map(|it| it.name.to_string())
    };
    let mut both = node("n1", "1", &["192.0.2.1", "2001:db8::1"]);
    both["status"]["addresses"][1]["type"] = "ExternalIP".into();
    index.see(Kind::Node, &both, 10);
    for address in ["192.0.2.1", "2001:DB8:0::1"] {
        assert_eq!(name_at(&index, address, [20, 30]).as_deref(), Some("n1"));
    }
    // The node gets another address, and its former one goes to another node.
    index.see(Kind::Node, &node("n1", "1", &["192.0.2.7"]), 100);
    index.see(Kind::Node, &node("n2", "2", &["192.0.2.1"]), 110);
    assert_eq!(
        name_at(&index, "192.0.2.1", [50, 60]).as_deref(),
        Some("n1")
    );
    assert_eq!(
        name_at(&index, "192.0.2.1", [150, 160]).as_deref(),
        Some("n2")
    );
    assert_eq!(
        name_at(&index, "192.0.2.7", [150, 160]).as_deref(),
        Some("n1")
    );
    assert_eq!(name_at(&index, "2001:db8::1", [150, 160]), None);
}

#[test]
fn ingress_and_gateway_are_named_by_their_addresses() {
    let mut index = index();
    let ingress = |address: &str| {
        json!({"metadata": {"name": "front", "namespace": "shop", "uid": "1"},
            "status": {"loadBalancer": {"ingress": [{"hostname": "front.example"}, {"ip": address}]}}})
    };
    let gateway = json!({"metadata": {"name": "edge", "namespace": "net", "uid": "2"},
        "status": {"addresses": [{"type": "Hostname", "value": "edge.example"}, {"type": "IPAddress", "value": "2001:db8::80"}]}});
    index.see(Kind::Ingress, &ingress("203.0.113.80"), 10);
    index.see(Kind::Gateway, &gateway, 10);
    let found = index.end_at("203.0.113.80", 443, [20, 30]);
    let names = |place: Option<&Place>| place.map(|it| format!("{}/{}", it.namespace, it.name));
    assert_eq!(names(found.ingress).as_deref(), Some("shop/front"));
    assert!(found.gateway.is_none() && found.service.is_none());
    let found = index.end_at("2001:db8::80", 443, [20, 30]);
    assert_eq!(names(found.gateway).as_deref(), Some("net/edge"));
    // Another ingress gets the address.
    index.see(Kind::Ingress, &ingress("203.0.113.81"), 100);
    let mut other = ingress("203.0.113.80");
    other["metadata"]["name"] = "other".into();
    other["metadata"]["uid"] = "3".into();
    index.see(Kind::Ingress, &other, 101);
    let name_at = |seconds| names(index.end_at("203.0.113.80", 443, seconds).ingress);
    assert_eq!(name_at([50, 60]).as_deref(), Some("shop/front"));
    assert_eq!(name_at([150, 160]).as_deref(), Some("shop/other"));
}

#[test]
fn process_names_a_pod_of_the_hosts_network_at_any_port() {
    let mut index = index();
    index.see(Kind::Node, &node("n1", "7", &["192.0.2.1"]), 10);
    let mut host = host_pod("exporter", "1", 100);
    let id = "cd".repeat(32);
    host["status"]["containerStatuses"] =
        json!([{"name": "web", "containerID": format!("containerd://{id}")}]);
    index.see(Kind::Pod, &host, 101);
    let mut end = End {
        address: "192.0.2.1".parse().unwrap(),
        port: Some((50_000, 6)),
        start: at(150),
        end: at(160),
        container_id: None,
    };
    assert!(index.find_end(&end).pod.is_none());
    end.container_id = Some(&id);
    let found = index.find_end(&end);
    assert_eq!(found.pod.map(|it| &*it.name), Some("exporter"));
    assert_eq!(found.node.map(|it| &*it.name), Some("n1"));
    // Half of another id is no id.
    let other = format!("{}{}", "cd".repeat(8), "ef".repeat(24));
    end.container_id = Some(&other);
    assert!(index.find_end(&end).pod.is_none());
}
