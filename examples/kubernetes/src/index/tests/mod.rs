//! The behaviour of real API servers, rule by rule: objects in, names of ends out.

mod lists;
mod nodes;
mod owners;
mod pods;
mod policies;
mod services;

use std::{net::IpAddr, time::Duration};

use serde_json::{Value as Json, json};

use super::*;

fn at(seconds: u64) -> Moment {
    Moment::default().after(Duration::from_secs(seconds))
}

fn time(seconds: u64) -> String {
    let time = std::time::UNIX_EPOCH + Duration::from_secs(seconds);
    humantime::format_rfc3339_seconds(time).to_string()
}

fn index() -> Index {
    Index::new(Extract::default(), Duration::from_mins(5))
}

fn object(kind: Kind, json: &Json) -> Object {
    Object::parse(kind, &json.to_string()).unwrap()
}

impl Index {
    fn see(&mut self, kind: Kind, json: &Json, now: u64) {
        self.apply(&object(kind, json), at(now));
    }

    fn delete(&mut self, kind: Kind, json: &Json, now: u64) {
        self.remove(&object(kind, json), at(now));
    }

    /// The end of a flow over TCP in these seconds.
    fn end_at(&self, address: &str, port: u16, [start, end]: [u64; 2]) -> Found<'_> {
        self.find_end(&End {
            address: address.parse::<IpAddr>().unwrap(),
            port: Some((port, 6)),
            start: at(start),
            end: at(end),
            container_id: None,
        })
    }

    /// The name of the pod that had the address in these seconds.
    fn pod_at(&self, address: &str, seconds: [u64; 2]) -> Option<&str> {
        self.end_at(address, 80, seconds).pod.map(|pod| &*pod.name)
    }
}

/// A running pod that the kubelet saw at this second.
fn pod(name: &str, uid: &str, address: &str, began: u64) -> Json {
    json!({
        "metadata": {"name": name, "namespace": "shop", "uid": uid, "labels": {"app": "web"}, "creationTimestamp": time(began)},
        "spec": {"nodeName": "n1", "containers": [{"name": "web", "image": "nginx:1", "ports": [{"containerPort": 80}]}]},
        "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "startTime": time(began)},
    })
}

fn finished(mut pod: Json, phase: &str, end: Option<u64>) -> Json {
    pod["status"]["phase"] = phase.into();
    if let Some(end) = end {
        pod["status"]["containerStatuses"] =
            json!([{"name": "web", "state": {"terminated": {"finishedAt": time(end)}}}]);
    }
    pod
}

const A: &str = "10.0.0.9";

/// The uid of the pod that had the address in these seconds.
fn uid_at(index: &Index, address: &str, seconds: [u64; 2]) -> Option<Arc<str>> {
    let pod = index.end_at(address, 80, seconds).pod?;
    Some(pod.uid.text())
}

fn node(name: &str, uid: &str, addresses: &[&str]) -> Json {
    let addresses: Vec<_> = addresses
        .iter()
        .map(|it| json!({"type": "InternalIP", "address": it}))
        .collect();
    json!({"metadata": {"name": name, "uid": uid}, "status": {"addresses": addresses}})
}

fn service(name: &str, uid: &str, spec: &Json) -> Json {
    json!({"metadata": {"name": name, "namespace": "shop", "uid": uid}, "spec": spec})
}

fn service_at<'a>(
    index: &'a Index,
    address: &str,
    port: u16,
    seconds: [u64; 2],
) -> Option<&'a str> {
    index
        .end_at(address, port, seconds)
        .service
        .map(|it| &*it.name)
}

/// A pod of the host's network that began at this second.
fn host_pod(name: &str, uid: &str, began: u64) -> Json {
    let mut host = pod(name, uid, "192.0.2.1", began);
    host["spec"]["hostNetwork"] = true.into();
    host["spec"]["containers"][0]["ports"] = json!([{"containerPort": 9100}]);
    host
}
