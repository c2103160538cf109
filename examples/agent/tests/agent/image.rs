//! The static agent as its image has it: alone in a root file system that is read-only, with what a container runtime puts there.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use mermin_testing::{Folder, apart::command, until};
use serde_json::Value as Json;

use crate::{
    cluster::with_account,
    network::{make, send},
    runs::packets,
    support::{Agent, get},
};

/// The environment variable with the path of the agent, which `cargo xtask image` builds.
pub(crate) const STATIC: &str = "MERMIN_STATIC_AGENT";
const VALUES: &str = include_str!("../../deploy/chart/values.yaml");
const ACCOUNT: &str = "var/run/secrets/kubernetes.io/serviceaccount";
/// The collector of the manifests, and the address that its name has here. Nobody listens there.
const COLLECTOR: &str = "otel-collector.observability";
const ADDRESS: &str = "127.0.0.9";

/// The file of the manifests.
fn manifest() -> String {
    let (_, file) = VALUES.split_once("\nconfig: |\n").unwrap();
    let lines = file
        .lines()
        .map(|line| line.strip_prefix("  ").unwrap_or(line));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The file of the manifests, for the interface of the test, with another target and less patience.
fn settings() -> String {
    let mut text = manifest();
    for (from, to) in [
        ("instance = ", "interfaces = [\"near0\"]\n  instance = "),
        ("4317\"", "4317\", \"json:/run/flows.json\""),
        ("\"28s\"", "\"1s\"\nspan {\n  udp_timeout = \"200ms\"\n}"),
    ] {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        text = text.replace(from, to);
    }
    text
}

/// A root file system in a folder.
struct Image {
    root: PathBuf,
    _folder: Folder,
}

impl Image {
    fn new(account: &[(&str, &str)]) -> Self {
        let folder = Folder::new("agent-image");
        let root = folder.file("root");
        fs::create_dir(&root).unwrap();
        command(&format!("mount -t tmpfs root {}", root.display()));
        for name in ["proc", "sys", "dev", "run", "etc/mermin", ACCOUNT] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        let agent = env::var_os(STATIC).unwrap();
        fs::copy(agent, root.join("mermin-agent")).unwrap();
        let hosts = format!("127.0.0.1 localhost\n{ADDRESS} {COLLECTOR}\n");
        fs::write(root.join("etc/hosts"), hosts).unwrap();
        fs::write(root.join("etc/mermin/mermin.hcl"), settings()).unwrap();
        for (name, text) in account {
            fs::write(root.join(ACCOUNT).join(name), text).unwrap();
        }
        let at = |name: &str| root.join(name).display().to_string();
        fs::write(root.join("dev/null"), "").unwrap();
        command(&format!("mount --bind /dev/null {}", at("dev/null")));
        command(&format!("mount -t proc none {}", at("proc")));
        command(&format!("mount --rbind /sys {}", at("sys")));
        command(&format!("mount -t tmpfs none {}", at("run")));
        command(&format!("mount -o remount,ro {}", root.display()));
        Self {
            root,
            _folder: folder,
        }
    }

    fn program(&self, server: u16) -> Command {
        let mut program = Command::new("chroot");
        program
            .arg(&self.root)
            .arg("/mermin-agent")
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap())
            .env("POD_IP", "127.0.0.1")
            .env("MERMIN_NETNS", "own")
            .env("KUBERNETES_SERVICE_HOST", "127.0.0.1")
            .env("KUBERNETES_SERVICE_PORT", server.to_string());
        program
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        command(&format!("umount --recursive {}", self.root.display()));
    }
}

/// The agent has no file but its own: it checks the file, finds nothing missing, captures, follows the cluster, resolves the
/// collector's name and writes records.
pub(crate) fn runs_alone() {
    make();
    let (authority, server) = with_account();
    let port = server.address().port();
    let image = Image::new(&[
        ("ca.crt", &authority.certificate),
        ("namespace", "mermin"),
        ("token", "account"),
    ]);
    assert!(fs::write(image.root.join("test"), "").is_err());
    let file = Path::new("/etc/mermin/mermin.hcl");
    let checked = image.program(port).arg("check").arg(file).output().unwrap();
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{said}");
    let mut doctor = image.program(port);
    let output = doctor.args(["doctor", "--json", "--config"]).arg(file);
    let report: Json = serde_json::from_slice(&output.output().unwrap().stdout).unwrap();
    assert_eq!(report["can_capture"], true, "{report}");

    let mut agent = Agent::start_as(image.program(port), file);
    until("names", || get(8080, "/startup").0 == 200);
    let flows = image.root.join("run/flows.json");
    let sent = send(20, 5, Duration::from_millis(1));
    until("all packets", || packets(&flows) == sent);
    let text = fs::read_to_string(&flows).unwrap();
    assert_eq!(
        text.matches("\"source.k8s.pod.name\":\"web-1\"").count(),
        text.lines().count(),
        "{text}"
    );
    until("the collector's refusal", || {
        get(8080, "/readyz").1.contains("Connection refused")
    });
    // Its records are left.
    assert_eq!(agent.stop(), Some(1), "{}", agent.said());
}
