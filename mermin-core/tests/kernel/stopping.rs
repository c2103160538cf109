//! Stopping never blocks the caller. A future of its own waits for the end. A process may end or fork at any moment.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Waker},
    thread,
    time::{Duration, Instant},
};

use futures::StreamExt;
use mermin_core::{
    Attach, ErrorKind, Flow, FlowSource, FlowSourceBuilder, NetNs, Stats,
    sink::{BoxError, from_fn},
};

use crate::support::{
    attached,
    child_process::{ChildProcess, Task},
    host::{Host, Pair},
    process::{self, Holdings},
    raw,
    traffic::{address, udp_dialogue},
    wait::{LONGEST, until_true, within},
    watch::{Watch, on, shut, try_open},
};

pub(crate) const TASKS: &[Task] = &[("drop-and-end", drop_and_end)];

crate::cases! {
    case shutdown_leaves_nothing,
    case forked_child_does_not_use_the_source,
    each_mode drop_does_not_block,
    each_mode cancelled_open_does_not_block,
    each_mode process_ends_right_after_drop,
}

const SHUT: &str = "shutdown_leaves_nothing";
const FORKED: &str = "forked_child_does_not_use_the_source";

/// Interfaces of a crowd: by TCX, detaching from all of them takes half a second at least.
const MANY: usize = 24;
/// A time that passes for none. Of several attempts the best one counts: this thread waits for a CPU like any other.
const NO_TIME: Duration = Duration::from_millis(1);
const ATTEMPTS: usize = 3;

/// A host with many interfaces, `d0` and so on.
fn crowd() -> Host {
    let host = Host::new();
    host.set("ipv6/conf/default/disable_ipv6", "1");
    let lines: Vec<String> = (0..MANY)
        .map(|number| format!("link add d{number} up type veth peer name e{number}"))
        .collect();
    host.batch(&lines.join("\n"));
    host
}

fn on_all() -> FlowSourceBuilder {
    on("d*")
}

/// Interfaces that have programs at their hooks.
fn occupied(host: &Host) -> usize {
    (0..MANY)
        .filter(|number| !attached::at(host, &format!("d{number}")).is_empty())
        .count()
}

/// Interfaces that have programs at TCX hooks, found fast.
fn occupied_by_tcx(host: &Host, indices: &[u32]) -> usize {
    host.run(|| {
        let occupied = |index: &&u32| raw::tcx_programs(**index).unwrap() != 0;
        indices.iter().filter(occupied).count()
    })
}

