//! The `doctor` program from outside: what it says for people and as JSON, its exit status, and that it leaves nothing behind.
//!
//! Each run is in a network namespace of its own. Without root all but the arguments is skipped by name; with
//! `MERMIN_REQUIRE_KERNEL=1` it fails instead.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and the lint knows only functions that are marked as tests"
)]

#[expect(dead_code, reason = "these tests look for rows alone")]
#[path = "../../mermin-core/tests/kernel/troubleshooting/page.rs"]
mod page;
#[path = "../../mermin-core/tests/kernel/support/rights.rs"]
mod rights;

use std::{
    collections::BTreeSet,
    env, fs,
    fs::File,
    os::fd::AsRawFd as _,
    process::{Command, ExitCode, id},
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::{Arguments, Trial};
use rustix::{
    process::geteuid,
    thread::{CapabilitySet, UnshareFlags},
};
use serde_json::Value as Json;

const DOCTOR: &str = env!("CARGO_BIN_EXE_doctor");

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let required = env::var_os("MERMIN_REQUIRE_KERNEL").is_some_and(|value| value == "1");
    let skipped = !geteuid().is_root() && !required;
    let root = |name, test: fn()| trial(name, test).with_ignored_flag(skipped);
    let trials = vec![
        trial("invalid_arguments_exit_2", invalid_arguments_exit_2),
        trial("help_exits_0", help),
        root("healthy_host_exits_0", healthy_host_passes_every_check),
        root("json_has_the_same_checks", json_has_the_same_checks),
        root("without_capabilities_exits_1", without_capabilities),
        root(
            "each_missing_capability_is_named",
            each_missing_capability_is_named,
        ),
        root("degradations_are_shown", degradations_are_shown),
        root("problems_are_on_the_page", problems_are_shown_with_remedies),
        root("user_namespace_is_reported", a_user_namespace),
        root("nothing_is_left_behind", nothing_is_left_behind),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}

/// Its output, and how it ended.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn run(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    let said = Said {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    assert!(!said.stderr.contains("panicked"), "{said:?}");
    said
}

/// In a network namespace of its own, which has a loopback interface and no other.
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let work = || {
        #[expect(
            deprecated,
            reason = "deprecated because of file tables, which a network namespace leaves alone; the new one is unsafe"
        )]
        rustix::thread::unshare(UnshareFlags::NEWNET).unwrap();
        work()
    };
    thread::scope(|scope| scope.spawn(work).join().unwrap())
}

/// As root.
fn doctor(arguments: &[&str]) -> Said {
    apart(|| run(Command::new(DOCTOR).args(arguments)))
}

/// As nobody, who has these capabilities alone.
fn as_nobody(capabilities: CapabilitySet, arguments: &[&str]) -> Said {
    // Nobody may not be allowed to enter the directory it is in.
    let program = File::open(DOCTOR).unwrap();
    let path = format!("/proc/self/fd/{}", program.as_raw_fd());
    apart(|| {
        rights::become_nobody(capabilities);
        run(Command::new(path).args(arguments))
    })
}

const NEEDED: [(CapabilitySet, &str); 3] = [
    (CapabilitySet::NET_ADMIN, "CAP_NET_ADMIN"),
    (CapabilitySet::BPF, "CAP_BPF"),
    (CapabilitySet::PERFMON, "CAP_PERFMON"),
];

fn needed() -> CapabilitySet {
    NEEDED.iter().map(|(capability, _)| *capability).collect()
}

fn invalid_arguments_exit_2() {
    for arguments in [
        &["--nonsense"][..],
        &["--max-flows", "many"],
        &["--instance"],
    ] {
        let said = run(Command::new(DOCTOR).args(arguments));
        assert_eq!(said.code, Some(2), "{said:?}");
        assert_eq!(said.stdout, "");
        assert!(said.stderr.starts_with("error: "), "{said:?}");
        assert!(said.stderr.contains("usage: doctor"), "{said:?}");
    }
    for arguments in [&["eth["][..], &["--max-flows", "0"], &["--instance", "a.b"]] {
        let said = run(Command::new(DOCTOR).args(arguments));
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.stderr.starts_with("error: cannot "), "{said:?}");
        assert!(said.stderr.contains("\n  what to do: "), "{said:?}");
    }
}

