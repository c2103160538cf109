//! A capability is missing, or a call is refused in spite of it.

use std::io::{BufRead, stdin};

use mermin_core::{NetNs, Pinning};
use rustix::thread::CapabilitySet;

use super::{CONTAINER, Symptom, by_tcx, open, page, preflight, row, words};
use crate::support::{
    attached,
    child_process::{ChildProcess, Task, print_line},
    host::{Host, Pair},
    raw,
    rights::become_nobody,
    traffic::{address, udp_dialogue},
    wait::{LONGEST, within},
    watch::{Watch, on},
};
use crate::{nat::passed_without_net_admin, restart::instance_name};

pub(super) const ROWS: &[Symptom] = &[
    row!(
        "`cannot load the kernel program: permission denied`",
        symptom_capability
    ),
    row!(
        "the same, with the remedy `a seccomp profile or a security module denies bpf(2)`",
        symptom_seccomp
    ),
    row!(
        "`the capabilities hold in a user namespace alone`",
        symptom_user_namespace
    ),
    row!("`cannot enter the network namespace`", symptom_namespace),
    row!("`process 1 is not the host's`", symptom_host_pid),
    row!(
        "`no network namespace can be made to try it in`",
        symptom_trial
    ),
    row!(
        "`the network namespace of process 1 cannot be seen`",
        symptom_process_1
    ),
    row!("`process: CAP_SYS_PTRACE is missing`", symptom_no_ptrace),
    row!(
        "`process: CAP_DAC_READ_SEARCH is missing`",
        symptom_no_search
    ),
    row!("`process: CAP_SYS_ADMIN is missing`", symptom_no_admin),
    row!(
        "`process: this process is in a PID namespace of its own`",
        symptom_own_processes
    ),
    by_tcx(row!(
        "`nat: CAP_NET_ADMIN is missing`",
        symptom_no_translations
    )),
];

pub(super) const TASKS: &[Task] = &[
    ("preflight", |interface| words(&preflight(&on(interface)))),
    ("open", |interface| open(on(interface))),
    ("look-up", |interface| open(on(interface).process(true))),
    ("enter", |path| {
        open(on("lo").netns(NetNs::Path(path.into())))
    }),
    ("enter-host", |_| open(on("lo").netns(NetNs::Host))),
    ("enter-host-as-nobody", |capabilities| {
        let capabilities = CapabilitySet::from_bits(capabilities.parse().unwrap());
        Host::new().run(|| {
            become_nobody(capabilities.unwrap());
            open(on("v0").netns(NetNs::Host))
        })
    }),
    ("capture", capture),
];

crate::cases! {
    case captures_as_unprivileged_user_with_capabilities,
    case hosts_namespace_takes_two_capabilities,
}

const NEEDED: [(CapabilitySet, &str); 3] = [
    (CapabilitySet::NET_ADMIN, "CAP_NET_ADMIN"),
    (CapabilitySet::BPF, "CAP_BPF"),
    (CapabilitySet::PERFMON, "CAP_PERFMON"),
];

pub(super) fn needed() -> CapabilitySet {
    NEEDED.iter().map(|(capability, _)| *capability).collect()
}

/// Runs `preflight` in a host, as user `nobody` with only these capabilities.
pub(super) fn ask(host: &Host, capabilities: CapabilitySet, task: &str) -> ChildProcess {
    host.run(|| {
        become_nobody(capabilities);
        ChildProcess::start(task)
    })
}

/// Each alone is missed by a trial and by opening, and named alone.
fn symptom_capability() -> String {
    let host = Host::new();
    let mut said = String::new();
    for (missing, name) in NEEDED {
        for task in ["preflight lo", "open lo"] {
            said = ask(&host, needed() - missing, task).rest();
            // The verifier's log names no capability, in hundreds of lines before the remedy.
            assert!(said.lines().count() < 30, "{task}: {said}");
            for (_, other) in NEEDED {
                assert_eq!(said.contains(other), other == name, "{task}: {said}");
                assert!(page::has(other));
            }
        }
    }
    let none = ask(&host, CapabilitySet::empty(), "preflight lo").rest();
    assert!(NEEDED.iter().all(|(_, name)| none.contains(name)), "{none}");
    assert!(none.ends_with("cannot capture\n"), "{none}");
    said
}

fn symptom_seccomp() -> String {
    let child = Host::new().run(|| {
        raw::deny(libc::SYS_bpf).unwrap();
        ChildProcess::start("preflight lo")
    });
    let said = child.rest();
    assert!(
        said.contains("cannot load the kernel program: permission denied"),
        "{said}"
    );
    said
}

/// Root of a user namespace has every capability there, and the kernel asks for those of the host.
fn symptom_user_namespace() -> String {
    let apart = ["unshare", "--user", "--map-root-user"];
    let said = Host::new().run(|| ChildProcess::start_by(&apart, "preflight lo").rest());
    assert!(said.contains("- privilege: "), "{said}");
    assert!(!said.contains("CAP_"), "{said}");
    said
}

