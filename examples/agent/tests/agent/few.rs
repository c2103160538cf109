//! The agent with exactly the capabilities that the manifests and the unit give it.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, chown},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use mermin_testing::{Folder, apart::command, free_port, until};
use serde_json::Value as Json;

use crate::{
    network::{make, send},
    runs::{packets, settings},
    support::{Agent, get},
};

/// Those of `capabilities.yaml` and of the unit, as setpriv(1) writes them.
const THREE: &str = "-all,+bpf,+net_admin,+perfmon";
const NOBODY: u32 = 65_534;
const VALUES: &str = include_str!("../../deploy/chart/values.yaml");
const UNIT: &str = include_str!("../../deploy/mermin-agent.service");

/// A writable folder for one user, with the program, below a root file system that is read-only from then on.
struct Place {
    folder: Folder,
    program: PathBuf,
}

impl Place {
    fn new(user: u32) -> Self {
        let folder = Folder::new("agent-few");
        command(&format!("mount -t tmpfs none {}", folder.path().display()));
        // Another user than root may not reach the program where it was built.
        let program = folder.file("mermin-agent");
        fs::write(&program, "").unwrap();
        let built = env!("CARGO_BIN_EXE_mermin-agent");
        command(&format!("mount --bind {built} {}", program.display()));
        chown(folder.path(), Some(user), Some(user)).unwrap();
        command("mount -o remount,bind,ro /");
        Self { folder, program }
    }

    /// The program, by setpriv(1) with these options.
    fn program(&self, options: &[String]) -> Command {
        let mut command = Command::new("setpriv");
        command
            .args(["--no-new-privs", &format!("--bounding-set={THREE}")])
            .args(options)
            .arg(&self.program)
            .env_remove("MERMIN_CONFIG_PATH")
            .env_remove("MERMIN_LOG_LEVEL")
            .env_remove("KUBERNETES_SERVICE_HOST");
        command
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        command("mount -o remount,bind,rw /");
        command(&format!("umount {}", self.program.display()));
        command(&format!("umount {}", self.folder.path().display()));
    }
}

/// The features that `doctor` gives up.
fn given_up(mut doctor: Command, file: &Path) -> Json {
    let output = doctor.args(["doctor", "--json", "--config"]).arg(file);
    let output = output.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let report: Json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    assert_eq!(report["can_capture"], true, "{report}");
    report["degradations"].clone()
}

/// Runs the agent with three capabilities: it is ready, gives up nothing that it would have with all of them, and counts each packet.
fn captures(user: u32, options: &[String], key: &str) {
    for (file, said) in [
        (
            VALUES,
            "capabilities: [\"BPF\", \"NET_ADMIN\", \"PERFMON\"]\n",
        ),
        (
            UNIT,
            "CapabilityBoundingSet=CAP_BPF CAP_NET_ADMIN CAP_PERFMON\n",
        ),
        (
            UNIT,
            "AmbientCapabilities=CAP_BPF CAP_NET_ADMIN CAP_PERFMON\n",
        ),
    ] {
        assert!(file.contains(said), "{said}");
    }
    make();
    let place = Place::new(user);
    let (file, flows) = (place.folder.file("a.hcl"), place.folder.file("flows.json"));
    let (port, metrics) = (free_port(), free_port());
    let key = format!("[\"near0\"]\n  netns = \"own\"\n{key}");
    let text = format!(
        "{}span {{\n  udp_timeout = \"200ms\"\n}}\nexport \"flows\" {{\n  to = [\"json:{}\"]\n}}\n",
        settings(port, metrics).replace("[\"near0\"]", &key),
        flows.display()
    );
    fs::write(&file, text).unwrap();
    assert!(fs::write("/mermin-test", "").is_err());
    let with_all = given_up(Command::new(&place.program), &file);
    let with_three = given_up(place.program(options), &file);
    assert_eq!(with_three, with_all);
    let mut agent = Agent::start_as(place.program(options), &file);
    let ready = || {
        let (status, body) = get(port, "/readyz");
        assert_eq!(status, 200, "{body}");
        let ready: Json = serde_json::from_str(&body).unwrap();
        assert_eq!(ready["status"], "ok", "{body}");
    };
    ready();
    let process = fs::metadata(format!("/proc/{}", agent.id())).unwrap();
    assert_eq!(process.uid(), user);
    let sent = send(20, 20, Duration::from_millis(5));
    // Open flows of an instance outlive the agent.
    until("all packets", || packets(&flows) == sent);
    ready();
    assert_eq!(agent.stop(), Some(0), "{}", agent.said());
    let said = agent.said();
    assert!(!said.contains("WARN") && !said.contains("ERROR"), "{said}");
    assert_eq!(packets(&flows), sent, "{said}");
}

/// As in the container of `capabilities.yaml`: root, which gets the capabilities of its bounding set.
pub(crate) fn as_root() {
    captures(0, &["--inh-caps=-all".to_owned()], "  instance = \"few\"\n");
}

/// As in the unit: a user who has them as ambient capabilities.
pub(crate) fn as_nobody() {
    let options = [
        format!("--reuid={NOBODY}"),
        format!("--regid={NOBODY}"),
        "--clear-groups".to_owned(),
        format!("--inh-caps={THREE}"),
        format!("--ambient-caps={THREE}"),
    ];
    captures(NOBODY, &options, "");
}
