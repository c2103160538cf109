//! Watches that end, and stores that change behind them.

use mermin_kubernetes::{Condition, Kind};
use mermin_testing::until;

use crate::{
    api_server::{Answer, ApiServer},
    support::{address, condition, follow, lists, one_pod, pod, pods},
};

#[test]
fn gone_leads_to_a_new_list() {
    let (server, followed) = one_pod();
    server.put("pods", pod(2));
    followed.until_present(2);
    // As a status: nobody reported that a pod went.
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
fn server_with_an_older_store_is_listed_again() {
    // A watch that ends in order after a moment, one that is cut, and an event of the older store.
    let ends: [fn(&ApiServer); 3] = [ApiServer::end_watches, ApiServer::cut, |server| {
        server.put("pods", pod(1));
    }];
    for (number, end) in ends.iter().enumerate() {
        let server = ApiServer::start();
        (1..=3).for_each(|number| server.put("pods", pod(number)));
        let followed = pods(&server).synced();
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
    // An answered watch whose first event is 410 reported nothing either.
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
fn streaming_list_that_is_cut_forgets_nothing_and_begins_again() {
    let server = ApiServer::start();
    (1..=3).for_each(|number| server.put("pods", pod(number)));
    server.hold_bookmarks(true);
    let followed = follow(server.url(), |it| {
        it.kinds([Kind::Pod]).streaming_lists(true)
    });
    // Names are there before the list is complete.
    until("the pods", || followed.pod_at(address(3)).is_some());
    assert_eq!(condition(&followed), Condition::Starting);
    server.cut();
    until("told", || followed.problem(Kind::Pod).is_some());
    assert_eq!(followed.present(Kind::Pod), 3);
    server.hold_bookmarks(false);
    server.cut();
    until("current", || condition(&followed) == Condition::Current);
    assert_eq!((followed.present(Kind::Pod), lists(&followed)), (3, 1));
}
