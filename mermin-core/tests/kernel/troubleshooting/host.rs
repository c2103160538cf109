//! Features that a kernel or a host lacks.

use std::{fs, process::Command};

use mermin_core::{
    Attach,
    lab::{Fault, with_fault},
    report::{CheckKind, Outcome},
};
use rustix::process::{Resource, Rlimit, setrlimit};

use super::{CONTAINER, Symptom, by_tcx, open, page, preflight, row, words};
use crate::support::{
    attached,
    child_process::{ChildProcess, Task},
    host::{Host, Pair},
    raw::{self, Deed},
    wait::until,
    watch::on,
};

pub(super) const ROWS: &[Symptom] = &[
    row!("`5.14 or newer is needed`", symptom_old_kernel),
    row!(
        "`cannot load the kernel program: the verifier says`",
        symptom_verifier
    ),
    row!(
        "`the verifier is interrupted each time`",
        symptom_interrupted
    ),
    row!("`no file descriptor is left`", symptom_descriptors),
    row!("`cannot create maps for`", symptom_maps),
    row!("`tcx: the kernel refuses TCX`", symptom_no_tcx),
    by_tcx(row!(
        "`a hook has no room for another TCX program`",
        symptom_full_hook
    )),
    row!(
        "`the kernel does not offer MEMBARRIER_CMD_GLOBAL`",
        symptom_membarrier
    ),
    row!("`/sys/kernel/btf/vmlinux` `cannot be opened`", symptom_btf),
    row!(
        "`process: the root of the unified hierarchy of control groups is not visible`",
        symptom_no_hierarchy
    ),
    row!(
        "`process: who opens a socket cannot be noted`",
        symptom_no_openers
    ),
    row!("`names of other programs cannot be read`", symptom_names),
    row!(
        "`interfaces are not those of process 1`",
        symptom_other_namespace
    ),
];

crate::cases! {
    case preflight_finds_all,
}

pub(super) const TASKS: &[Task] = &[
    ("few-descriptors", few_descriptors),
    ("ask-elsewhere", ask_elsewhere),
];

/// On a host that lacks nothing, and nothing is left behind.
fn preflight_finds_all() {
    let pair = Pair::new();
    let report = pair.near.run(|| preflight(&on("v0")));
    assert!(report.can_capture(), "{report:#?}");
    let check = |subject| {
        let found = report.checks.iter().find(|check| check.subject == subject);
        found.unwrap_or_else(|| panic!("{subject:?} was not tried: {report:#?}"))
    };
    for subject in [
        CheckKind::Kernel,
        CheckKind::Program,
        CheckKind::Tc,
        CheckKind::Memory,
    ] {
        assert_eq!(check(subject).outcome, Outcome::Passed, "{report:#?}");
    }
    // Root has every capability, and some hosts hide process 1 from it all the same.
    let hidden = fs::metadata("/proc/1/ns/net").is_err();
    let privileged = check(CheckKind::Privilege).outcome;
    assert_eq!(
        privileged,
        if hidden {
            Outcome::Failed
        } else {
            Outcome::Passed
        }
    );
    assert_eq!(check(CheckKind::Interfaces).found, "v0");
    assert_eq!(attached::at(&pair.near, "v0"), "");
}

/// uname(2) answers as on that kernel. `open` and `preflight` are refused alike.
fn symptom_old_kernel() -> String {
    let host = Host::new();
    let said = host.run(|| {
        raw::pretend_old_kernel().unwrap();
        let report = preflight(&on("lo"));
        assert!(!report.can_capture(), "{report:#?}");
        [words(&report), open(on("lo"))]
    });
    let [preflight_text, opened] = &said;
    let sentence = "cannot capture on Linux 2.6.";
    assert!(
        preflight_text.contains(sentence) && opened.starts_with(sentence),
        "{said:?}"
    );
    opened.clone()
}

/// The kernel program as it is, but none of its functions has an end.
fn symptom_verifier() -> String {
    const EXIT: [u8; 8] = [0x95, 0, 0, 0, 0, 0, 0, 0];
    const MOVE: [u8; 8] = [0xbf, 0xa0, 0, 0, 0, 0, 0, 0];
    let mut object = mermin_bpf::OBJECT.to_vec();
    for octets in object.chunks_exact_mut(8).filter(|octets| **octets == EXIT) {
        octets.copy_from_slice(&MOVE);
    }
    Host::new().run(|| open(with_fault(on("lo"), Fault::Object(object.leak()))))
}

/// By stops: other signals wait while the verifier works. Where one comes too late and the source opens, it is tried again.
fn symptom_interrupted() -> String {
    let host = Host::new();
    let said = until("the verifier to be interrupted each time", || {
        let mut preflight_text = host.run(|| ChildProcess::start("open lo"));
        preflight_text.stop_and_continue();
        Some(preflight_text.rest()).filter(|said| said != "\n")
    });
    // It would be interrupted as often if it were preflight_text for its reasons.
    assert!(!said.contains("the verifier says"), "{said}");
    said
}

