//! systemd as process 1 of namespaces and of a root file system of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{self, Child, Command},
};

use mermin_testing::{Folder, apart::command, until};
use rustix::process::{Pid, Signal, kill_process};

const SCRIPT: &str = include_str!("systemd.sh");

/// A machine in all but its kernel and its network, which are those of the test.
pub(super) struct Systemd {
    folder: Folder,
    /// Control group of all that runs in it.
    group: PathBuf,
    /// unshare(1), whose child is process 1.
    outside: Child,
    first: i32,
}

impl Systemd {
    /// Starts it, with the agent and without its unit.
    pub(super) fn start() -> Self {
        let folder = Folder::new("agent-unit");
        let (root, groups, script) = (
            folder.file("root"),
            folder.file("groups"),
            folder.file("systemd.sh"),
        );
        fs::create_dir(&root).unwrap();
        fs::create_dir(&groups).unwrap();
        fs::write(&script, SCRIPT).unwrap();
        // systemd makes groups below the one in which it starts, and nobody else would remove them.
        command(&format!("mount -t cgroup2 none {}", groups.display()));
        let own = fs::read_to_string("/proc/self/cgroup").unwrap();
        let own = own.lines().find_map(|line| line.strip_prefix("0::/"));
        let group = groups
            .join(own.unwrap())
            .join(format!("mermin-unit-{}", process::id()));
        fs::create_dir(&group).unwrap();
        let outside = Command::new("sh")
            .args(["-euc", "echo $$ >\"$0/cgroup.procs\"; exec \"$@\""])
            .arg(&group)
            .args(["unshare", "--pid", "--fork", "--kill-child"])
            .args(["--mount", "--uts", "--ipc", "--cgroup", "sh"])
            .arg(&script)
            .arg(&root)
            .arg(env!("CARGO_BIN_EXE_mermin-agent"))
            .spawn()
            .unwrap();
        let mut systemd = Self {
            folder,
            group,
            outside,
            first: 0,
        };
        until("process 1", || systemd.has_first());
        until("the journal", || {
            systemd
                .run(&["systemctl", "is-active", "systemd-journald"])
                .0
        });
        systemd
    }

    fn has_first(&mut self) -> bool {
        if let Some(status) = self.outside.try_wait().unwrap() {
            panic!("systemd.sh ended: {status}");
        }
        let outside = self.outside.id();
        let children = format!("/proc/{outside}/task/{outside}/children");
        let children = fs::read_to_string(children).unwrap_or_default();
        let first = children.split_whitespace().next();
        self.first = first.map_or(0, |first| first.parse().unwrap());
        let name = fs::read_to_string(format!("/proc/{}/comm", self.first));
        name.is_ok_and(|name| name.trim() == "systemd")
    }

    /// Returns the path of one of its files from outside.
    pub(super) fn file(&self, path: &str) -> PathBuf {
        let root = format!("/proc/{}/root", self.first);
        Path::new(&root).join(path.trim_start_matches('/'))
    }

    /// Runs a command in it. Returns true if it succeeded, and its output.
    pub(super) fn run(&self, words: &[&str]) -> (bool, String) {
        let output = Command::new("nsenter")
            .arg(format!("--target={}", self.first))
            .args(["--mount", "--pid", "--uts", "--ipc", "--cgroup"])
            .args(words)
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        (output.status.success(), said)
    }

    /// Runs `systemctl`, which succeeds.
    pub(super) fn systemctl(&self, words: &str) {
        let words: Vec<_> = ["systemctl"].into_iter().chain(words.split(' ')).collect();
        let (is_done, said) = self.run(&words);
        assert!(is_done, "{words:?}: {said}\n{}", self.journal());
    }

    /// Returns a property of the agent's unit.
    pub(super) fn property(&self, name: &str) -> String {
        let property = format!("--property={name}");
        let words = ["systemctl", "show", "--value", &property, "mermin-agent"];
        self.run(&words).1
    }

    /// Returns all that systemd and the agent said.
    pub(super) fn journal(&self) -> String {
        self.run(&["journalctl", "--no-pager", "--output=cat"]).1
    }
}

impl Drop for Systemd {
    fn drop(&mut self) {
        let outside = Pid::from_child(&self.outside);
        let first = Pid::from_raw(self.first).unwrap_or(outside);
        // With process 1, all others end before unshare(1) does.
        let _ = kill_process(first, Signal::KILL);
        let _ = self.outside.wait();
        remove_groups(&self.group);
        command(&format!("umount {}", self.folder.file("groups").display()));
    }
}

/// Removes a control group and those in it: they have no files but the kernel's.
fn remove_groups(group: &Path) {
    for entry in fs::read_dir(group).unwrap().flatten() {
        if entry.file_type().is_ok_and(|it| it.is_dir()) {
            remove_groups(&entry.path());
        }
    }
    fs::remove_dir(group).unwrap();
}
