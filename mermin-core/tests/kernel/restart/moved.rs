//! Interfaces that were deleted or moved to another network namespace while the process was dead, and others that got their index.

use std::collections::BTreeMap;

use mermin_core::{
    Attach, Flow, Stats,
    filter::{Filter, Rule},
    lab::FailPoint,
};

use super::{
    child::{Message, Orders},
    left::Bench,
    pins,
};
use crate::support::{
    attached, frame,
    host::Host,
    raw,
    skip::skip,
    traffic::Injector,
    wait::LONGEST,
    watch::{Watch, on, shut, try_open},
};

crate::cases! {
    by_tcx pin_moved_interface_is_detached,
    each_mode pin_reused_index_is_another_interface,
    each_mode pin_kill_while_detaching_loses_nothing,
    each_mode pin_renamed_interface_stays_watched,
}

/// A host all of whose interfaces are watched.
fn bench(mode: Attach) -> Bench {
    Bench {
        options: on("v*").attach(mode),
        ..Bench::new(mode)
    }
}

/// Another interface, `v2`, gets the index that `v0` had.
fn replace(bench: &Bench, index: u32) {
    bench.pair.join_as(1, Some(index));
    assert_eq!(bench.pair.near.index("v2"), index);
}

fn watch(bench: &Bench) -> Watch {
    let options = bench.options.clone().pinning(bench.pinning());
    Watch::open(&bench.pair.near, options)
}

fn assert_bare(bench: &Bench, interface: &str) {
    assert_eq!(attached::at(&bench.pair.near, interface), "");
    assert!(!pins(&bench.instance).exists());
}

/// Packets of flow 1.
fn send(host: &Host, interface: &str, packets: u64) {
    let injector = Injector::new(host, interface);
    (0..packets).for_each(|_| injector.send(&frame::numbered(1)));
}

/// Packets by the interface of their records, in the order of the names.
fn packets_by_interface(flows: &[Flow]) -> Vec<(&str, u64)> {
    let packets = |flow: &Flow| flow.forward.packets.delta + flow.reverse.packets.delta;
    let mut sums = BTreeMap::new();
    for flow in flows {
        *sums.entry(&*flow.interface.name).or_default() += packets(flow);
    }
    sums.into_iter().collect()
}

/// Packets of the interfaces there are, by name, and of those that left.
fn counted(stats: &Stats) -> (Vec<(&str, u64)>, u64) {
    let there = stats.hooks.iter().filter(|hook| hook.traffic.packets != 0);
    let there = there.map(|hook| (&*hook.interface, hook.traffic.packets));
    let left = stats
        .removed_interfaces
        .iter()
        .map(|hook| hook.traffic.packets);
    (there.collect(), left.sum())
}

/// The link has the index that the interface has over there; packets that pass it there belong to no other interface.
fn pin_moved_interface_is_detached() {
    let bench = bench(Attach::Tcx);
    let index = bench.pair.near.index("v0");
    for (elsewhere, another) in [(false, true), (false, false), (true, true)] {
        bench.leave(3);
        let away = Host::new();
        away.set("ipv6/conf/default/disable_ipv6", "1");
        if elsewhere {
            // Taken over there, so that it gets another.
            away.shell(&format!(
                "ip link add v9 index {index} type veth peer name w9 index 90"
            ));
        }
        let path = away.path();
        bench
            .pair
            .near
            .shell(&format!("ip link set v0 netns {path}"));
        away.shell("ip link set v0 up");
        away.await_carrier("v0");
        assert_eq!(away.index("v0") == index, !elsewhere);
        if another {
            replace(&bench, index);
        } else {
            bench.pair.link("v4", "w4");
        }
        send(&away, "v0", 16);
        let watching = watch(&bench);
        let there = away.index("v0");
        assert_eq!(away.run(|| raw::tcx_programs(there)).unwrap(), 0);
        if another {
            send(&bench.pair.near, "v2", 12);
        }
        send(&away, "v0", 5);
        let handle = watching.handle.clone();
        let flows = watching.drain().flows;
        let stats = handle.stats();
        let own: &[_] = if another { &[("v2", 12)] } else { &[] };
        let (there, left) = counted(&stats);
        if elsewhere {
            // Counted under another index, which no interface has here.
            assert_eq!(packets_by_interface(&flows)[1..], [("v0", 3), ("v2", 12)]);
            assert_eq!((there[0], left), (own[0], 3), "{stats:#?}");
        } else {
            assert_eq!((there, left), (own.to_vec(), 19), "{stats:#?}");
            assert_eq!(
                packets_by_interface(&flows),
                [&[("v0", 19)], own].concat(),
                "{flows:#?}"
            );
        }
        // As it was, for the next time.
        let near = bench.pair.near.path();
        for name in ["v2", "v4"] {
            if bench.pair.near.has(name) {
                assert_bare(&bench, name);
                bench.pair.near.shell(&format!("ip link del {name}"));
            }
        }
        if elsewhere {
            return;
        }
        away.shell(&format!("ip link set v0 netns {near}"));
        bench.pair.near.shell("ip link set v0 up");
        bench.pair.near.await_carrier("v0");
    }
}

