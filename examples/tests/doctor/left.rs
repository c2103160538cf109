//! Hooks and pins after a run.

use std::{
    collections::BTreeSet,
    fs,
    process::{Command, id},
    thread,
    time::{Duration, Instant},
};

use crate::run::{DOCTOR, apart, run};

/// Names in the BPF file system that a trial may have made.
fn trials() -> BTreeSet<String> {
    let entries = fs::read_dir("/sys/fs/bpf").into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .filter(|name| name.starts_with("mermin-trial"))
        .collect()
}

/// At the hooks of its namespace, and where pins would be. Programs that it loads go with the process.
pub(crate) fn nothing_is_left_behind() {
    let before = trials();
    let instance = format!("doctor-{}", id());
    let left = apart(|| {
        let said = run(Command::new(DOCTOR).args(["--instance", &instance, "lo"]));
        assert_eq!(said.code, Some(0), "{said:?}");
        run(Command::new("tc").args(["qdisc", "show", "dev", "lo"]))
    });
    assert!(!left.stdout.contains("clsact"), "{left:?}");
    assert!(!fs::exists(format!("/sys/fs/bpf/mermin/{instance}")).unwrap());
    // Others may try at the same time, and remove theirs in a moment.
    let began = Instant::now();
    while !trials().is_subset(&before) {
        assert!(began.elapsed() < Duration::from_mins(1), "{:?}", trials());
        thread::sleep(Duration::from_millis(20));
    }
}
