//! What is tried before anything is captured, on hosts that lack something; and the page that says what to do about it.

use std::fs;

use mermin_core::{
    Error, ErrorKind, FlowSourceBuilder, Pinning,
    report::{Answer, Fact, Feature, Report, Subject},
};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};

use crate::{
    Case, case,
    support::{
        attached,
        host::{Host, Pair},
        process, raw,
        skip::skip,
        wait::{LONGEST, within},
        watch::on,
    },
};

const PAGE: &str = include_str!("../../../docs/TROUBLESHOOTING.md");

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("preflight_finds_all", preflight_finds_all),
        case(
            "preflight_without_a_capability",
            preflight_without_a_capability,
        ),
        case("preflight_without_bpffs", preflight_without_bpffs),
        case("without_membarrier", without_membarrier),
        case("bpf_denied_by_seccomp", bpf_denied_by_seccomp),
        case("preflight_in_little_memory", preflight_in_little_memory),
    ]
}

/// The page must have what is said.
fn in_page(text: &str) {
    assert!(
        PAGE.contains(text),
        "docs/TROUBLESHOOTING.md lacks `{text}`"
    );
}

fn preflight(options: &FlowSourceBuilder) -> Report {
    within(LONGEST, options.preflight())
        .expect("preflight hangs")
        .unwrap()
}

fn fact(report: &Report, subject: Subject) -> &Fact {
    let found = report.facts.iter().find(|fact| fact.subject == subject);
    found.unwrap_or_else(|| panic!("{subject:?} was not tried: {report:#?}"))
}

fn preflight_finds_all() {
    let pair = Pair::new();
    let report = pair.near.run(|| preflight(&on("v0")));
    assert!(report.can_capture(), "{report:#?}");
    for subject in [
        Subject::Kernel,
        Subject::Program,
        Subject::Tc,
        Subject::Memory,
    ] {
        assert_eq!(fact(&report, subject).answer, Answer::Yes, "{report:#?}");
    }
    assert_eq!(fact(&report, Subject::Interfaces).found, "v0");
    assert_eq!(attached::at(&pair.near, "v0"), "");
    let report = pair.near.run(|| preflight(&on("v9")));
    assert!(!report.can_capture());
    let fact = fact(&report, Subject::Interfaces);
    assert_eq!(fact.found, "cannot find the interface `v9`");
    in_page("cannot find the interface");
}

/// Each capability alone is missed by a trial, and named alone.
fn preflight_without_a_capability() {
    let all = CapabilitySet::NET_ADMIN | CapabilitySet::BPF | CapabilitySet::PERFMON;
    for (missing, name) in [
        (CapabilitySet::NET_ADMIN, "CAP_NET_ADMIN"),
        (CapabilitySet::BPF, "CAP_BPF"),
        (CapabilitySet::PERFMON, "CAP_PERFMON"),
    ] {
        let report = with_capabilities(all & !missing);
        assert!(!report.can_capture(), "{report:#?}");
        let program = fact(&report, Subject::Program);
        in_page("cannot load the kernel program: permission denied");
        assert!(
            program
                .found
                .starts_with("cannot load the kernel program: permission denied"),
            "{program:?}"
        );
        let remedy = program.remedy.as_deref().unwrap();
        for other in ["CAP_NET_ADMIN", "CAP_BPF", "CAP_PERFMON"] {
            assert_eq!(remedy.contains(other), other == name, "{remedy}");
            in_page(other);
        }
    }
    // Without CAP_SYS_ADMIN there is no namespace to try attaching in.
    let report = with_capabilities(all);
    assert!(report.can_capture(), "{report:#?}");
    assert_eq!(fact(&report, Subject::Tcx).answer, Answer::Unknown);
}

fn with_capabilities(capabilities: CapabilitySet) -> Report {
    Host::new().run(|| {
        let sets = CapabilitySets {
            effective: capabilities,
            permitted: capabilities,
            inheritable: CapabilitySet::empty(),
        };
        set_capabilities(None, sets).unwrap();
        preflight(&on("lo"))
    })
}

fn preflight_without_bpffs() {
    let pinned = on("lo").pinning(Pinning::instance("diagnosis"));
    let report = Host::new().run(|| {
        if let Err(error) = raw::without_mount(c"/sys/fs/bpf") {
            skip(format!("no BPF file system can be taken away: {error}"));
        }
        preflight(&pinned)
    });
    let found = fact(&report, Subject::Bpffs);
    assert_eq!(found.answer, Answer::No);
    in_page("is no BPF file system");
    assert_eq!(
        found.found,
        "what is at `/sys/fs/bpf` is no BPF file system"
    );
    let remedy = found.remedy.as_deref().unwrap();
    assert!(
        remedy.contains("`mount -t bpf bpf /sys/fs/bpf`"),
        "{remedy}"
    );
    assert!(report.can_capture());
    assert_eq!(report.degradations[0].feature, Feature::Pinning);
}

/// It is captured all the same and said; who is strict is refused.
fn without_membarrier() {
    let open = |options: FlowSourceBuilder| -> Result<Report, Error> {
        Host::new().run(|| {
            raw::deny(libc::SYS_membarrier).unwrap();
            assert_eq!(
                fact(&preflight(&options), Subject::Membarrier).answer,
                Answer::No
            );
            let source = within(LONGEST, options.open()).expect("opening hangs")?;
            Ok(source.report())
        })
    };
    let report = open(on("lo")).unwrap();
    assert_eq!(report.degradations[0].feature, Feature::Membarrier);
    in_page("the kernel does not offer MEMBARRIER_CMD_GLOBAL");
    assert!(
        report
            .to_string()
            .contains("the kernel does not offer MEMBARRIER_CMD_GLOBAL")
    );
    let error = open(on("lo").strict(true)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("membarrier"), "{error}");
}

/// What looks like a missing capability is told apart.
fn bpf_denied_by_seccomp() {
    let report = Host::new().run(|| {
        raw::deny(libc::SYS_bpf).unwrap();
        preflight(&on("lo"))
    });
    let remedy = fact(&report, Subject::Program).remedy.as_deref().unwrap();
    let text = "a seccomp profile or a security module denies bpf(2)";
    assert!(remedy.contains(text), "{remedy}");
    in_page(text);
}

/// Version 1; version 2 is read by the same code from other files.
fn preflight_in_little_memory() {
    process::alone("preflight_in_little_memory", || {
        let group = format!("/sys/fs/cgroup/memory/mermin-test-{}", std::process::id());
        if let Err(error) = fs::create_dir(&group) {
            skip(format!("no control group for memory can be made: {error}"));
        }
        let parent = fs::write(format!("{group}/memory.limit_in_bytes"), "134217728")
            .and_then(|()| fs::write(format!("{group}/cgroup.procs"), "0"));
        let report = parent.map(|()| Host::new().run(|| preflight(&on("lo").max_flows(1 << 20))));
        // A group can be removed when nobody is in it.
        let _ = fs::write("/sys/fs/cgroup/memory/cgroup.procs", "0");
        fs::remove_dir(&group).unwrap();
        let report = report.unwrap();
        let found = fact(&report, Subject::Memory);
        assert_eq!(found.answer, Answer::No, "{found:?}");
        assert!(
            found.found.contains("of the control group's 128 MB only"),
            "{found:?}"
        );
        in_page("of the control group's");
        assert!(!report.can_capture());
    });
}
