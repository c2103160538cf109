//! A thousand pods, of which a hundred change each second.

use std::{
    collections::HashMap,
    fs,
    time::{Duration, Instant},
};

use http::{Method, Request};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use mermin_kubernetes::Kind;
use mermin_testing::{Kubernetes, pod_manifest, pod_status, until};
use serde_json::{Value as Json, json};
use tokio::{runtime::Runtime, task::JoinSet};

use crate::{
    followed::{Followed, address},
    support::{make_namespace, pods},
};

const PODS: u32 = 1_000;
/// Pods that are replaced at a time, each by three writes, ten times a second.
const AT_ONCE: u32 = 4;
const ROUNDS: u32 = 100;
const PLACE: &str = "/api/v1/namespaces/shop/pods";

/// Writes pods, as controllers and kubelets do.
struct Writer {
    runtime: Runtime,
    client: Client,
}

impl Writer {
    fn new(server: &Kubernetes) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let file = Kubeconfig::read_from(server.admin()).unwrap();
        let client = runtime.block_on(async {
            let options = KubeConfigOptions::default();
            let config = Config::from_custom_kubeconfig(file, &options).await;
            Client::try_from(config.unwrap()).unwrap()
        });
        Self { runtime, client }
    }

    /// Calls an action for each number, eight at a time.
    fn each<F>(&self, numbers: &[u32], action: impl Fn(Client, u32) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.runtime.block_on(async {
            for chunk in numbers.chunks(8) {
                let mut tasks = JoinSet::new();
                for number in chunk {
                    tasks.spawn(action(self.client.clone(), *number));
                }
                tasks.join_all().await;
            }
        });
    }

    fn list(&self) -> Vec<Json> {
        let client = self.client.clone();
        let answer = self
            .runtime
            .block_on(send(client, Method::GET, PLACE.to_owned(), None));
        let mut list: Json = serde_json::from_str(&answer).unwrap();
        serde_json::from_value(list["items"].take()).unwrap()
    }
}

async fn send(client: Client, method: Method, path: String, body: Option<Json>) -> String {
    let kind = match method {
        Method::PATCH => "application/merge-patch+json",
        _ => "application/json",
    };
    let body = body.map_or(Vec::new(), |body| body.to_string().into_bytes());
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", kind)
        .body(body);
    client.request_text(request.unwrap()).await.unwrap()
}

/// Makes a pod of a name that has the address of a number.
async fn make(client: Client, name: String, number: u32) {
    let pod = Some(pod_manifest("shop", &name));
    send(client.clone(), Method::POST, PLACE.to_owned(), pod).await;
    let path = format!("{PLACE}/{name}/status");
    send(
        client,
        Method::PATCH,
        path,
        Some(json!({"status": pod_status(address(number))})),
    )
    .await;
}

/// Replaces the pod of a number by another of the same address.
async fn replace(client: Client, number: u32, round: u32) {
    let old = name(number, round / (PODS / AT_ONCE));
    let path = format!("{PLACE}/{old}?gracePeriodSeconds=0");
    send(client.clone(), Method::DELETE, path, None).await;
    make(client, name(number, round / (PODS / AT_ONCE) + 1), number).await;
}

fn name(number: u32, generation: u32) -> String {
    format!("pod-{number}-{generation}")
}

/// Memory of this process, in kB.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.unwrap().trim().trim_end_matches(" kB");
    number.parse().unwrap()
}

/// Every pod of the server has its name by its address, and there is no other.
fn compare(followed: &Followed, listed: &[Json]) {
    let listed: HashMap<String, String> = listed
        .iter()
        .map(|pod| {
            let text = |value: &Json| value.as_str().unwrap().to_owned();
            (
                text(&pod["status"]["podIP"]),
                text(&pod["metadata"]["name"]),
            )
        })
        .collect();
    assert_eq!(listed.len(), PODS as usize);
    assert_eq!(followed.present(Kind::Pod), listed.len());
    for number in 0..PODS {
        let [a, b, c, d] = address(number);
        let listed = listed.get(&format!("{a}.{b}.{c}.{d}"));
        assert_eq!(followed.pod_at(address(number)).as_ref(), listed);
    }
}

#[test]
#[ignore = "`cargo xtask api-server` has a server for it"]
fn thousand_pods_with_churn_end_as_the_server_lists_them() {
    let server = Kubernetes::new();
    make_namespace(&server, "shop");
    let writer = Writer::new(&server);
    let numbers: Vec<u32> = (0..PODS).collect();
    let began = Instant::now();
    writer.each(&numbers, |client, number| {
        make(client, name(number, 0), number)
    });
    eprintln!("{PODS} pods made in {:.1} s", began.elapsed().as_secs_f64());
    let before = memory();
    let followed = pods(&server);
    followed.until_present(PODS as usize);
    let after = memory();
    compare(&followed, &writer.list());
    let began = Instant::now();
    for round in 0..ROUNDS {
        let first = round * AT_ONCE % PODS;
        let replaced: Vec<u32> = (first..first + AT_ONCE).collect();
        writer.each(&replaced, |client, number| replace(client, number, round));
        let next = Duration::from_millis(100) * (round + 1);
        std::thread::sleep(next.saturating_sub(began.elapsed()));
    }
    let changes = 3 * AT_ONCE * ROUNDS;
    let took = began.elapsed().as_secs_f64();
    eprintln!("{:.0} writes a second", f64::from(changes) / took);
    let last = name(ROUNDS * AT_ONCE - 1, 1);
    let place = address(ROUNDS * AT_ONCE - 1);
    until("the last change", || {
        followed.pod_at(place).as_deref() == Some(&last)
    });
    compare(&followed, &writer.list());
    let health = followed.health();
    let pods = health.of(Kind::Pod).unwrap();
    assert_eq!((pods.lists, pods.failures, pods.unreadable), (1, 0, 0));
    assert!(pods.events >= u64::from(changes), "{}", pods.events);
    eprintln!(
        "memory of this process: {before} kB, {after} kB with all pods, {} kB after the churn; deleted pods stay for 5 minutes",
        memory()
    );
}
