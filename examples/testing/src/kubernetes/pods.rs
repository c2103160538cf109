//! Pods as users and kubelets write them.

use std::net::Ipv4Addr;

use serde_json::{Value as Json, json};

use super::Kubernetes;

/// Returns a pod as its user writes it.
#[must_use]
pub fn pod_manifest(namespace: &str, name: &str) -> Json {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": "web"}},
        "spec": {"nodeName": "n1", "containers": [{"name": "web", "image": "nginx:1"}]},
    })
}

/// Returns the status that a kubelet writes for a pod that runs.
#[must_use]
pub fn pod_status(address: impl Into<Ipv4Addr>) -> Json {
    let address = address.into().to_string();
    json!({"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "startTime": "2026-01-01T00:00:00Z"})
}

impl Kubernetes {
    /// Makes a pod that runs. kubectl of 1.20 cannot write a status, so it is sent as it is.
    pub fn make_pod(&self, namespace: &str, name: &str, address: impl Into<Ipv4Addr>) {
        self.apply(&pod_manifest(namespace, name).to_string());
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
        let mut pod: Json =
            serde_json::from_str(&self.kubectl(&["get", "--raw", &path], "")).unwrap();
        pod["status"] = pod_status(address);
        let path = format!("{path}/status");
        self.kubectl(
            &["replace", "--raw", &path, "--filename=-"],
            &pod.to_string(),
        );
    }
}
