//! Objects that cannot be read.

use mermin_kubernetes::Kind;
use mermin_testing::until;
use serde_json::json;

use crate::{
    api_server::ApiServer,
    support::{address, one_pod, pod, pods, unreadable},
};

#[test]
fn unreadable_object_keeps_its_last_version_until_it_is_deleted() {
    let server = ApiServer::start();
    (1..=3).for_each(|number| server.put("pods", pod(number)));
    let followed = pods(&server).synced();
    until("a watch", || server.watches("pods") == 1);
    let mut bad = pod(1);
    bad["spec"]["containers"] = "none".into();
    server.put("pods", bad.clone());
    bad["metadata"]["uid"] = "uid-2".into();
    bad["metadata"]["name"] = "pod-2".into();
    server.put("pods", bad);
    until("both", || unreadable(&followed) == 2);
    assert_eq!(followed.pod_at(address(1)).as_deref(), Some("pod-1"));
    // A list has them, unreadable; the third pod is gone.
    server.lose("pods", "shop", "pod-3");
    server.send_error("pods", 410);
    followed.until_present(2);
    assert_eq!(followed.pod_at(address(2)).as_deref(), Some("pod-2"));
    // Its deletion is reported by its uid.
    until("a watch", || server.watches("pods") == 1);
    server.delete("pods", "shop", "pod-1");
    followed.until_present(1);
    assert_eq!(followed.pod_at(address(2)).as_deref(), Some("pod-2"));
}

#[test]
fn object_without_readable_metadata_ends_neither_list_nor_watch() {
    let server = ApiServer::start();
    server.put("pods", pod(1));
    let mut bad = pod(2);
    bad["metadata"]["labels"] = json!(["no map"]);
    bad["metadata"]["annotations"] = 7.into();
    server.put("pods", bad.clone());
    let followed = pods(&server).synced();
    until("a watch", || server.watches("pods") == 1);
    server.put("pods", bad);
    server.put("pods", pod(3));
    followed.until_present(2);
    let health = followed.health();
    let pods = health.of(Kind::Pod).unwrap();
    assert_eq!((pods.unreadable, pods.failures, pods.lists), (2, 0, 1));
    let last = pods.unreadable_object.as_deref().unwrap();
    assert!(last.contains("cannot read Pod `shop/pod-2`"), "{last}");
}

#[test]
fn event_of_an_unknown_type_is_counted_and_passed_over() {
    let (server, followed) = one_pod();
    server.send("pods", "SYNCED", &pod(7));
    server.put("pods", pod(2));
    followed.until_present(2);
    assert_eq!(unreadable(&followed), 1);
    assert_eq!(followed.health().of(Kind::Pod).unwrap().failures, 0);
}

#[test]
fn unreadable_object_holds_back_no_other() {
    let server = ApiServer::start();
    (1..=3).for_each(|number| server.put("pods", pod(number)));
    let mut bad = pod(4);
    bad["spec"]["containers"] = "none".into();
    server.put("pods", bad.clone());
    let followed = pods(&server).synced();
    followed.until_present(3);
    bad["metadata"]["name"] = "pod-5".into();
    server.put("pods", bad);
    server.put("pods", pod(6));
    followed.until_present(4);
    let health = followed.health();
    let pods = health.of(Kind::Pod).unwrap();
    assert_eq!(pods.unreadable, 2);
    let last = pods.unreadable_object.as_deref().unwrap();
    assert!(last.contains("cannot read Pod `shop/pod-5`"), "{last}");
}
