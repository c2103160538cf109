//! Pods: whose an address was, and when.

use super::*;

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
fn terminating_pod_keeps_its_address_through_later_changes_of_its_status() {
    let mut index = index();
    index.see(Kind::Pod, &pod("leaving", "1", A, 100), 101);
    let mut leaving = pod("leaving", "1", A, 100);
    leaving["metadata"]["deletionTimestamp"] = time(230).into();
    index.see(Kind::Pod, &leaving, 200);
    // One that terminates still answers; later its only container has ended, and the pod is there until it is deleted.
    leaving["status"]["containerStatuses"] =
        json!([{"name": "web", "ready": false, "state": {"running": {"startedAt": time(101)}}}]);
    index.see(Kind::Pod, &leaving, 210);
    assert_eq!(index.pod_at(A, [205, 215]), Some("leaving"));
    // Behind the stamp.
    assert_eq!(index.pod_at(A, [240, 250]), Some("leaving"));
    index.delete(Kind::Pod, &leaving, 260);
    assert_eq!(index.pod_at(A, [240, 250]), Some("leaving"));
    assert_eq!(index.pod_at(A, [271, 280]), None);
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
fn pod_may_have_more_containers_than_have_a_place() {
    let mut index = index();
    let id = |number: u16| format!("{number:016x}").repeat(4);
    let mut many = pod("web", "1", A, 10);
    let numbers = 0..300_u16;
    let container =
        |number| json!({"name": format!("c{number}"), "ports": [{"containerPort": 8000 + number}]});
    many["spec"]["containers"] = numbers.clone().map(container).collect();
    let status = |number| json!({"name": format!("c{number}"), "containerID": format!("containerd://{}", id(number))});
    many["status"]["containerStatuses"] = numbers.map(status).collect();
    index.see(Kind::Pod, &many, 11);
    for (number, by_id) in [
        (0, Some("c0")),
        (255, Some("c255")),
        (256, None),
        (299, None),
    ] {
        let name = |port: u16, id: Option<&str>| {
            let end = End {
                address: A.parse().unwrap(),
                port: Some((port, 6)),
                start: at(20),
                end: at(30),
                container_id: id,
            };
            let found = index.find_end(&end);
            found.container().map(|it| it.name.to_string())
        };
        assert_eq!(name(8000 + number, None), Some(format!("c{number}")));
        assert_eq!(name(50_000, Some(&id(number))).as_deref(), by_id);
    }
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
fn all_addresses_of_a_pod_count_even_where_its_fields_disagree() {
    let mut index = index();
    let mut dual = pod("dual", "1", A, 100);
    dual["status"]["podIPs"] = json!([{"ip": "10.0.0.77"}, {"ip": "fd00::77"}]);
    index.see(Kind::Pod, &dual, 101);
    for address in [A, "10.0.0.77", "fd00::77"] {
        assert_eq!(index.pod_at(address, [150, 160]), Some("dual"), "{address}");
    }
    // One of them goes to another pod.
    index.see(Kind::Pod, &pod("dual", "1", A, 100), 200);
    let mut next = pod("next", "2", "fd00::77", 210);
    next["status"]["podIPs"] = json!([{"ip": "fd00::77"}]);
    index.see(Kind::Pod, &next, 211);
    assert_eq!(index.pod_at("fd00::77", [150, 160]), Some("dual"));
    assert_eq!(index.pod_at("fd00::77", [250, 260]), Some("next"));
    assert_eq!(index.pod_at(A, [250, 260]), Some("dual"));
}

#[test]
fn evicted_pod_leaves_its_address_to_the_next_one() {
    let mut index = index();
    index.see(Kind::Pod, &pod("evicted", "1", A, 100), 101);
    let mut evicted = finished(pod("evicted", "1", A, 100), "Failed", None);
    evicted["status"]["reason"] = "Evicted".into();
    index.see(Kind::Pod, &evicted, 200);
    assert_eq!(index.pod_at(A, [150, 160]), Some("evicted"));
    assert_eq!(index.pod_at(A, [250, 260]), None);
    index.see(Kind::Pod, &pod("next", "2", A, 240), 241);
    assert_eq!(index.pod_at(A, [250, 260]), Some("next"));
    assert_eq!(index.pod_at(A, [150, 160]), Some("evicted"));
}
