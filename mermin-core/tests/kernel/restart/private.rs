//! Filters of pinned instances, with and without their pins.

use std::{cell::Cell, thread};

use mermin_core::{Attach, FlowSource, Pinning, report::Orphan};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};

use super::{child::Orders, instance_name, unpinned};
use crate::support::{
    attached, frame,
    host::Pair,
    traffic::Injector,
    wait::{LONGEST, until_true, within},
    watch::{Watch, on, shut, try_open},
};

const TC: Attach = Attach::Tc;

crate::cases! {
    case pin_private_bpffs_leaves_orphans_that_are_removed,
    case pin_second_source_waits,
}

/// As in a container without the host's: the BPF file system goes with the process, and so do its pins.
fn pin_private_bpffs_leaves_orphans_that_are_removed() {
    let pair = Pair::new();
    let orders = Orders::new(&pair.near, "v0", &instance_name(), TC);
    let found = Cell::new(0);
    for _ in 0..3 {
        let began = thread::scope(|scope| {
            let start = || {
                unpinned::mount("/sys/fs/bpf".as_ref(), "mode=0700");
                orders.start()
            };
            scope.spawn(start).join()
        });
        let mut process = began.unwrap();
        let report = process.opened().report;
        found.set(found.get() + report.matches("this source has removed").count());
        process.kill();
        process.rest();
    }
    // The kernel unmounts it in its own time.
    until_true("bare hooks", || {
        let source = try_open(&pair.near, on("v0").attach(TC)).unwrap();
        found.set(found.get() + source.report().orphans.len());
        shut(source);
        attached::at(&pair.near, "v0").is_empty()
    });
    assert_eq!(found.get(), 6);
}

/// Pins that a source leaves for the next of its name, any other leaves alone.
fn pin_second_source_waits() {
    let pair = Pair::new();
    let name = instance_name();
    let options = || on("v0").attach(TC);
    let pinning = Pinning::instance(&name);
    let open = |pinning| try_open(&pair.near, options().pinning(pinning)).unwrap();
    let send = || Injector::new(&pair.near, "v0").send(&frame::numbered(1));
    shut(open(pinning.clone().persist(true)));
    send();
    let before = attached::at(&pair.near, "v0");
    // With a name of its own, and without.
    for options in [
        options(),
        options().pinning(Pinning::instance(instance_name())),
    ] {
        let source = try_open(&pair.near, options).unwrap();
        assert_eq!(source.report().to_string(), "");
        shut(source);
        assert_eq!(attached::at(&pair.near, "v0"), before);
    }
    let said = unseen(&pair);
    let orphans: Vec<_> = said.iter().map(|orphan| orphan.remedy.is_some()).collect();
    assert_eq!(orphans, [true; 2], "{said:?}");
    send();
    let watching = Watch::new(open(pinning));
    assert_eq!(watching.source.report().to_string(), "");
    send();
    // While its owner lives, the report has nothing about it.
    assert_eq!(unseen(&pair), []);
    assert_eq!(watching.drain().flows[0].forward.packets.total, 3);
    assert_eq!(attached::at(&pair.near, "v0"), "");
}

/// Orphans found by a source that cannot see programs of others.
fn unseen(pair: &Pair) -> Vec<Orphan> {
    let source = open_unseeing(pair);
    let orphans = source.report().orphans;
    shut(source);
    orphans
}

fn open_unseeing(pair: &Pair) -> FlowSource {
    let opened = pair.near.run(|| {
        drop_capabilities();
        within(LONGEST, on("v0").attach(TC).strict(true).open())
    });
    opened.expect("opening hangs").unwrap()
}

/// The calling thread has the capabilities for capturing, and no others.
fn drop_capabilities() {
    let capabilities = CapabilitySet::NET_ADMIN | CapabilitySet::BPF | CapabilitySet::PERFMON;
    let sets = CapabilitySets {
        effective: capabilities,
        permitted: capabilities,
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, sets).unwrap();
}

/// The report's words then.
pub(crate) fn said() -> String {
    let pair = Pair::new();
    let pinning = Pinning::instance(instance_name());
    let open = |pinning| try_open(&pair.near, on("v0").attach(TC).pinning(pinning)).unwrap();
    shut(open(pinning.clone().persist(true)));
    let source = open_unseeing(&pair);
    let said = source.report().to_string();
    shut(source);
    shut(open(pinning));
    said
}
