//! Owners of pods.

use super::*;

/// Kinds and names of the owners of the pod at the address, the nearest first.
fn names(index: &Index) -> Vec<String> {
    let found = index.end_at(A, 80, [20, 30]);
    let owners = index.owners(found.pod.unwrap());
    owners
        .map(|it| format!("{:?} {}", it.kind, it.name))
        .collect()
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
fn every_workload_is_an_owner_and_a_circle_of_owners_ends() {
    let mut index = index();
    for (kind, api) in [
        ("StatefulSet", "apps/v1"),
        ("DaemonSet", "apps/v1"),
        ("ReplicaSet", "apps/v1"),
        ("Job", "batch/v1"),
        ("Deployment", "apps/v1"),
    ] {
        let mut owned = pod("web-0", "1", A, 10);
        owned["metadata"]["ownerReferences"] = json!([{"kind": kind, "apiVersion": api, "name": "web", "uid": "2", "controller": true}]);
        index.see(Kind::Pod, &owned, 11);
        assert_eq!(names(&index), [format!("{kind} web")]);
    }
    let mut owned = pod("web-0", "1", A, 10);
    let own = json!([{"kind": "ReplicaSet", "apiVersion": "apps/v1", "name": "web", "uid": "2", "controller": true}]);
    owned["metadata"]["ownerReferences"] = own.clone();
    index.see(Kind::Pod, &owned, 12);
    let circle = json!({"metadata": {"name": "web", "namespace": "shop", "uid": "2", "ownerReferences": own}});
    index.see(Kind::ReplicaSet, &circle, 13);
    assert_eq!(names(&index).len(), 5);
}
