//! Objects that go: by an event, by a list, after a while.

use super::*;

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
fn pod_that_came_back_is_kept_from_its_last_end_on() {
    let mut index = index();
    index.see(Kind::Pod, &pod("web", "1", A, 100), 101);
    index.clear(Kind::Pod, at(200), at(200));
    index.begin_list(Kind::Pod);
    index.see(Kind::Pod, &pod("web", "1", A, 100), 210);
    index.finish_list(Kind::Pod, at(210), at(210));
    index.delete(Kind::Pod, &pod("web", "1", A, 100), 400);
    index.expire(at(501));
    assert_eq!(index.pod_at(A, [390, 395]), Some("web"));
    index.expire(at(701));
    assert_eq!(index.pod_at(A, [390, 395]), None);
    assert!(index.shared.retired.is_empty());
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
        assert!(index.store(kind).find("1").is_some(), "{kind}");
    }
}
