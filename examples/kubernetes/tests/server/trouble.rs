//! Troubles of an API server, and how they end.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use mermin_kubernetes::{Condition, Kind};
use serde_json::json;

use crate::{
    api_server::{Answer, ApiServer},
    support::{Followed, address, pace, pod, until},
};

fn status(code: u16, message: &str) -> Answer {
    Answer::Status(code, message.to_owned(), None)
}

fn condition(followed: &Followed) -> Condition {
    followed.health().of(Kind::Pod).unwrap().condition
}

fn lists(followed: &Followed) -> u64 {
    followed.health().of(Kind::Pod).unwrap().lists
}

fn unreadable(followed: &Followed) -> u64 {
    followed.health().of(Kind::Pod).unwrap().unreadable
}

/// A server with one pod, and a cluster that knows it.
fn one_pod() -> (ApiServer, Followed) {
    let server = ApiServer::start();
    server.put("pods", pod(1));
    let followed = Followed::pods(&server).synced();
    until("a watch", || server.watches("pods") == 1);
    (server, followed)
}

#[test]
fn gone_leads_to_a_new_list() {
    let (server, followed) = one_pod();
    server.put("pods", pod(2));
    followed.until_present(2);
    // As a status: nobody told that a pod went.
    server.lose("pods", "shop", "pod-1");
    server.compact();
    server.end_watches();
    followed.until_present(1);
    assert_eq!(followed.pod_at(address(2)).as_deref(), Some("pod-2"));
    // As an event.
    until("a watch", || server.watches("pods") == 1);
    server.lose("pods", "shop", "pod-2");
    server.send_error("pods", 410);
    followed.until_present(0);
    until("current", || condition(&followed) == Condition::Current);
}

#[test]
fn error_event_repeats_the_watch_and_no_list() {
    let (server, followed) = one_pod();
    server.send_error("pods", 500);
    until("the failure", || {
        followed.health().of(Kind::Pod).unwrap().failures == 1
    });
    server.put("pods", pod(2));
    followed.until_present(2);
    assert_eq!(followed.health().of(Kind::Pod).unwrap().lists, 1);
}

#[test]
fn cut_watch_loses_no_change() {
    let (server, followed) = one_pod();
    server.cut();
    server.put("pods", pod(2));
    server.delete("pods", "shop", "pod-1");
    until("the change", || followed.pod_at(address(2)).is_some());
    followed.until_present(1);
    assert_eq!(followed.health().of(Kind::Pod).unwrap().lists, 1);
}

#[test]
fn forbidden_kind_degrades_alone_and_names_the_rule() {
    let server = ApiServer::start();
    server.put("pods", pod(1));
    let message = "networkpolicies.networking.k8s.io is forbidden: User \"system:serviceaccount:net:mermin\" cannot list resource \"networkpolicies\" in API group \"networking.k8s.io\" at the cluster scope";
    server.answer("networkpolicies", Some(status(403, message)));
    let followed = Followed::new(server.url(), |settings| settings);
    until("the pod", || followed.pod_at(address(1)).is_some());
    until("the problem", || {
        followed.problem(Kind::NetworkPolicy).is_some()
    });
    let problem = followed.problem(Kind::NetworkPolicy).unwrap();
    for part in [
        "cannot list resource \"networkpolicies\"",
        "service account `mermin` of namespace `net`",
        "apiGroups: [\"networking.k8s.io\"]",
        "resources: [\"networkpolicies\"]",
        "verbs: [\"get\", \"list\", \"watch\"]",
    ] {
        assert!(problem.contains(part), "{problem}");
    }
    assert!(!followed.health().is_synced());
    server.answer("networkpolicies", None);
    until("synced", || {
        followed.health().is_synced() && followed.health().is_current()
    });
    assert_eq!(followed.problem(Kind::NetworkPolicy), None);
}

#[test]
fn expired_token_leaves_the_names_and_recovers() {
    let (server, followed) = one_pod();
    server.answer("pods", Some(status(401, "Unauthorized")));
    server.end_watches();
    until("stale", || condition(&followed) == Condition::Stale);
    assert!(
        followed
            .problem(Kind::Pod)
            .unwrap()
            .contains("cannot log in")
    );
    assert_eq!(followed.pod_at(address(1)).as_deref(), Some("pod-1"));
    server.answer("pods", None);
    until("current", || condition(&followed) == Condition::Current);
    server.put("pods", pod(2));
    followed.until_present(2);
}

#[test]
fn busy_server_is_left_alone_for_as_long_as_it_asks() {
    let (server, followed) = one_pod();
    server.answer(
        "pods",
        Some(Answer::Status(429, "too many requests".to_owned(), Some(2))),
    );
    let before = server.requests("/pods?").len();
    server.end_watches();
    until("told", || {
        followed
            .problem(Kind::Pod)
            .is_some_and(|it| it.contains("busy, for 2 s"))
    });
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(server.requests("/pods?").len(), before + 1);
    server.answer("pods", None);
    until("current", || condition(&followed) == Condition::Current);
}

#[test]
fn silent_server_is_noticed() {
    let server = ApiServer::start();
    server.put("pods", pod(1));
    server.answer("pods", Some(Answer::Silence));
    let mut quick = pace();
    quick.silent_after = Duration::from_millis(200);
    let followed = Followed::new(server.url(), |it| it.kinds([Kind::Pod]).pace(quick));
    until("told", || {
        followed
            .problem(Kind::Pod)
            .is_some_and(|it| it.contains("sent nothing"))
    });
    assert_eq!(followed.pod_at(address(1)), None);
    server.answer("pods", None);
    followed.until_present(1);
}

