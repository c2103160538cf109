//! An agent that follows a cluster, and all that it shows of it: probes, metrics, flows.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command, time::Duration};

use mermin_testing::{Folder, free_port, until};
use serde_json::Value as Json;

use crate::{
    network::send,
    support::{Agent, get, metric, program},
};

/// The agent, over the pair of `network`.
pub(crate) struct Following {
    folder: Folder,
    flows: PathBuf,
    port: u16,
    metrics: u16,
    agent: Agent,
}

impl Following {
    /// Starts the agent with a kubeconfig of this text.
    pub(crate) fn by_kubeconfig(text: &str) -> Self {
        let folder = Folder::new("agent-cluster");
        let access = folder.file("kubeconfig");
        fs::write(&access, text).unwrap();
        let key = format!("  kubeconfig_path = \"{}\"\n", access.display());
        Self::start(folder, &key, program())
    }

    /// Starts the agent with the service account of a pod, for a server at this port.
    pub(crate) fn in_pod(port: u16) -> Self {
        Self::start(Folder::new("agent-cluster"), "", in_pod(port))
    }

    /// Starts the agent as `in_pod` does, beside a kubeconfig of the environment.
    pub(crate) fn in_pod_beside(port: u16, kubeconfig: &str) -> Self {
        let folder = Folder::new("agent-cluster");
        let access = folder.file("kubeconfig");
        fs::write(&access, kubeconfig).unwrap();
        let mut command = in_pod(port);
        command.env("KUBECONFIG", access);
        Self::start(folder, "", command)
    }

    fn start(folder: Folder, key: &str, command: Command) -> Self {
        let (file, flows) = (folder.file("a.hcl"), folder.file("flows.json"));
        let (port, metrics) = (free_port(), free_port());
        let text = format!(
            "discovery \"instrument\" {{\n  interfaces = [\"near0\"]\n}}\nspan {{\n  max_record_interval = \"500ms\"\n}}\n\
             discovery \"informer\" \"k8s\" {{\n{key}  informers_sync_timeout = \"3s\"\n}}\n\
             export \"flows\" {{\n  to = [\"json:{}\"]\n}}\ninternal \"server\" {{\n  listen_address = \"127.0.0.1\"\n  port = {port}\n}}\n\
             internal \"metrics\" {{\n  listen_address = \"127.0.0.1\"\n  port = {metrics}\n}}\n",
            flows.display()
        );
        fs::write(&file, text).unwrap();
        let agent = Agent::start_as(command, &file);
        Self {
            folder,
            flows,
            port,
            metrics,
            agent,
        }
    }

    /// Replaces the kubeconfig.
    pub(crate) fn replace_kubeconfig(&self, text: &str) {
        fs::write(self.folder.file("kubeconfig"), text).unwrap();
    }

    /// Returns the status of a probe, and its check of the cluster.
    pub(crate) fn check(&self, probe: &str) -> (u16, Json) {
        let (status, body) = get(self.port, probe);
        let answer: Json = serde_json::from_str(&body).unwrap();
        let checks = answer["checks"].as_array().unwrap();
        let check = checks.iter().find(|it| it["name"] == "kubernetes").unwrap();
        (status, check.clone())
    }

    /// Waits until the probe for readiness warns in these words, and the metrics agree. Returns the whole warning.
    pub(crate) fn until_warned(&self, words: &str) -> String {
        let mut said = String::new();
        until(words, || {
            let (status, check) = self.check("/readyz");
            // It captures, so it is ready.
            assert_eq!(status, 200);
            said = check.to_string();
            // Another kind may have failed first.
            check["status"] == "warning" && said.contains(words) && !self.is_current()
        });
        assert_ne!(self.metric("mermin_kubernetes_failures_total"), 0);
        said
    }

    /// Waits until the probe for readiness and the metrics have nothing against the cluster.
    pub(crate) fn until_well(&self) {
        until("recovery", || self.check("/readyz").1["status"] == "ok");
        until("metrics", || self.is_current());
    }

    fn is_current(&self) -> bool {
        self.metric("mermin_kubernetes_current") == 1
    }

    /// Returns a metric's number for pods.
    pub(crate) fn metric(&self, name: &str) -> usize {
        metric(self.metrics, &format!("{name}{{kind=\"Pod\"}}"))
    }

    /// Returns true if the metric has a number for pods.
    pub(crate) fn has_metric(&self, name: &str) -> bool {
        let page = get(self.metrics, "/metrics").1;
        page.contains(&format!("{name}{{kind=\"Pod\"}}"))
    }

    /// Sends packets until a new record has this name of the pod at an end, `source` or `destination`; `None` is a record
    /// without one.
    pub(crate) fn until_flows_have(&self, end: &str, name: Option<&str>) {
        fs::write(&self.flows, "").unwrap();
        until(&format!("{end} {name:?}"), || {
            send(3, 10, Duration::from_millis(50));
            self.pods(end).contains(&name.map(str::to_owned))
        });
    }

    /// Names of the pods at an end of the records, and if a record has none.
    fn pods(&self, end: &str) -> BTreeSet<Option<String>> {
        let text = fs::read_to_string(&self.flows).unwrap_or_default();
        let key = format!("{end}.k8s.pod.name");
        let whole = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Json>(line).ok());
        let names = whole.map(|flow| flow[&key].as_str().map(str::to_owned));
        names.collect()
    }

    /// Ends the agent, which has nothing to complain of.
    pub(crate) fn stop(mut self) {
        assert_eq!(self.agent.stop(), Some(0), "{}", self.agent.said());
    }
}

/// The program in a pod, for a server at this port.
fn in_pod(port: u16) -> Command {
    let mut command = program();
    command
        .env("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        .env("KUBERNETES_SERVICE_PORT", port.to_string());
    command
}
