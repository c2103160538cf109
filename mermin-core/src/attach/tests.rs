//! Tests that really attach. Each has a network namespace of its own, with a pair of veth interfaces.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, OwnedFd},
    process::Command,
    thread,
    time::Duration,
};

use mermin_bpf::abi::ledger::HookDirection::{self, Egress, Ingress};

use super::{Attach, AttachOptions, Attached, Hooks, Programs};
use crate::{
    error::ErrorKind,
    iface::{self, Interface, LinkLayer},
    report::{HookPosition, HookProgram, Mechanism},
    sys::{bpf_link::identify, bpf_load::trial::load_pass, netns},
};

const FIRST: Attach = Attach::Tc;

fn at_priority(priority: u16) -> AttachOptions {
    AttachOptions {
        mode: Attach::Tc,
        tc_priority: Some(priority),
        ..AttachOptions::default()
    }
}

/// The environment of a test.
struct Bench {
    hooks: Hooks,
    interface: Interface,
}

/// Programs of one source.
struct Loaded {
    ingress: OwnedFd,
    egress: OwnedFd,
}

impl Loaded {
    fn new() -> Self {
        Self::try_new().unwrap()
    }

    fn try_new() -> io::Result<Self> {
        Ok(Self {
            ingress: load_pass("mermin_ingress")?,
            egress: load_pass("mermin_egress")?,
        })
    }
}

impl Bench {
    fn new() -> Self {
        run("ip", "link add v0 type veth peer name v1");
        run("ip", "link set v0 up");
        let hooks = Hooks::open().unwrap();
        let links = iface::list::links(hooks.netlink()).unwrap();
        let interface = links.into_iter().find(|link| link.name == "v0").unwrap();
        Self { hooks, interface }
    }

    fn attach(
        &self,
        options: impl Into<AttachOptions>,
        loaded: &Loaded,
        direction: HookDirection,
    ) -> Result<Attached, crate::Error> {
        let programs = Programs {
            ingress: loaded.ingress.as_fd(),
            egress: loaded.egress.as_fd(),
        };
        self.hooks
            .attach(&options.into(), programs, &self.interface, direction)
    }

    fn programs(&self, direction: HookDirection) -> Vec<HookProgram> {
        self.hooks.programs(&self.interface, direction).unwrap()
    }

    fn assert_bare(&self) {
        assert_eq!(self.programs(Ingress), []);
        assert_eq!(self.programs(Egress), []);
        assert_eq!(qdiscs().trim(), "qdisc noqueue 0: root refcnt 2");
    }
}

