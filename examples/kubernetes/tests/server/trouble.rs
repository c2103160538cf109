//! Servers that are busy, slow or silent.

use std::time::Duration;

use mermin_kubernetes::{Condition, Kind};
use mermin_testing::until;

use crate::{
    api_server::{Answer, ApiServer},
    support::{address, condition, follow, lists, one_pod, pace, pod, status},
};

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
    let followed = follow(server.url(), |it| it.kinds([Kind::Pod]).pace(quick));
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
    server.answer("pods", Some(Answer::Slow(Duration::from_secs(5))));
    let mut patient = pace();
    patient.silent_after = Duration::from_secs(30);
    let followed = follow(server.url(), |it| it.kinds([Kind::Pod]).pace(patient));
    // Flows do not wait.
    assert_eq!(followed.pod_at(address(1)), None);
    assert_eq!(condition(&followed), Condition::Starting);
    let followed = followed.synced();
    followed.until_present(1);
    assert_eq!(followed.health().of(Kind::Pod).unwrap().failures, 0);
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
fn watches_that_fail_where_lists_work_are_held_back() {
    let (server, followed) = one_pod();
    server.answer("pods", Some(Answer::ListsAlone));
    server.end_watches();
    std::thread::sleep(Duration::from_secs(2));
    // After 20 ms at first, and at most one in 100 ms soon.
    let watches = server.requests("watch=true").len();
    assert!((3..=30).contains(&watches), "{watches}");
    assert_eq!(followed.pod_at(address(1)).as_deref(), Some("pod-1"));
    server.answer("pods", None);
    server.put("pods", pod(2));
    followed.until_present(2);
    assert_eq!(lists(&followed), 1);
}

#[test]
fn objects_that_nobody_confirms_for_too_long_are_forgotten() {
    let server = ApiServer::start();
    server.put("pods", pod(1));
    let mut quick = pace();
    quick.stale_after = Duration::from_secs(3);
    let followed = follow(server.url(), |it| it.kinds([Kind::Pod]).pace(quick)).synced();
    until("a watch", || server.watches("pods") == 1);
    server.answer("pods", Some(status(401, "Unauthorized")));
    server.end_watches();
    until("stale", || condition(&followed) == Condition::Stale);
    assert_eq!(followed.present(Kind::Pod), 1);
    followed.until_present(0);
    until("the number", || {
        followed.health().of(Kind::Pod).unwrap().objects == 0
    });
    server.answer("pods", None);
    followed.until_present(1);
}

#[test]
fn server_errors_of_a_watch_cost_no_name_and_no_list() {
    let (server, followed) = one_pod();
    for (code, words) in [
        (500, "answers 500"),
        (503, "answers 503"),
        (504, "answers 504"),
    ] {
        server.answer("pods", Some(status(code, "told to fail")));
        server.end_watches();
        until("told", || {
            followed
                .problem(Kind::Pod)
                .is_some_and(|it| it.contains(words))
        });
        assert_eq!(followed.pod_at(address(1)).as_deref(), Some("pod-1"));
        server.answer("pods", None);
        until("current", || condition(&followed) == Condition::Current);
        until("a watch", || server.watches("pods") == 1);
    }
    assert_eq!(lists(&followed), 1);
}
