//! The pods of the cluster, and the API server that has them.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value as Json, json};

use crate::api_server::ApiServer;

/// Pods of the cluster.
pub(crate) const PODS: u32 = 10_000;
/// Address of the first pod.
const FIRST: u32 = 0x0a40_0000;

/// Returns the address of a pod.
pub(crate) fn address(pod: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(FIRST + pod)
}

/// Returns the pod with this address.
pub(crate) fn pod_at(address: Ipv4Addr) -> Option<u32> {
    let pod = address.to_bits().checked_sub(FIRST)?;
    (pod < PODS).then_some(pod)
}

fn object(pod: u32, change: u64) -> Json {
    let ip = address(pod).to_string();
    let owner = json!([{"kind": "StatefulSet", "apiVersion": "apps/v1", "name": format!("set-{}", pod % 500),
        "uid": format!("set-{}", pod % 500), "controller": true}]);
    json!({
        "metadata": {"name": format!("pod-{pod}"), "namespace": format!("space-{}", pod % 50), "uid": format!("pod-{pod}"),
            "labels": {"change": change.to_string()}, "creationTimestamp": "2026-01-01T00:00:00Z", "ownerReferences": owner},
        "spec": {"nodeName": "n1", "containers": [{"name": "main", "image": "example:1"}]},
        "status": {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "startTime": "2026-01-01T00:00:00Z"},
    })
}

/// A cluster whose API server may be away.
pub(crate) struct Cluster {
    address: SocketAddr,
    server: Option<ApiServer>,
    changes: u64,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        let server = ApiServer::start();
        let mut cluster = Self {
            address: server.address(),
            server: Some(server),
            changes: 0,
        };
        cluster.fill();
        cluster
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn fill(&mut self) {
        let server = self.server.as_ref().unwrap();
        for pod in 0..PODS {
            server.put("pods", object(pod, self.changes));
        }
    }

    /// Closes all connections and the port.
    pub(crate) fn leave(&mut self) {
        self.server = None;
    }

    /// Comes back at the same address, with another store.
    pub(crate) fn come_back(&mut self) {
        self.server = Some(ApiServer::at(self.address));
        self.fill();
    }

    /// Changes a label of this many pods, if the server is there.
    pub(crate) fn churn(&mut self, pods: u32) {
        let Some(server) = &self.server else {
            return;
        };
        for _ in 0..pods {
            self.changes += 1;
            let pod = u32::try_from(self.changes * 7919 % u64::from(PODS)).unwrap();
            server.put("pods", object(pod, self.changes));
        }
    }
}