/// Runs a test in a thread with a network namespace of its own, or prints why it cannot.
fn isolated(test: impl FnOnce(Bench) + Send + 'static) {
    let thread = thread::spawn(move || {
        if let Err(error) = netns::enter_new().and_then(|()| Loaded::try_new().map(drop)) {
            eprintln!("skipped: cannot make a network namespace and load a program: {error}");
            assert!(
                std::env::var_os("MERMIN_REQUIRE_KERNEL").is_none(),
                "MERMIN_REQUIRE_KERNEL is set"
            );
            return;
        }
        test(Bench::new());
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

fn run(program: &str, arguments: &str) -> String {
    let output = Command::new(program)
        .args(arguments.split(' '))
        .output()
        .unwrap();
    assert!(output.status.success(), "{program} {arguments}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn qdiscs() -> String {
    run("tc", "qdisc show dev v0")
}

fn names(programs: &[HookProgram]) -> Vec<&str> {
    programs
        .iter()
        .map(|occupant| occupant.name.as_deref().unwrap_or(""))
        .collect()
}

#[test]
fn interfaces_are_listed_with_what_made_them() {
    isolated(|bench| {
        let Interface {
            kind,
            link,
            mac,
            up,
            ..
        } = &bench.interface;
        assert_eq!(
            (kind.as_deref(), *link, *up),
            (Some("veth"), LinkLayer::Ethernet, true)
        );
        let address = mac.unwrap().map(|octet| format!("{octet:02x}")).join(":");
        assert!(run("ip", "link show v0").contains(&address));
        if Command::new("ip")
            .args(["tuntap", "add", "t0", "mode", "tun"])
            .status()
            .unwrap()
            .success()
        {
            let links = iface::list::links(bench.hooks.netlink()).unwrap();
            let tun = links.iter().find(|link| link.name == "t0").unwrap();
            assert_eq!((tun.link, tun.mac, tun.up), (LinkLayer::Ip, None, false));
        }
    });
}

#[test]
fn thousands_of_interfaces_are_listed_whole() {
    isolated(|bench| {
        let script: Vec<String> = (0..1000)
            .map(|n| format!("link add w{n} type veth peer name x{n}"))
            .collect();
        let path = std::env::temp_dir().join(format!("mermin-links-{}", std::process::id()));
        std::fs::write(&path, script.join("\n")).unwrap();
        run("ip", &format!("-batch {}", path.display()));
        std::fs::remove_file(path).unwrap();
        let links = iface::list::links(bench.hooks.netlink()).unwrap();
        assert_eq!(links.len(), 2003);
        assert!(links.is_sorted_by(|left, right| left.index < right.index));
    });
}

#[test]
fn auto_uses_tcx_and_detaches_completely() {
    isolated(|bench| {
        let loaded = Loaded::new();
        let ingress = bench.attach(Attach::Auto, &loaded, Ingress).unwrap();
        if let Some(refusal) = ingress.tcx_refusal() {
            assert_eq!(ingress.mechanism(), Mechanism::Tc { priority: 1 });
            eprintln!("skipped: this kernel has no TCX: {refusal}");
            return;
        }
        assert_eq!(ingress.mechanism(), Mechanism::Tcx);
        assert!(!qdiscs().contains("clsact"));
        let egress = bench.attach(Attach::Tcx, &loaded, Egress).unwrap();
        let there = bench.programs(Egress);
        assert_eq!(names(&there), ["mermin_egress"]);
        assert!(matches!(
            there[0].position,
            HookPosition::Tcx {
                position: 0,
                link: 1..
            }
        ));
        ingress.detach().unwrap();
        assert_eq!(bench.programs(Ingress), []);
        drop(egress);
        bench.assert_bare();
    });
}

#[test]
fn later_tcx_program_stands_before_an_earlier_one() {
    isolated(|bench| {
        let (early, late) = (Loaded::new(), Loaded::new());
        let Ok(first) = bench.attach(Attach::Tcx, &early, Ingress) else {
            return eprintln!("skipped: this kernel has no TCX");
        };
        let second = bench.attach(Attach::Tcx, &late, Ingress).unwrap();
        let there = bench.programs(Ingress);
        assert_eq!(there.len(), 2);
        second.detach().unwrap();
        assert_eq!(bench.programs(Ingress)[0].program, there[1].program);
        first.detach().unwrap();
        bench.assert_bare();
    });
}

#[test]
fn tc_filter_is_used_if_tcx_is_full() {
    isolated(|bench| {
        let loaded: Vec<Loaded> = (0..65).map(|_| Loaded::new()).collect();
        let full: Result<Vec<Attached>, crate::Error> = loaded[..64]
            .iter()
            .map(|loaded| bench.attach(Attach::Tcx, loaded, Egress))
            .collect();
        let Ok(full) = full else {
            return eprintln!("skipped: this kernel has no TCX");
        };
        let error = bench.attach(Attach::Tcx, &loaded[64], Egress).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Exhausted);
        let attached = bench.attach(Attach::Auto, &loaded[64], Egress).unwrap();
        assert_eq!(attached.mechanism(), Mechanism::Tc { priority: 1 });
        let refusal = attached.tcx_refusal().unwrap();
        assert_eq!(refusal.raw_os_error(), Some(libc::ERANGE));
        let there = bench.programs(Egress);
        assert_eq!(there.len(), 65);
        assert_eq!(names(&there)[64], "mermin_egress+clsact");
        attached.detach().unwrap();
        drop(full);
        bench.assert_bare();
    });
}

#[test]
fn tc_detach_leaves_nothing() {
    isolated(|bench| {
        let loaded = Loaded::new();
        let ingress = bench.attach(at_priority(7), &loaded, Ingress).unwrap();
        let egress = bench.attach(at_priority(7), &loaded, Egress).unwrap();
        assert_eq!(ingress.mechanism(), Mechanism::Tc { priority: 7 });
        let shown = run("tc", "filter show dev v0 egress");
        assert!(
            shown.contains(
                "protocol all pref 7 bpf chain 0 handle 0x1 mermin_egress+clsact direct-action"
            ),
            "{shown}"
        );
        assert!(run("tc", "filter show dev v0 ingress").contains("mermin_ingress+clsact"));
        ingress.detach().unwrap();
        assert_eq!(bench.programs(Ingress), []);
        assert!(qdiscs().contains("clsact"));
        drop(egress);
        bench.assert_bare();
    });
}

#[test]
fn last_source_removes_the_shared_qdisc() {
    isolated(|bench| {
        let (one, other) = (Loaded::new(), Loaded::new());
        let maker = bench.attach(FIRST, &one, Ingress).unwrap();
        // Another source has its own sockets, and no state of the first.
        let hooks = Hooks::open().unwrap();
        let guest = Bench {
            hooks,
            interface: bench.interface.clone(),
        };
        let later = guest.attach(FIRST, &other, Ingress).unwrap();
        let there = bench.programs(Ingress);
        assert_eq!(
            names(&there),
            ["mermin_ingress+clsact", "mermin_ingress+clsact"]
        );
        maker.detach().unwrap();
        let left = bench.programs(Ingress);
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].program, there[0].program);
        later.detach().unwrap();
        bench.assert_bare();
    });
}

#[test]
fn existing_qdisc_stays() {
    isolated(|bench| {
        run("tc", "qdisc add dev v0 clsact");
        let loaded = Loaded::new();
        let attached = bench.attach(FIRST, &loaded, Egress).unwrap();
        assert_eq!(names(&bench.programs(Egress)), ["mermin_egress"]);
        attached.detach().unwrap();
        assert_eq!(bench.programs(Egress), []);
        assert!(qdiscs().contains("clsact"));
    });
}

#[test]
fn foreign_filter_survives_on_our_qdisc() {
    isolated(|bench| {
        let loaded = Loaded::new();
        let attached = bench.attach(FIRST, &loaded, Ingress).unwrap();
        run(
            "tc",
            "filter add dev v0 egress pref 1 protocol all u32 match u32 0 0",
        );
        attached.detach().unwrap();
        assert_eq!(bench.programs(Ingress), []);
        assert!(run("tc", "filter show dev v0 egress").contains("u32"));
    });
}

#[test]
fn filter_of_another_kind_at_our_priority_is_named() {
    isolated(|bench| {
        run("tc", "qdisc add dev v0 clsact");
        run(
            "tc",
            "filter add dev v0 ingress pref 1 protocol all u32 match u32 0 0",
        );
        let loaded = Loaded::new();
        let error = bench.attach(FIRST, &loaded, Ingress).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot attach by tc to the ingress of `v0` at priority 1: a `u32` filter has it"
        );
        assert!(error.remedy().unwrap().contains("priority 2"), "{error:?}");
        let second = bench.attach(at_priority(2), &loaded, Ingress).unwrap();
        second.detach().unwrap();
        assert!(run("tc", "filter show dev v0 ingress").contains("u32"));
    });
}

