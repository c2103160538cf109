//! Filters of a killed process are removed by the next source; those of a live process are not.

use std::{
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use mermin_core::{Attach, FlowSource, NetNs, report::HookDirection};

use crate::support::{
    attached,
    host::Pair,
    wait::{LONGEST, until_true, within},
    watch::{on, shut, try_open},
};

const NAMESPACE: &str = "MERMIN_KERNEL_TEST_ORPHAN_OF";
const NAME: &str = "orphans_of_a_killed_process_are_removed";
const TC: Attach = Attach::Tc;

crate::cases! {
    case orphans_of_a_killed_process_are_removed,
}

/// In a process of its own: watches `v0` of a namespace until it is killed.
fn watch_until_killed(namespace: PathBuf) {
    let options = on("v0").attach(TC).netns(NetNs::Path(namespace));
    let _source: FlowSource = within(LONGEST, options.open()).unwrap().unwrap();
    loop {
        thread::sleep(Duration::from_secs(1));
    }
}

/// A process that watches `v0`, started by way of this command.
fn another(pair: &Pair, launcher: &[&str]) -> Other {
    let own = std::env::current_exe().unwrap();
    let mut words = launcher.iter().map(PathBuf::from).chain([own]);
    let before = attached::at(&pair.near, "v0");
    let child = Command::new(words.next().unwrap())
        .args(words)
        .args(["--exact", NAME, "--test-threads", "1"])
        .env(NAMESPACE, pair.near.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let child = Other(child);
    until_true("its filters in the place of others", || {
        filters(pair) == 2 && attached::at(&pair.near, "v0") != before
    });
    child
}

/// A process that is killed when it is dropped.
struct Other(Child);

impl Drop for Other {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        assert_eq!(self.0.wait().unwrap().signal(), Some(9));
    }
}

fn filters(pair: &Pair) -> usize {
    attached::at(&pair.near, "v0").matches("handle 0x").count()
}

/// The next one's words on filters that a killed one left.
pub(crate) fn said() -> String {
    let pair = Pair::new();
    drop(another(&pair, &[]));
    let source = try_open(&pair.near, on("v0").attach(TC)).unwrap();
    source.report().to_string()
}

fn orphans_of_a_killed_process_are_removed() {
    if let Some(namespace) = std::env::var_os(NAMESPACE) {
        return watch_until_killed(namespace.into());
    }
    let pair = Pair::new();
    let dead = another(&pair, &[]);
    drop(dead);
    assert_eq!(filters(&pair), 2);
    // Of a live process in a PID namespace of its own nothing can be known here but what it shows.
    let live = another(&pair, &["unshare", "--pid", "--fork", "--kill-child"]);
    let source = try_open(&pair.near, on("v0").attach(TC)).unwrap();
    let report = source.report();
    // The live one removed the orphans, and they were not looked at twice.
    assert_eq!(report.orphans, []);
    assert_eq!(filters(&pair), 4);
    shut(source);
    assert_eq!(filters(&pair), 2);
    drop(live);
    let source = try_open(&pair.near, on("v0").attach(TC).strict(true)).unwrap();
    let report = source.report();
    let found: Vec<(&str, HookDirection)> = report
        .orphans
        .iter()
        .map(|orphan| (&*orphan.interface, orphan.direction))
        .collect();
    assert_eq!(
        found,
        [
            ("v0", HookDirection::Ingress),
            ("v0", HookDirection::Egress)
        ]
    );
    let said = report.to_string();
    assert!(
        said.contains("left its filter at ingress; this source has removed"),
        "{said}"
    );
    assert_eq!(filters(&pair), 2);
    shut(source);
    assert_eq!(attached::at(&pair.near, "v0"), "");
}