/// The limit is the process's.
fn few_descriptors(_: &str) -> String {
    let limit = Some(16);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit,
            maximum: limit,
        },
    )
    .unwrap();
    open(on("lo"))
}

fn symptom_descriptors() -> String {
    Host::new().run(|| ChildProcess::start("few-descriptors").rest())
}

/// The kernel's answer when the control group's memory is used up. To use it up would have the kernel kill processes.
fn symptom_maps() -> String {
    const BPF_MAP_CREATE: u32 = 0;
    let said = Host::new().run(|| {
        raw::refuse_bpf(BPF_MAP_CREATE, libc::ENOMEM).unwrap();
        open(on("lo"))
    });
    assert!(said.contains("lower `max_flows`"), "{said}");
    said
}

/// Programs are attached as filters; `preflight` says so too.
fn symptom_no_tcx() -> String {
    const BPF_LINK_CREATE: u32 = 28;
    let pair = Pair::new();
    let preflight_text = pair.near.run(|| {
        raw::refuse_bpf(BPF_LINK_CREATE, libc::EINVAL).unwrap();
        let options = on("v0").attach(Attach::Auto);
        let (preflight_text, opened) = (preflight(&options), open(options.clone()));
        let strict = open(options.strict(true));
        assert!(strict.contains("the kernel refuses TCX"), "{strict}");
        assert_eq!(preflight_text.to_string(), opened);
        opened
    });
    assert!(page::has("Run Linux 6.6 or newer"));
    preflight_text
}

fn symptom_full_hook() -> String {
    let pair = Pair::new();
    let index = pair.near.index("v0");
    pair.near.run(|| {
        let program = || raw::load("other", Deed::Pass).unwrap();
        let attach = |_| raw::attach_tcx(&program(), index).ok();
        // More than any hook takes.
        let others: Vec<_> = (0..100).map_while(attach).collect();
        assert_eq!(others.len(), 63);
        let said = open(on("v0"));
        drop(others);
        said
    })
}

fn symptom_membarrier() -> String {
    Host::new().run(|| {
        raw::deny(libc::SYS_membarrier).unwrap();
        let (preflight_text, opened) = (preflight(&on("lo")), open(on("lo")));
        assert_eq!(preflight_text.to_string(), opened);
        let strict = open(on("lo").strict(true));
        assert!(
            strict.starts_with("cannot open without giving something up: membarrier: "),
            "{strict}"
        );
        opened
    })
}

/// Shows this thread, and those that it starts, these directories as empty ones.
fn hide(directories: &[&str]) {
    raw::unshare_mounts().unwrap();
    run("mount --make-rprivate /");
    for directory in directories {
        run(&format!("mount -t tmpfs none {directory}"));
    }
}

fn run(line: &str) {
    let mut words = line.split(' ');
    let status = Command::new(words.next().unwrap()).args(words).status();
    assert!(status.unwrap().success(), "{line}");
}

/// By the mounts of this process, and by those of process 1.
fn symptom_no_hierarchy() -> String {
    Host::new().run(|| {
        hide(&["/proc/1"]);
        let mounts = fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
        for line in mounts.lines().filter(|line| line.contains(" - cgroup2 ")) {
            run(&format!("umount {}", line.split(' ').nth(4).unwrap()));
        }
        openers_are_given_up()
    })
}

fn symptom_no_openers() -> String {
    Host::new().run(|| {
        hide(&["/sys/kernel"]);
        openers_are_given_up()
    })
}

/// Preflight and opening say the same, and flows are captured.
fn openers_are_given_up() -> String {
    let options = || on("lo").process(true);
    let (preflight_text, opened) = (preflight(&options()), open(options()));
    assert!(preflight_text.can_capture(), "{preflight_text:#?}");
    assert_eq!(preflight_text.to_string(), opened);
    opened
}

fn symptom_btf() -> String {
    Host::new().run(|| {
        hide(&["/sys/kernel"]);
        assert!(fs::exists("/sys/kernel").unwrap());
        let report = preflight(&on("lo"));
        assert!(report.can_capture(), "{report:#?}");
        words(&report)
    })
}

fn symptom_names() -> String {
    let host = Host::new();
    let capabilities = super::privilege::needed();
    super::privilege::ask(&host, capabilities, "preflight lo").rest()
}

/// In a network namespace that the process's first thread is not in.
fn ask_elsewhere(_: &str) -> String {
    Host::new().run(|| words(&preflight(&on("lo"))))
}

fn symptom_other_namespace() -> String {
    let said = ChildProcess::start_by(&CONTAINER, "ask-elsewhere").rest();
    assert!(said.ends_with("can capture\n"), "{said}");
    said
}