fn help() {
    let said = run(Command::new(DOCTOR).arg("--help"));
    assert_eq!((said.code, &*said.stderr), (Some(0), ""));
    assert!(said.stdout.starts_with("usage: doctor"), "{said:?}");
}

/// Lines of facts: mark, subject, what was found.
fn facts(text: &str) -> Vec<(char, &str, &str)> {
    text.lines()
        .filter_map(|line| {
            let mut characters = line.chars();
            let mark = characters.next()?;
            let (subject, found) = characters.as_str().strip_prefix(' ')?.split_once(": ")?;
            ['\u{2713}', '\u{2717}', '-', '?']
                .contains(&mark)
                .then_some((mark, subject, found))
        })
        .collect()
}

fn mark(text: &str, subject: &str) -> char {
    let facts = facts(text);
    let fact = facts.iter().find(|(_, known, _)| *known == subject);
    fact.unwrap_or_else(|| panic!("no `{subject}`: {text}")).0
}

fn healthy_host_passes_every_check() {
    let said = doctor(&["--max-flows", "64", "lo"]);
    assert_eq!((said.code, &*said.stderr), (Some(0), ""), "{said:?}");
    for subject in ["kernel", "program", "tc", "memory", "interfaces"] {
        assert_eq!(mark(&said.stdout, subject), '\u{2713}', "{said:?}");
    }
    assert!(
        said.stdout.ends_with("\nFlows can be captured.\n"),
        "{said:?}"
    );
}

fn json(said: &Said) -> Json {
    assert_eq!(said.stdout.lines().count(), 1, "{said:?}");
    serde_json::from_str(&said.stdout).unwrap()
}

fn json_has_the_same_checks() {
    let text = as_nobody(needed(), &["lo"]);
    let object = as_nobody(needed(), &["--json", "lo"]);
    assert_eq!((text.code, object.code), (Some(0), Some(0)), "{text:?}");
    let object = json(&object);
    assert_eq!(object["can_capture"], true);
    let told = facts(&text.stdout);
    let marks: BTreeSet<char> = told.iter().map(|fact| fact.0).collect();
    // Nothing that flows can be captured without has a cross.
    assert_eq!(marks, BTreeSet::from(['\u{2713}', '-', '?']), "{text:?}");
    assert_eq!(mark(&text.stdout, "privilege"), '-', "{text:?}");
    let facts = object["checks"].as_array().unwrap();
    assert_eq!(facts.len(), told.len());
    for (fact, (mark, subject, found)) in facts.iter().zip(told) {
        assert_eq!(fact["subject"], subject);
        let outcome = match mark {
            '\u{2713}' => "passed",
            '?' => "untested",
            _ => "failed",
        };
        assert_eq!(fact["outcome"], outcome, "{subject}");
        // Free memory changes all the time.
        assert!(
            subject == "memory" || fact["found"] == found,
            "{fact} {found}"
        );
        assert!(fact["needed"].is_boolean(), "{fact}");
        if let Some(remedy) = fact["remedy"].as_str().filter(|_| outcome != "passed") {
            assert!(
                text.stdout.contains(&format!("\n    {remedy}\n")),
                "{remedy}"
            );
        }
    }
}

fn without_capabilities() {
    let said = as_nobody(CapabilitySet::empty(), &["lo"]);
    assert_eq!((said.code, &*said.stderr), (Some(1), ""), "{said:?}");
    let refused = "\u{2717} program: cannot load the kernel program: permission denied";
    assert!(said.stdout.contains(refused), "{said:?}");
    assert!(
        said.stdout.ends_with("\nFlows cannot be captured.\n"),
        "{said:?}"
    );
    let object = json(&as_nobody(CapabilitySet::empty(), &["--json", "lo"]));
    assert_eq!(object["can_capture"], false);
    let facts = object["checks"].as_array().unwrap();
    let program = facts.iter().find(|fact| fact["subject"] == "program");
    let program = program.unwrap();
    assert_eq!(
        (&program["outcome"], &program["needed"]),
        (&"failed".into(), &true.into())
    );
    for (_, name) in NEEDED {
        assert!(
            program["remedy"].as_str().unwrap().contains(name),
            "{program}"
        );
    }
}