/// Of another process takes two capabilities, and each is named where it is missing.
fn symptom_namespace() -> String {
    let (host, other) = (Host::new(), Host::new());
    let living = other.run(|| ChildProcess::start("capture lo"));
    assert!(living.line().unwrap().starts_with("opened "));
    let path = format!("enter /proc/{}/ns/net", living.id());
    let (ptrace, admin) = (CapabilitySet::SYS_PTRACE, CapabilitySet::SYS_ADMIN);
    let mut said = String::new();
    for (given, names) in [
        (
            CapabilitySet::empty(),
            ["CAP_SYS_PTRACE", "CAP_SYS_ADMIN"].as_slice(),
        ),
        (admin, &["CAP_SYS_PTRACE"]),
        (ptrace, &["CAP_SYS_ADMIN"]),
    ] {
        said = ask(&host, needed() | given, &path).rest();
        for name in ["CAP_SYS_PTRACE", "CAP_SYS_ADMIN"] {
            assert_eq!(
                said.contains(name),
                names.contains(&name),
                "{given:?}: {said}"
            );
        }
    }
    let opened = ask(&host, needed() | ptrace | admin, &path).rest();
    assert_eq!(opened, "\n");
    living.rest();
    said
}

fn symptom_host_pid() -> String {
    ChildProcess::start_by(&CONTAINER, "enter-host").rest()
}

fn symptom_trial() -> String {
    let said = ask(&Host::new(), needed(), "preflight lo").rest();
    assert!(said.ends_with("can capture\n"), "{said}");
    assert!(
        said.contains("? tcx: ") && said.contains("? tc: "),
        "{said}"
    );
    said
}

fn symptom_process_1() -> String {
    let said = ask(&Host::new(), needed(), "preflight lo").rest();
    assert!(said.contains("? host namespace: "), "{said}");
    assert!(said.contains("CAP_SYS_PTRACE"), "{said}");
    said
}

fn symptom_no_ptrace() -> String {
    let capabilities = needed() | CapabilitySet::SYS_ADMIN;
    ask(&Host::new(), capabilities, "look-up lo").rest()
}

/// One that includes it will do.
fn symptom_no_search() -> String {
    let capabilities = needed() | CapabilitySet::SYS_PTRACE | CapabilitySet::SYS_ADMIN;
    for enough in [CapabilitySet::DAC_READ_SEARCH, CapabilitySet::DAC_OVERRIDE] {
        let said = ask(&Host::new(), capabilities | enough, "look-up lo").rest();
        assert!(!said.contains("process: "), "{said}");
    }
    ask(&Host::new(), capabilities, "look-up lo").rest()
}

fn symptom_no_admin() -> String {
    let capabilities = needed() | CapabilitySet::SYS_PTRACE;
    ask(&Host::new(), capabilities, "look-up lo").rest()
}

fn symptom_own_processes() -> String {
    let host = Host::new();
    host.run(|| ChildProcess::start_by(&CONTAINER, "look-up lo").rest())
}

/// A source that another process has opened attaches without the capability.
fn symptom_no_translations() -> String {
    let pair = Pair::new();
    let instance = instance_name();
    let watch = passed_without_net_admin(&pair, &instance);
    let said = watch.source.report().to_string();
    watch.shut();
    Pinning::instance(&instance).remove().unwrap();
    said
}

/// Of process 1: a shell of root's in a namespace with `v0`, seen by nobody from a namespace without. Each of the two
/// capabilities is named where it is missing; with both `v0` is watched.
fn hosts_namespace_takes_two_capabilities() {
    let pair = Pair::new();
    let (ptrace, admin) = (CapabilitySet::SYS_PTRACE, CapabilitySet::SYS_ADMIN);
    for given in [CapabilitySet::empty(), admin, ptrace, ptrace | admin] {
        let task = format!("enter-host-as-nobody {}", (needed() | given).bits());
        // With a command behind it the shell does not give its place away.
        let shell = ["sh", "-c", "\"$0\"; exit $?"];
        let said = pair
            .near
            .run(|| ChildProcess::start_by(&[&CONTAINER[..], &shell].concat(), &task).rest());
        for (capability, name) in [(ptrace, "CAP_SYS_PTRACE"), (admin, "CAP_SYS_ADMIN")] {
            let missing = !given.contains(capability);
            assert_eq!(said.contains(name), missing, "{given:?}: {said}");
        }
        assert_eq!(said == "\n", given == ptrace | admin, "{given:?}: {said}");
    }
}

/// Prints a line when it is open, and its counts when its input ends.
fn capture(interface: &str) -> String {
    let source = match within(LONGEST, on(interface).open()) {
        Some(Ok(source)) => source,
        other => return format!("{other:?}"),
    };
    let report = source.report();
    let ingress = report.interfaces[0].ingress.as_ref().unwrap();
    let names = ingress.programs.iter().map(|at| at.name.as_deref());
    let names: Vec<&str> = names.map(|name| name.unwrap_or("?")).collect();
    print_line(&format!("opened {names:?} {report}"));
    let watch = Watch::new(source);
    let _ = stdin().lock().read_line(&mut String::new());
    let outcome = watch.finish();
    let ignored = outcome.all_ignored();
    format!("{} {ignored} {}", outcome.flows.len(), outcome.packets)
}

/// Three capabilities without root suffice to count. The report names the price, and it is true: programs have no names.
fn captures_as_unprivileged_user_with_capabilities() {
    let pair = Pair::new();
    let said = ask(&pair.near, needed(), "preflight v0").rest();
    assert!(
        said.contains("names of other programs cannot be read"),
        "{said}"
    );
    let child = ask(&pair.near, needed(), "capture v0");
    let opened = child.line().unwrap();
    assert!(opened.starts_with("opened [\"?\""), "{opened}");
    assert!(opened.ends_with("] "), "{opened}");
    let [near, far] = ["10.0.0.1:40000", "10.0.0.2:53"].map(address);
    udp_dialogue(&pair, [near, far], 10, [10, 20]);
    assert_eq!(child.rest(), "1 0 20\n");
    assert_eq!(attached::at(&pair.near, "v0"), "");
}