#[test]
fn filter_for_another_protocol_at_our_priority_is_named() {
    isolated(|bench| {
        run("tc", "qdisc add dev v0 clsact");
        run(
            "tc",
            "filter add dev v0 egress pref 4 protocol ip u32 match u32 0 0",
        );
        let error = bench
            .attach(at_priority(4), &Loaded::new(), Egress)
            .unwrap_err();
        assert!(
            error
                .to_string()
                .contains("a `u32` filter for protocol 0x0800 has it"),
            "{error:?}"
        );
    });
}

#[test]
fn ingress_qdisc_carries_ingress_alone() {
    isolated(|bench| {
        run("tc", "qdisc add dev v0 ingress");
        let loaded = Loaded::new();
        let ingress = bench.attach(FIRST, &loaded, Ingress).unwrap();
        assert_eq!(names(&bench.programs(Ingress)), ["mermin_ingress"]);
        let error = bench.attach(FIRST, &loaded, Egress).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(
            error
                .remedy()
                .unwrap()
                .contains("tc qdisc del dev v0 ingress")
        );
        ingress.detach().unwrap();
        assert_eq!(bench.programs(Ingress), []);
        assert!(qdiscs().contains("qdisc ingress"));
    });
}

#[test]
fn removed_interface_removes_its_programs_without_error() {
    isolated(|bench| {
        let loaded = Loaded::new();
        let auto = bench.attach(Attach::Auto, &loaded, Ingress).unwrap();
        let ingress = bench.attach(FIRST, &loaded, Ingress).unwrap();
        let egress = bench.attach(FIRST, &loaded, Egress).unwrap();
        run("ip", "link del v0");
        auto.detach().unwrap();
        ingress.detach().unwrap();
        drop(egress);
        for mode in [Attach::Tcx, FIRST, Attach::Auto] {
            let error = bench.attach(mode, &loaded, Ingress).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NoInterface, "{error:?}");
        }
    });
}