fn each_missing_capability_is_named() {
    for (missing, name) in NEEDED {
        let said = as_nobody(needed() - missing, &["lo"]);
        assert_eq!(said.code, Some(1), "{said:?}");
        for (_, other) in NEEDED {
            assert_eq!(said.stdout.contains(other), other == name, "{said:?}");
        }
    }
    // A gap that concerns some options prevents those alone.
    let said = as_nobody(needed(), &["--host"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert_eq!(mark(&said.stdout, "interfaces"), '\u{2717}', "{said:?}");
    assert!(
        said.stdout
            .contains("give the process CAP_SYS_PTRACE and CAP_SYS_ADMIN"),
        "{said:?}"
    );
}

/// Without a BPF file system.
fn unpinned(more: &[&str]) -> Said {
    let line = "umount -l /sys/fs/bpf; exec \"$0\" --instance doctor lo \"$@\"";
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", line, DOCTOR])
        .args(more);
    apart(|| run(&mut command))
}

fn degradations_are_shown() {
    let said = unpinned(&[]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let line = "\ngiven up: pinning: what is at `/sys/fs/bpf` is no BPF file system; ";
    assert!(said.stdout.contains(line), "{said:?}");
    let object = json(&unpinned(&["--json"]));
    let given_up = object["degradations"].as_array().unwrap();
    assert_eq!(given_up.len(), 1, "{object}");
    for key in ["feature", "cause", "fallback", "impact", "remedy"] {
        let text = given_up[0][key].as_str().unwrap();
        assert!(said.stdout.contains(text), "{key}: {text}");
    }
    let strict = unpinned(&["--strict"]);
    assert_eq!(strict.code, Some(1), "{strict:?}");
}

/// Each line with a cross or a question mark has a row that tells about it.
fn problems_are_shown_with_remedies() {
    let runs = [
        as_nobody(CapabilitySet::empty(), &["lo"]),
        as_nobody(needed(), &["--host"]),
        as_nobody(needed(), &["v9"]),
        unpinned(&[]),
    ];
    let mut amiss = 0;
    for said in &runs {
        for (mark, subject, found) in facts(&said.stdout) {
            if mark != '\u{2713}' {
                let mut rows = page::troubleshooting()
                    .into_iter()
                    .filter(|cell| cell.contains('`'));
                let line = format!("{subject}: {found}");
                assert!(
                    rows.any(|cell| page::lacking(cell, &line).is_none()),
                    "{line}"
                );
                amiss += 1;
            }
        }
    }
    assert!(amiss >= 8, "{runs:?}");
}

/// All capabilities are there, and hold in a user namespace alone: that is what is said, and no capability is asked for.
fn a_user_namespace() {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", DOCTOR, "lo"]);
    let said = apart(|| run(&mut command));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(!said.stdout.contains("CAP_SYS_PTRACE"), "{said:?}");
    assert!(!said.stdout.contains("may do all"), "{said:?}");
    assert_eq!(mark(&said.stdout, "program"), '\u{2717}', "{said:?}");
    assert_eq!(mark(&said.stdout, "privilege"), '-', "{said:?}");
    let remedy = "run it as root of the host, outside of that";
    assert!(said.stdout.contains(remedy), "{said:?}");
}

/// Names in the BPF file system that a trial may have made.
fn trials() -> BTreeSet<String> {
    let entries = fs::read_dir("/sys/fs/bpf").into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .filter(|name| name.starts_with("mermin-trial"))
        .collect()
}

/// At the hooks of its namespace, and where pins would be. Programs that it loads go with the process.
fn nothing_is_left_behind() {
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