fn took(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

fn drop_does_not_block(mode: Attach) {
    let host = crowd();
    let best = (0..ATTEMPTS)
        .map(|_| {
            let source = try_open(&host, on_all().attach(mode)).unwrap();
            assert_eq!(source.report().interfaces.len(), MANY);
            let best = took(|| drop(source));
            until_true("bare hooks", || occupied(&host) == 0);
            best
        })
        .min();
    assert!(best.unwrap() < NO_TIME, "{best:?}");
}

/// Nor is anything more attached to once `open` is dropped.
fn cancelled_open_does_not_block(mode: Attach) {
    let host = crowd();
    let indices: Vec<u32> = (0..MANY)
        .map(|number| host.index(&format!("d{number}")))
        .collect();
    let mut best = Duration::MAX;
    for _ in 0..ATTEMPTS {
        let mut opening = Box::pin(on_all().attach(mode).open());
        host.run(|| {
            let mut context = Context::from_waker(Waker::noop());
            assert!(opening.as_mut().poll(&mut context).is_pending());
        });
        if mode == Attach::Tcx {
            until_true("a program at a hook", || {
                occupied_by_tcx(&host, &indices) != 0
            });
            best = best.min(took(|| drop(opening)));
            // Not before: where the machine is busy, many may be attached to from here to the drop.
            let dropped = occupied_by_tcx(&host, &indices);
            let mut most = 0;
            until_true("bare hooks", || {
                let now = occupied_by_tcx(&host, &indices);
                most = most.max(now);
                now == 0
            });
            // One was being attached to.
            assert!(most <= dropped + 1 && most < MANY, "{dropped} {most}");
        } else {
            until_true("a filter", || occupied(&host) != 0);
            best = best.min(took(|| drop(opening)));
            until_true("bare hooks", || occupied(&host) == 0);
        }
    }
    assert!(best < NO_TIME, "{best:?}");
}

/// When the future is ready, the hooks are empty and descriptors and maps are as before; the threads end by themselves.
fn shutdown_leaves_nothing() {
    process::alone(SHUT, || {
        let host = crowd();
        let open = || {
            for mode in [Attach::Tcx, Attach::Tc] {
                let source = try_open(&host, on_all().attach(mode)).unwrap();
                assert_eq!(occupied(&host), MANY);
                shut(source);
                assert_eq!(occupied(&host), 0);
            }
        };
        // Leftovers of the first one may be of the process, not of the source.
        open();
        let before = Holdings::now();
        open();
        let mut now = Holdings::now();
        assert!(now.holds_as(before), "{before:?}, then {now:?}");
        until_true("the threads' end", || {
            now = Holdings::now();
            now.is_within(before)
        });
        // A source that has ended already has nothing to wait for, nor one that fails to deliver.
        let mut source = try_open(&host, on("d0")).unwrap();
        source.close();
        assert!(within(LONGEST, source.next()).unwrap().is_none());
        shut(source);
        // The future may be dropped: then it was a drop.
        let source = try_open(&host, on_all()).unwrap();
        {
            let mut context = Context::from_waker(Waker::noop());
            assert!(pin!(source.shutdown()).poll(&mut context).is_pending());
        }
        until_true("bare hooks", || occupied(&host) == 0);
    });
}

/// Opens on all interfaces of a namespace, by tc if the argument says so, drops the source, and ends at once.
fn drop_and_end(argument: &str) -> String {
    let (mode, path) = argument.split_once(' ').unwrap();
    let mode = match mode {
        "tc" => Attach::Tc,
        _ => Attach::Tcx,
    };
    let options = on_all().attach(mode).netns(NetNs::Path(path.into()));
    drop(within(LONGEST, options.open()).unwrap().unwrap());
    "dropped".to_owned()
}

/// Links go with the process; filters of the interfaces that were not reached stay until the next source opens.
fn process_ends_right_after_drop(mode: Attach) {
    let host = crowd();
    let word = if mode == Attach::Tcx { "tcx" } else { "tc" };
    let mut process = ChildProcess::start(&format!("drop-and-end {word} {}", host.path()));
    assert_eq!(process.line().as_deref(), Some("dropped"));
    process.wait();
    let left = occupied(&host);
    if mode == Attach::Tcx {
        assert_eq!(left, 0);
    }
    let source = try_open(&host, on("d0").attach(mode)).unwrap();
    let mut orphaned: Vec<String> = source
        .report()
        .orphans
        .iter()
        .map(|orphan| orphan.interface.clone())
        .collect();
    orphaned.dedup();
    assert_eq!(orphaned.len(), left);
    assert_eq!(occupied(&host), 1);
    shut(source);
    assert_eq!(occupied(&host), 0);
}

/// A forked child's use of a source changes nothing, and never blocks it.
fn forked_child_does_not_use_the_source() {
    process::alone(FORKED, || {
        let pair = Pair::new();
        let [near, far] = ["10.0.0.1:40000", "10.0.0.2:53"].map(address);
        let mut watch = Watch::open(&pair.near, on("v0"));
        udp_dialogue(&pair, [near, far], 10, [10, 20]);
        let status = raw::in_child(|| {
            let sink = from_fn(|flows: &[Flow]| {
                assert!(flows.is_empty(), "it has no records");
                std::future::ready(Ok::<_, BoxError>(()))
            });
            let run = watch.source.run(sink).into_future();
            let error = within(LONGEST, run).unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Closed, "{error:?}");
        });
        assert_eq!(status, 0);
        let status = raw::in_child(|| {
            let item = within(LONGEST, watch.source.next()).unwrap();
            let error = item.unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Closed, "{error:?}");
            assert!(within(LONGEST, watch.source.next()).unwrap().is_none());
            watch.source.close();
            let handle = watch.source.handle();
            assert_eq!(handle.stats(), Stats::default());
            assert!(handle.report().interfaces.is_empty());
            assert_eq!(watch.source.manual_ack().outstanding(), 0);
            let changed = within(LONGEST, handle.reconfigure(FlowSource::builder())).unwrap();
            assert_eq!(changed.unwrap_err().kind(), ErrorKind::Closed);
            // A source of its own is another matter.
            let own = try_open(&pair.near, on("v0")).unwrap();
            assert_eq!(own.report().to_string(), "");
            let inherited = std::mem::replace(&mut watch.source, own);
            shut(inherited);
            drop(std::mem::replace(
                &mut watch.source,
                try_open(&pair.near, on("v0")).unwrap(),
            ));
        });
        assert_eq!(status, 0);
        thread::sleep(Duration::from_millis(300));
        udp_dialogue(&pair, [near, far], 10, [10, 20]);
        let outcome = watch.finish();
        assert_eq!(outcome.packets, 40);
        assert_eq!(outcome.only(|_| true).forward.packets.total, 20);
    });
}
