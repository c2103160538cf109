//! A real Kubernetes API server with its etcd.

mod kubeconfig;
mod pods;
mod programs;
mod token;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::Duration,
};

use serde_json::{Value as Json, json};

use self::programs::{Programs, started};
pub use self::{
    kubeconfig::kubeconfig,
    pods::{pod_manifest, pod_status},
};
use crate::{Folder, free_port};

/// Token of the user who may do everything.
const ADMIN: &str = "admin";
/// Issuer and audience of service accounts' tokens.
const ISSUER: &str = "https://kubernetes.default.svc";

/// etcd and kube-apiserver on the loopback address, with role-based access control. There are no controllers: nothing starts
/// pods, makes tokens of service accounts or deletes what is owned.
#[derive(Debug)]
pub struct Kubernetes {
    programs: Programs,
    folder: Folder,
    ports: [u16; 3],
    /// Changes when the store is another one.
    store: u32,
    etcd: Option<Child>,
    server: Option<Child>,
}

impl Kubernetes {
    /// Starts both with an empty store, and waits until the server is ready. Fails without the programs:
    /// `cargo xtask api-server` builds them, and names them in `MERMIN_API_SERVER`.
    #[must_use]
    pub fn new() -> Self {
        let mut kubernetes = Self {
            programs: Programs::find(),
            folder: Folder::new("api-server"),
            ports: [free_port(), free_port(), free_port()],
            store: 0,
            etcd: None,
            server: None,
        };
        token::make_key(&kubernetes.key());
        fs::write(
            kubernetes.folder.file("tokens.csv"),
            format!("{ADMIN},admin,1,system:masters\n"),
        )
        .unwrap();
        kubernetes.start_etcd();
        kubernetes.start();
        kubernetes
    }