/// It got the index of another one there, and counted as that. The report's words on it.
pub(crate) fn renumbered() -> String {
    let bench = bench(Attach::Tcx);
    let near = &bench.pair.near;
    let index = near.index("v0");
    let away = Host::new();
    away.set("ipv6/conf/default/disable_ipv6", "1");
    // Its own index is taken there, and the kernel gives the one that follows the last it gave.
    away.shell(&format!(
        "ip link add v9 index {index} type veth peer name w9 index 90"
    ));
    away.shell("ip link add v7 type veth peer name w7");
    let next = away.index("v7").max(away.index("w7")) + 1;
    bench.pair.join_as(1, Some(next));
    bench.leave(3);
    near.shell(&format!("ip link set v0 netns {}", away.path()));
    let given = away.index("v0");
    if given != next {
        skip(format!("it got the index {given}, and not {next}"));
    }
    let open = || {
        let options = bench.options.clone().pinning(bench.pinning());
        try_open(near, options).unwrap()
    };
    let source = open();
    let said = source.report().to_string();
    assert!(
        said.contains("`v0` was moved") && said.contains("`v2` has here"),
        "{said}"
    );
    shut(source);
    let source = open();
    assert_eq!(source.report().to_string(), "");
    shut(source);
    said
}

/// Deleted, and another made with its index: packets of the same ends are in another flow, under another name.
fn pin_reused_index_is_another_interface(mode: Attach) {
    let bench = bench(mode);
    let index = bench.pair.near.index("v0");
    bench.leave(3);
    bench.pair.near.shell("ip link del v0");
    replace(&bench, index);
    send(&bench.pair.near, "v2", 2);
    let watching = watch(&bench);
    let handle = watching.handle.clone();
    send(&bench.pair.near, "v2", 12);
    assert_eq!(counted(&handle.stats()), (vec![("v2", 12)], 3));
    let flows = watching.drain().flows;
    assert_eq!(
        packets_by_interface(&flows),
        [("v0", 3), ("v2", 12)],
        "{flows:#?}"
    );
    assert_eq!(counted(&handle.stats()), (vec![("v2", 12)], 3));
    assert_bare(&bench, "v2");

    // Unwanted packets are in no ledger of the interface that came.
    let mut filter = Filter::default();
    filter.source.address =
        Rule::not_matching([frame::source(1).ip().to_string().as_str()]).unwrap();
    let bench = Bench {
        options: bench.options.clone().filter(filter),
        ..Bench::new(mode)
    };
    let index = bench.pair.near.index("v0");
    bench.leave(3);
    bench.pair.near.shell("ip link del v0");
    replace(&bench, index);
    let watching = watch(&bench);
    let handle = watching.handle.clone();
    send(&bench.pair.near, "v2", 12);
    assert_eq!(watching.drain().flows, []);
    let stats = handle.stats();
    assert_eq!(counted(&stats), (vec![("v2", 12)], 3));
    let suppressed: Vec<_> = stats
        .hooks
        .iter()
        .flat_map(|hook| {
            hook.ignored
                .iter()
                .map(|at| (&*hook.interface, at.reason, at.packets))
        })
        .collect();
    assert_eq!(
        suppressed,
        [("v2", "filtered", 12), ("", "filtered", 3)],
        "{stats:#?}"
    );
}

/// Killed in the middle of it, and after it while records of both interfaces are on their way.
fn pin_kill_while_detaching_loses_nothing(mode: Attach) {
    let bench = bench(mode);
    let index = bench.pair.near.index("v0");
    let flows = |interface: &str| {
        let injector = Injector::new(&bench.pair.near, interface);
        (0..40).for_each(|number| injector.send(&frame::numbered(number)));
    };
    let orders = Orders {
        timeouts: [600_000; 2],
        ..Orders::new(&bench.pair.near, "v*", &bench.instance, mode)
    };
    let mut process = orders.start();
    process.opened();
    flows("v0");
    process.kill();
    process.rest();
    bench.pair.near.shell("ip link del v0");
    replace(&bench, index);
    // Half marked; all marked and partly read; attached, and some exported.
    for (point, passes) in [
        (FailPoint::Parting, 20),
        (FailPoint::TakingOver, 20),
        (FailPoint::Recorded, 20),
        (FailPoint::Finished, 30),
    ] {
        let end = Some((point, passes));
        let mut process = Orders {
            end,
            ..orders.clone()
        }
        .start();
        assert!(process.dies_within(LONGEST), "never came by {point:?}");
        let said = process.rest();
        assert!(
            !said.iter().any(|said| matches!(said, Message::Failed(_))),
            "{said:?}"
        );
        if matches!(point, FailPoint::Recorded) {
            flows("v2");
        }
    }
    let watching = watch(&bench);
    flows("v2");
    let handle = watching.handle.clone();
    let flows = watching.drain().flows;
    assert_eq!(
        packets_by_interface(&flows),
        [("v0", 40), ("v2", 80)],
        "{flows:#?}"
    );
    assert_eq!(counted(&handle.stats()), (vec![("v2", 80)], 40));
    assert_bare(&bench, "v2");
}

/// Renamed, and otherwise as it was: its flows go on under the new name.
fn pin_renamed_interface_stays_watched(mode: Attach) {
    let bench = bench(mode);
    bench.leave(3);
    let near = &bench.pair.near;
    near.shell("ip link set v0 down");
    near.shell("ip link set v0 name v8");
    near.shell("ip link set v8 up");
    near.await_carrier("v8");
    let watching = watch(&bench);
    assert_eq!(watching.source.report().recovered.unwrap().flows, 1);
    send(&bench.pair.near, "v8", 4);
    let flows = watching.drain().flows;
    assert_eq!(
        (packets_by_interface(&flows), flows.len()),
        (vec![("v8", 7)], 1),
        "{flows:#?}"
    );
    assert_bare(&bench, "v8");
}
