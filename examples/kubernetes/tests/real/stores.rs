//! Servers that stop, and stores that go on, are compacted, or are restored from a copy meanwhile.

use std::{sync::Arc, thread, time::Duration};

use mermin_kubernetes::{Condition, Kind};
use mermin_testing::{Kubernetes, until};

use crate::{
    followed::{address, condition, lists},
    support::{Told, make_namespace, pods},
};

#[test]
#[ignore = "`cargo xtask api-server` has a server for it"]
fn stopped_server_is_followed_again_from_a_new_list() {
    let mut server = Kubernetes::new();
    make_namespace(&server, "shop");
    server.make_pod("shop", "pod-1", address(1));
    let followed = Arc::new(pods(&server));
    let told = Told::begin(&followed);
    server.stop();
    // The version of the last watch is forgotten: 410.
    server.compact();
    until("stale", || condition(&followed) == Condition::Stale);
    thread::sleep(Duration::from_secs(30));
    assert!(told.has("cannot reach the API server"));
    assert_eq!(followed.pod_at(address(1)).as_deref(), Some("pod-1"));
    server.start();
    server.make_pod("shop", "pod-2", address(2));
    followed.until_present(2);
    until("current", || condition(&followed) == Condition::Current);
    assert_eq!(followed.pod_at(address(2)).as_deref(), Some("pod-2"));
    assert!(told.has("(410)"));
    assert!(lists(&followed) >= 2);
}

#[test]
#[ignore = "`cargo xtask api-server` has a server for it"]
fn store_restored_from_a_copy_is_noticed() {
    let mut server = Kubernetes::new();
    make_namespace(&server, "shop");
    server.make_pod("shop", "pod-1", address(1));
    let copy = server.save();
    server.make_pod("shop", "pod-2", address(2));
    // A server that starts makes some dozens of versions itself.
    server.advance(200);
    let followed = Arc::new(pods(&server));
    assert_eq!(followed.present(Kind::Pod), 2);
    let told = Told::begin(&followed);
    server.restore(&copy);
    followed.until_present(1);
    assert!(told.has("its store was restored from a copy"));
    // For some seconds after its end, an address that nobody else has is still the pod's.
    until("nobody's", || followed.pod_at(address(2)).is_none());
    server.make_pod("shop", "pod-3", address(3));
    followed.until_present(2);
    until("current", || condition(&followed) == Condition::Current);
    assert!(lists(&followed) >= 2);
}
