//! Lists and watches as they should be.

use std::time::Duration;

use mermin_kubernetes::{Condition, Kind};
use mermin_testing::until;
use serde_json::json;

use crate::{
    api_server::{Answer, ApiServer},
    support::{address, follow, pod, pods},
};

#[test]
fn pods_are_listed_in_pages_and_changes_follow() {
    let server = ApiServer::start();
    (0..1_200).for_each(|number| server.put("pods", pod(number)));
    let followed = pods(&server).synced();
    followed.until_present(1_200);
    assert_eq!(server.requests("continue=").len(), 2);
    // A watch with a filter reports an object that leaves it as deleted.
    assert_eq!(server.requests("Selector"), Vec::<String>::new());
    assert_eq!(followed.pod_at(address(1_199)).as_deref(), Some("pod-1199"));
    server.put("pods", pod(1_200));
    server.delete("pods", "shop", "pod-7");
    until("the new pod", || followed.pod_at(address(1_200)).is_some());
    followed.until_present(1_200);
    // A flow that began before is still the deleted pod's; one that begins later is nobody's.
    until("the deleted pod's end", || {
        followed.health().of(Kind::Pod).unwrap().events == 2
    });
}

#[test]
fn ten_thousand_pods_with_churn_end_as_the_server_has_them() {
    let server = ApiServer::start();
    (0..10_000).for_each(|number| server.put("pods", pod(number)));
    let followed = pods(&server).synced();
    followed.until_present(10_000);
    // 100 deleted and 100 new ones a second.
    for round in 0..30_u32 {
        for number in round * 10..round * 10 + 10 {
            server.delete("pods", "shop", &format!("pod-{number}"));
            server.put("pods", pod(20_000 + number));
        }
        if round == 15 {
            server.cut();
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    until("all changes", || followed.pod_at(address(20_299)).is_some());
    followed.until_present(10_000);
    let health = followed.health();
    assert_eq!(health.of(Kind::Pod).unwrap().lists, 1);
}

#[test]
fn streaming_list_is_complete_at_its_bookmark() {
    let server = ApiServer::start();
    (0..600).for_each(|number| server.put("pods", pod(number)));
    let followed = follow(server.url(), |it| {
        it.kinds([Kind::Pod]).streaming_lists(true)
    })
    .synced();
    followed.until_present(600);
    assert!(server.requests("limit=").is_empty());
    server.put("pods", pod(600));
    followed.until_present(601);
    // Objects of the list are no changes.
    until("the event", || {
        followed.health().of(Kind::Pod).unwrap().events == 1
    });
}

#[test]
fn server_without_streaming_lists_is_asked_for_pages() {
    let server = ApiServer::start();
    server.refuse_streams();
    server.put("pods", pod(1));
    let followed = follow(server.url(), |it| {
        it.kinds([Kind::Pod]).streaming_lists(true)
    })
    .synced();
    followed.until_present(1);
    assert_eq!(server.requests("sendInitialEvents").len(), 1);
    assert_eq!(followed.problem(Kind::Pod), None);
}

#[test]
fn watch_goes_on_from_the_last_bookmark() {
    let server = ApiServer::start();
    server.put("pods", pod(1));
    let followed = pods(&server).synced();
    until("a watch", || server.watches("pods") == 1);
    let pods = || followed.health().of(Kind::Pod).unwrap().clone();
    let listed = pods().last_contact;
    server.bookmark("pods");
    until("the bookmark", || pods().last_contact > listed);
    assert_eq!(pods().events, 0);
    // Everything before the bookmark is forgotten, and nobody needs it.
    server.compact();
    server.restore(1_002);
    std::thread::sleep(Duration::from_millis(100));
    server.end_watches();
    until("another watch", || {
        server.requests("resourceVersion=1002").len() == 1
    });
}

#[test]
fn older_version_of_a_kind_is_found_and_an_absent_kind_is_no_failure() {
    let server = ApiServer::start();
    let absent = Answer::Status(404, "404 page not found".to_owned(), None);
    server.answer(
        "/apis/discovery.k8s.io/v1/endpointslices",
        Some(absent.clone()),
    );
    server.answer("gateways", Some(absent));
    server.put(
        "endpointslices",
        json!({"metadata": {"name": "s", "namespace": "shop", "uid": "1"}, "endpoints": null}),
    );
    let followed = follow(server.url(), |settings| settings).synced();
    assert_eq!(followed.present(Kind::EndpointSlice), 1);
    let health = followed.health();
    assert_eq!(
        health.of(Kind::Gateway).unwrap().condition,
        Condition::Absent
    );
    until("all current", || followed.health().is_current());
    // Installed later, the kind is found.
    server.answer("gateways", None);
    until("gateways", || {
        followed.health().of(Kind::Gateway).unwrap().condition == Condition::Current
    });
}