    /// Returns the server's port on the loopback address.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.ports[2]
    }

    /// Returns the file with the certificate that clients have to trust.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.file("apiserver.crt")
    }

    fn key(&self) -> PathBuf {
        self.folder.file("account.key")
    }

    /// Starts the server, also again with what is stored, and waits until it is ready.
    pub fn start(&mut self) {
        let etcd = format!("http://127.0.0.1:{}", self.ports[0]);
        let log = self.folder.file("server.log");
        let mut command = self.programs.command("kube-apiserver");
        command
            .arg(format!("--etcd-servers={etcd}"))
            .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"])
            .arg(format!("--secure-port={}", self.port()))
            .arg(format!("--cert-dir={}", self.folder.path().display()))
            .arg(format!("--service-account-issuer={ISSUER}"))
            .arg(format!(
                "--service-account-signing-key-file={}",
                self.key().display()
            ))
            .arg(format!(
                "--service-account-key-file={}",
                self.key().display()
            ))
            .arg(format!(
                "--token-auth-file={}",
                self.folder.file("tokens.csv").display()
            ))
            .args([
                "--authorization-mode=RBAC",
                // Its controller would have to be there.
                "--disable-admission-plugins=ServiceAccount",
                "--allow-privileged=true",
                "--service-cluster-ip-range=10.96.0.0/16",
            ]);
        self.server = Some(started(command, &log));
        let is_ready = |it: &Self| it.try_kubectl(&["get", "--raw", "/readyz"], "").is_ok();
        self.until_ready("kube-apiserver", |it| &mut it.server, &log, is_ready);
    }

    /// Kills the server with SIGKILL. Its objects stay in the store.
    pub fn stop(&mut self) {
        end(&mut self.server);
    }

    fn start_etcd(&mut self) {
        let [client, peer, _] = self.ports.map(|port| format!("http://127.0.0.1:{port}"));
        let log = self.folder.file("etcd.log");
        let mut command = self.programs.command("etcd");
        command
            .arg(format!("--data-dir={}", self.store().display()))
            .arg(format!("--listen-client-urls={client}"))
            .arg(format!("--advertise-client-urls={client}"))
            .arg(format!("--listen-peer-urls={peer}"))
            .arg(format!("--initial-advertise-peer-urls={peer}"))
            .arg(format!("--initial-cluster=default={peer}"));
        self.etcd = Some(started(command, &log));
        let is_ready = |it: &Self| it.try_etcdctl(&["endpoint", "health"]).is_ok();
        self.until_ready("etcd", |it| &mut it.etcd, &log, is_ready);
    }

    /// Waits until a program is ready: on a busy machine, a minute and more. Fails with the end of its log, at once if the
    /// program has ended.
    fn until_ready(
        &mut self,
        name: &str,
        child: fn(&mut Self) -> &mut Option<Child>,
        log: &Path,
        is_ready: fn(&Self) -> bool,
    ) {
        for _ in 0..600 {
            if is_ready(self) {
                return;
            }
            // `drop` ends the child, so it stays in its place.
            let ended = child(self).as_mut().and_then(|it| it.try_wait().unwrap());
            if let Some(status) = ended {
                panic!("{name} has ended, {status}:\n{}", end_of(log));
            }
            thread::sleep(Duration::from_millis(500));
        }
        panic!("{name} is not ready:\n{}", end_of(log));
    }

    fn store(&self) -> PathBuf {
        self.folder.file(&format!("store-{}", self.store))
    }

    /// Forgets all versions before the present one: nobody can continue from them.
    pub fn compact(&self) {
        let status = self.etcdctl(&["endpoint", "status", "--write-out=json"]);
        let status: Json = serde_json::from_str(&status).unwrap();
        let revision = &status[0]["Status"]["header"]["revision"];
        self.etcdctl(&["compact", &revision.to_string()]);
    }

    /// Makes this many versions in which no object changes.
    pub fn advance(&self, versions: u32) {
        for version in 0..versions {
            self.etcdctl(&["put", "/test/version", &version.to_string()]);
        }
    }

    /// Saves a copy of the store.
    #[must_use]
    pub fn save(&self) -> PathBuf {
        let path = self.folder.file("copy.db");
        self.etcdctl(&["snapshot", "save", path.to_str().unwrap()]);
        path
    }

    /// Starts both again with a copy of the store.
    pub fn restore(&mut self, copy: &Path) {
        self.stop();
        end(&mut self.etcd);
        self.store += 1;
        let peer = format!("http://127.0.0.1:{}", self.ports[1]);
        let store = self.store();
        self.etcdctl(&[
            "snapshot",
            "restore",
            copy.to_str().unwrap(),
            &format!("--data-dir={}", store.display()),
            &format!("--initial-advertise-peer-urls={peer}"),
            &format!("--initial-cluster=default={peer}"),
        ]);
        self.start_etcd();
        self.start();
    }

    fn etcdctl(&self, words: &[&str]) -> String {
        self.try_etcdctl(words).unwrap()
    }

    fn try_etcdctl(&self, words: &[&str]) -> Result<String, String> {
        let mut command = self.programs.command("etcdctl");
        command.env("ETCDCTL_API", "3").args(words);
        command.arg(format!("--endpoints=http://127.0.0.1:{}", self.ports[0]));
        programs::run(command, "")
    }

    /// Runs kubectl as the user who may do everything. Returns what it prints.
    #[expect(clippy::must_use_candidate, reason = "it may be run for its effect")]
    pub fn kubectl(&self, words: &[&str], input: &str) -> String {
        self.try_kubectl(words, input).unwrap()
    }

    /// Runs kubectl as the user who may do everything.
    ///
    /// # Errors
    /// What it says when it fails.
    pub fn try_kubectl(&self, words: &[&str], input: &str) -> Result<String, String> {
        let mut command: Command = self.programs.command("kubectl");
        command
            .arg(format!("--server=https://127.0.0.1:{}", self.port()))
            .arg(format!(
                "--certificate-authority={}",
                self.authority().display()
            ))
            .arg(format!("--token={ADMIN}"))
            .arg(format!("--cache-dir={}", self.folder.path().display()))
            // No settings of whoever runs the test.
            .env("KUBECONFIG", "/dev/null")
            .args(words);
        programs::run(command, input)
    }

    /// Applies objects, as one JSON or YAML text.
    pub fn apply(&self, manifest: &str) {
        // Without a copy of all definitions each time: the server checks it anyway.
        self.kubectl(&["apply", "--validate=false", "--filename=-"], manifest);
    }

    /// Returns a new token of a service account, as the kubelet gets one for a pod. It lasts for an hour.
    #[must_use]
    pub fn token(&self, namespace: &str, account: &str) -> String {
        let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}});
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
        let words = ["create", "--raw", &path, "--filename=-"];
        let answer: Json =
            serde_json::from_str(&self.kubectl(&words, &request.to_string())).unwrap();
        answer["status"]["token"].as_str().unwrap().to_owned()
    }

    /// Returns a token of a service account that the server takes for about so long: it grants none of less than ten minutes,
    /// so this one is signed with its key.
    #[must_use]
    pub fn brief_token(&self, namespace: &str, account: &str, lasts: Duration) -> String {
        let words = ["get", "serviceaccount", "--namespace", namespace, account];
        let found = self.kubectl(&[&words[..], &["--output=json"]].concat(), "");
        let found: Json = serde_json::from_str(&found).unwrap();
        let uid = found["metadata"]["uid"].as_str().unwrap();
        token::signed(&self.key(), ISSUER, [namespace, account, uid], lasts)
    }

    /// Writes a kubeconfig of the user who may do everything.
    #[must_use]
    pub fn admin(&self) -> PathBuf {
        self.access("admin", &json!({"token": ADMIN}))
    }

    /// Writes a kubeconfig that reads its token from a file.
    #[must_use]
    pub fn kubeconfig_of_file(&self, token: &Path) -> PathBuf {
        self.access("account", &json!({"tokenFile": token}))
    }

    fn access(&self, name: &str, user: &Json) -> PathBuf {
        let server = format!("https://127.0.0.1:{}", self.port());
        let text = kubeconfig(server, Some(&self.authority()), user);
        let path = self.folder.file(&format!("{name}.kubeconfig"));
        fs::write(&path, text).unwrap();
        path
    }
}

impl Default for Kubernetes {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Kubernetes {
    fn drop(&mut self) {
        end(&mut self.server);
        end(&mut self.etcd);
    }
}

fn end(child: &mut Option<Child>) {
    if let Some(mut child) = child.take() {
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Returns the last lines of a log.
fn end_of(log: &Path) -> String {
    let said = fs::read_to_string(log).unwrap();
    let lines: Vec<_> = said.lines().collect();
    let last = lines.len().saturating_sub(20);
    lines[last..].join("\n")
}
