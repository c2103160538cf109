//! A cluster that follows a server, and flows of its pods.

use std::time::{Duration, SystemTime};

use mermin_core::{
    Flow,
    flow::{Endpoint, FlowId, Interface, Protocol, Value},
};
use mermin_kubernetes::{
    Cluster, Condition, Decorator, Extract, FollowSettings, Follower, Health, Kind, Pace, Settings,
};
use mermin_testing::until;
use serde_json::{Value as Json, json};

/// Short waits.
pub(crate) fn pace() -> Pace {
    let mut pace = Pace::default();
    pace.first = Duration::from_millis(20);
    pace.most = Duration::from_millis(200);
    pace.floor = Duration::from_millis(50);
    pace.relist_within = Duration::from_millis(50);
    pace.silent_after = Duration::from_secs(5);
    pace.absent_for = Duration::from_millis(300);
    pace
}

pub(crate) struct Followed {
    pub(crate) cluster: Cluster,
    pub(crate) follower: Follower,
}

impl Followed {
    pub(crate) fn of(settings: FollowSettings) -> Self {
        Self::extracting(Extract::default(), settings)
    }

    /// Follows a server, and keeps these labels and annotations.
    pub(crate) fn extracting(extract: Extract, settings: FollowSettings) -> Self {
        let cluster = Cluster::new(extract);
        let follower = Follower::start(&cluster, settings).unwrap();
        Self { cluster, follower }
    }

    pub(crate) fn health(&self) -> Health {
        self.follower.health()
    }

    pub(crate) fn synced(self) -> Self {
        until("synced", || self.health().is_synced());
        self
    }

    pub(crate) fn present(&self, kind: Kind) -> usize {
        self.cluster.read(|index| index.present(kind))
    }

    pub(crate) fn until_present(&self, count: usize) {
        until(&format!("{count} pods"), || {
            self.present(Kind::Pod) == count
        });
    }

    /// The name that a flow of this moment gets for its source.
    pub(crate) fn pod_at(&self, address: [u8; 4]) -> Option<String> {
        let mut flows = [flow(address)];
        self.cluster
            .decorate(&mut Decorator::new(Settings::all()), &mut flows);
        text(&flows[0], "source.k8s.pod.name")
    }

    pub(crate) fn problem(&self, kind: Kind) -> Option<String> {
        let health = self.health();
        let problem = health.of(kind)?.problem.as_ref()?;
        Some(problem.to_string())
    }
}

/// A flow of this moment.
pub(crate) fn flow(source: [u8; 4]) -> Flow {
    Flow::new(
        FlowId::from_u128(7),
        Protocol::TCP,
        Endpoint::new(source, 50_000),
        Endpoint::new([10, 96, 0, 1], 443),
        Interface::new(2, "eth0"),
        SystemTime::now(),
    )
}

pub(crate) fn text(flow: &Flow, name: &str) -> Option<String> {
    let mut attributes = flow.attributes();
    let (_, value) = attributes.find(|(found, _)| *found == name)?;
    match value {
        Value::Text(text) => Some(text.to_string()),
        other => panic!("{other:?}"),
    }
}

/// The address of a pod's number.
pub(crate) fn address(number: u32) -> [u8; 4] {
    let [_, b, c, d] = number.to_be_bytes();
    [10, 100 + b, c, d]
}

/// A running pod, with its number in name, uid and address.
pub(crate) fn pod(number: u32) -> Json {
    let [a, b, c, d] = address(number);
    let address = format!("{a}.{b}.{c}.{d}");
    json!({
        "metadata": {"name": format!("pod-{number}"), "namespace": "shop", "uid": format!("uid-{number}"),
            "labels": {"app": "web"}, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"nodeName": "n1", "containers": [{"name": "web", "image": "nginx:1"}]},
        "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "startTime": "2026-01-01T00:00:00Z"},
    })
}

pub(crate) fn condition(followed: &Followed) -> Condition {
    followed.health().of(Kind::Pod).unwrap().condition
}

pub(crate) fn lists(followed: &Followed) -> u64 {
    followed.health().of(Kind::Pod).unwrap().lists
}