#[test]
fn slow_answers_are_waited_for() {
    let server = ApiServer::start();
    server.put("pods", pod(1));
    server.answer("pods", Some(Answer::Slow(Duration::from_secs(2))));
    let followed = Followed::pods(&server).synced();
    followed.until_present(1);
    assert_eq!(followed.health().of(Kind::Pod).unwrap().failures, 0);
}

#[test]
fn absent_server_holds_up_nothing_and_is_found_when_it_comes() {
    // An address that is free.
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url: http::Uri = format!("http://{free}").parse().unwrap();
    let followed = Followed::new(url, |it| it.kinds([Kind::Pod]));
    let began = Instant::now();
    assert_eq!(followed.pod_at(address(1)), None);
    assert!(began.elapsed() < Duration::from_secs(1));
    until("told", || {
        followed
            .problem(Kind::Pod)
            .is_some_and(|it| it.contains("cannot reach"))
    });
    assert_eq!(condition(&followed), Condition::Starting);
    let server = ApiServer::at(free);
    server.put("pods", pod(1));
    until("the pod", || followed.pod_at(address(1)).is_some());
    assert_eq!(server.address(), free);
}

#[test]
fn server_without_tls_is_told_apart_from_one_that_is_away() {
    let server = ApiServer::start();
    let url: http::Uri = format!("https://{}", server.address()).parse().unwrap();
    let followed = Followed::new(url, |it| it.kinds([Kind::Pod]));
    until("told", || followed.problem(Kind::Pod).is_some());
    let problem = followed.problem(Kind::Pod).unwrap();
    assert!(problem.contains("cannot agree on TLS"), "{problem}");
}

#[test]
fn missing_credentials_are_told_and_looked_for_again() {
    let folder = mermin_testing::Folder::new("kubernetes");
    let path = folder.path().join("kubeconfig");
    let server = ApiServer::start();
    server.put("pods", pod(1));
    let file = path.clone();
    let followed = Followed::new(server.url(), |it| it.kinds([Kind::Pod]).kubeconfig(file));
    until("told", || {
        followed
            .problem(Kind::Pod)
            .is_some_and(|it| it.contains("cannot read credentials"))
    });
    let config = json!({
        "clusters": [{"name": "c", "cluster": {"server": server.url().to_string()}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    });
    std::fs::write(&path, config.to_string()).unwrap();
    followed.until_present(1);
}

#[test]
fn server_with_an_older_store_is_listed_again() {
    // A watch that ends in order after a moment, one that is cut, and an event of the older store.
    let ends: [fn(&ApiServer); 3] = [ApiServer::end_watches, ApiServer::cut, |server| {
        server.put("pods", pod(1));
    }];
    for (number, end) in ends.iter().enumerate() {
        let server = ApiServer::start();
        (1..=3).for_each(|number| server.put("pods", pod(number)));
        let followed = Followed::pods(&server).synced();
        followed.until_present(3);
        until("a watch", || server.watches("pods") == 1);
        // The copy was made before the last two pods, and the version goes back; watches go on without an error.
        server.lose("pods", "shop", "pod-2");
        server.lose("pods", "shop", "pod-3");
        server.restore(900);
        end(&server);
        followed.until_present(1);
        until("current", || condition(&followed) == Condition::Current);
        assert_eq!(lists(&followed), 2, "{number}");
    }
}

#[test]
fn answer_without_an_event_is_no_contact() {
    let (server, followed) = one_pod();
    let contact = || followed.health().of(Kind::Pod).unwrap().last_contact;
    let listed = contact();
    assert!(listed.is_some());
    // Watches are answered, and the last one stays silent.
    for _ in 0..2 {
        server.end_watches();
        until("a watch", || server.watches("pods") == 1);
    }
    until("current", || condition(&followed) == Condition::Current);
    assert_eq!(contact(), listed);
    // An answered watch whose first event is 410 told nothing either.
    server.answer("pods", Some(Answer::Status(503, String::new(), None)));
    server.send_error("pods", 410);
    until("stale", || condition(&followed) == Condition::Stale);
    assert_eq!(contact(), listed);
    server.answer("pods", None);
    until("a list", || lists(&followed) == 2);
    let relisted = contact();
    assert!(relisted > listed);
    until("a watch", || server.watches("pods") == 1);
    server.bookmark("pods");
    until("the bookmark", || contact() > relisted);
}

#[test]
fn unreadable_object_keeps_its_last_version_until_it_is_deleted() {
    let server = ApiServer::start();
    (1..=3).for_each(|number| server.put("pods", pod(number)));
    let followed = Followed::pods(&server).synced();
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
    // Its deletion is told by its uid.
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
    let followed = Followed::pods(&server).synced();
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
    let followed = Followed::pods(&server).synced();
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

#[test]
fn watches_that_end_at_once_are_held_back() {
    let (server, followed) = one_pod();
    server.answer("pods", Some(Answer::Brief));
    server.end_watches();
    std::thread::sleep(Duration::from_secs(2));
    // At most one in 50 ms.
    let watches = server.requests("watch=true").len();
    assert!((3..=42).contains(&watches), "{watches}");
    server.answer("pods", None);
    server.put("pods", pod(2));
    followed.until_present(2);
}

#[test]
fn objects_that_nobody_confirms_for_too_long_are_forgotten() {
    let server = ApiServer::start();
    server.put("pods", pod(1));
    let mut quick = pace();
    quick.stale_after = Duration::from_secs(3);
    let followed = Followed::new(server.url(), |it| it.kinds([Kind::Pod]).pace(quick)).synced();
    until("a watch", || server.watches("pods") == 1);
    server.answer("pods", Some(status(401, "Unauthorized")));
    server.end_watches();
    until("stale", || condition(&followed) == Condition::Stale);
    assert_eq!(followed.present(Kind::Pod), 1);
    followed.until_present(0);
    server.answer("pods", None);
    followed.until_present(1);
}