#[test]
fn replaced_qdisc_is_left_alone() {
    isolated(|bench| {
        let attached = bench.attach(FIRST, &Loaded::new(), Ingress).unwrap();
        run("tc", "qdisc del dev v0 clsact");
        run("tc", "qdisc add dev v0 clsact");
        attached.detach().unwrap();
        assert!(qdiscs().contains("clsact"));
    });
}

#[test]
fn foreign_filter_with_our_handle_is_left_alone() {
    isolated(|bench| {
        let (ours, others) = (Loaded::new(), Loaded::new());
        let attached = bench.attach(FIRST, &ours, Ingress).unwrap();
        let guard = bench.attach(FIRST, &others, Egress).unwrap();
        run("tc", "filter del dev v0 ingress pref 1 handle 1 bpf");
        let heir = bench.attach(FIRST, &others, Ingress).unwrap();
        let there = bench.programs(Ingress);
        assert!(matches!(
            there[0].position,
            HookPosition::Tc {
                priority: 1,
                handle: 1
            }
        ));
        attached.detach().unwrap();
        assert_eq!(bench.programs(Ingress), there);
        heir.detach().unwrap();
        guard.detach().unwrap();
        bench.assert_bare();
    });
}

#[test]
fn error_names_missing_capabilities_of_a_process() {
    isolated(|bench| {
        let loaded = Loaded::new();
        let attached = bench.attach(FIRST, &loaded, Egress).unwrap();
        // Capabilities belong to the thread, and this thread ends with the test.
        let none = rustix::thread::CapabilitySet::empty();
        let sets = rustix::thread::CapabilitySets {
            effective: none,
            permitted: none,
            inheritable: none,
        };
        rustix::thread::set_capabilities(None, sets).unwrap();
        // TCX is not tested: Linux 6.18 attaches without capabilities, given the descriptor of a program.
        let error = bench.attach(FIRST, &loaded, Ingress).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
        assert!(error.remedy().unwrap().contains("CAP_NET_ADMIN"));
        let error = bench.hooks.programs(&bench.interface, Egress).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
        let error = attached.detach().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        let command = "tc filter del dev v0 egress pref 1 handle 0x1 bpf";
        assert!(error.remedy().unwrap().contains(command), "{error:?}");
    });
}

/// Attaches and detaches repeatedly. Returns how often its filter was missing while attached.
fn come_and_go(bench: &Bench) -> u32 {
    let loaded = Loaded::new();
    let id = identify(loaded.ingress.as_fd()).unwrap().id;
    let mut lost = 0;
    for _ in 0..500 {
        let attached = bench.attach(FIRST, &loaded, Ingress).unwrap();
        // The other thread must be able to detach meanwhile. Without the lock, one filter in a thousand is lost.
        thread::sleep(Duration::from_micros(100));
        let there = bench.programs(Ingress);
        lost += u32::from(there.iter().all(|at| at.program != Some(id)));
        attached.detach().unwrap();
    }
    lost
}

#[test]
fn concurrent_sources_do_not_disturb_each_other() {
    isolated(|bench| {
        let here = File::open("/proc/thread-self/ns/net").unwrap();
        let interface = bench.interface.clone();
        let other = thread::spawn(move || {
            netns::enter(here.as_fd()).unwrap();
            let hooks = Hooks::open().unwrap();
            come_and_go(&Bench { hooks, interface })
        });
        assert_eq!(come_and_go(&bench), 0);
        assert_eq!(other.join().unwrap(), 0);
        bench.assert_bare();
    });
}
