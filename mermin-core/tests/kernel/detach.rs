//! After a source has ended in any way, nothing of it is left at the hooks or in the process.

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Waker},
    thread,
    time::Duration,
};

use mermin_core::{Attach, FlowSource};

use crate::support::{
    attached,
    frame::numbered,
    host::{Host, Pair},
    process::{self, Holdings},
    traffic::{Busy, Injector, address, udp_dialogue},
    wait::until_true,
    watch::{Watch, on},
};

crate::cases! {
    each_mode close_under_load_loses_nothing,
    each_mode drop_under_load_leaves_nothing,
    each_mode open_cancelled_at_any_moment_leaves_nothing,
    each_mode open_cancelled_after_completion_leaves_nothing,
    each_mode removed_interface_ends_its_flows,
    case nothing_is_left_in_the_process,
}

/// Closing takes what two CPUs sent until then, and nothing twice.
fn close_under_load_loses_nothing(mode: Attach) {
    for _ in 0..3 {
        let pair = Pair::new();
        let watch = Watch::open(&pair.near, on("v0").attach(mode));
        let injector = Arc::new(Injector::new(&pair.near, "v0"));
        let handle = watch.handle.clone();
        let mut busy = flood(&injector, 200);
        until_true("traffic", || handle.stats().packets > 10_000);
        let outcome = watch.finish();
        assert!(!busy.is_over());
        busy.stop();
        let at_close = outcome.packets;
        assert!(busy.sent() > at_close);
        // Nothing is counted once the stream has ended.
        assert_eq!(handle.stats().packets, at_close);
        assert_eq!(attached::at(&pair.near, "v0"), "");
    }
}

/// Frames of this many flows from both CPUs.
fn flood(injector: &Arc<Injector>, flows: u64) -> Busy {
    Busy::start(|_| {
        let injector = Arc::clone(injector);
        let frames: Vec<Vec<u8>> = (0..flows).map(numbered).collect();
        move |_| {
            for frame in &frames {
                injector.send(frame);
            }
            flows
        }
    })
}

/// When `shutdown` is ready, the programs are gone, even under load. After a drop they are gone soon.
fn drop_under_load_leaves_nothing(mode: Attach) {
    let pair = Pair::new();
    let injector = Arc::new(Injector::new(&pair.near, "v0"));
    let mut busy = flood(&injector, 200);
    for round in 0..3 {
        let watch = Watch::open(&pair.near, on("v0").attach(mode));
        until_true("traffic", || watch.stats().packets > 5_000);
        assert_ne!(attached::at(&pair.near, "v0"), "");
        if round == 0 {
            drop(watch);
            until_bare(&pair.near);
        } else {
            watch.shut();
        }
        assert_eq!(attached::at(&pair.near, "v0"), "");
    }
    busy.stop();
    assert!(busy.sent() > 0);
}

/// Waits until nothing is at the hooks of `v0`.
fn until_bare(host: &Host) {
    until_true("bare hooks", || attached::at(host, "v0").is_empty());
}

/// Polls `open` once, gives its thread some time, and drops it.
fn cancel(host: &Host, mode: Attach, wait: impl FnOnce() + Send) {
    host.run(|| {
        let mut open = pin!(on("v0").attach(mode).open());
        let mut context = Context::from_waker(Waker::noop());
        assert!(open.as_mut().poll(&mut context).is_pending());
        wait();
    });
}

fn open_cancelled_at_any_moment_leaves_nothing(mode: Attach) {
    let pair = Pair::new();
    for step in 0..10 {
        cancel(&pair.near, mode, || {
            thread::sleep(Duration::from_millis(step * 30));
        });
        until_bare(&pair.near);
    }
    // The programs do not return: the threads have ended.
    thread::sleep(Duration::from_millis(100));
    assert_eq!(attached::at(&pair.near, "v0"), "");
}

/// The source is open, and the caller has not polled again.
fn open_cancelled_after_completion_leaves_nothing(mode: Attach) {
    let pair = Pair::new();
    cancel(&pair.near, mode, || {
        until_true("programs at the hook", || {
            attached::at(&pair.near, "v0").contains(match mode {
                Attach::Tcx => "2 TCX",
                _ => "mermin_egress",
            })
        });
        // The answer follows at once.
        thread::sleep(Duration::from_millis(50));
    });
    until_bare(&pair.near);
}

/// Its packets stay counted, the other interface goes on, and closing finds nothing to complain about.
fn removed_interface_ends_its_flows(mode: Attach) {
    let pair = Pair::new();
    pair.join(1);
    let options = on("v0").interfaces(["v0", "v2"]).attach(mode);
    let watch = Watch::open(&pair.near, options.udp_timeout(Duration::from_millis(200)));
    let dialogue = |net: u8, port: u16| {
        let near = address(&format!("10.0.{net}.1:{port}"));
        let far = address(&format!("10.0.{net}.2:53"));
        udp_dialogue(&pair, [near, far], 10, [10, 20]);
    };
    dialogue(0, 40_000);
    dialogue(1, 40_000);
    let index = pair.near.index("v0");
    pair.near.shell("ip link del v0");
    let mut watch = watch;
    watch.take_until("both flows", |flows| flows.len() == 2);
    dialogue(1, 40_001);
    let outcome = watch.finish();
    assert_eq!(outcome.packets, 60);
    let gone = outcome.only(|flow| flow.interface.index == index);
    assert_eq!(
        (&*gone.interface.name, gone.forward.packets.total),
        ("v0", 10)
    );
    assert_eq!(outcome.flows.len(), 3);
    assert_eq!(attached::at(&pair.near, "v2"), "");
}

/// Descriptors, threads and maps of many sources go with them, closed or dropped.
fn nothing_is_left_in_the_process() {
    process::alone("nothing_is_left_in_the_process", || {
        let pair = Pair::new();
        let open = || {
            let options: [_; 2] = [Attach::Tcx, Attach::Tc];
            for mode in options {
                let closed = Watch::open(&pair.near, on("v0").attach(mode));
                let dropped = Watch::open(&pair.near, on("v0").attach(mode));
                closed.finish();
                drop(dropped);
            }
            let error = pair.near.run(|| {
                futures::executor::block_on(FlowSource::builder().interfaces(["v9"]).open())
            });
            assert!(error.is_err());
        };
        // Leftovers of the first one may be of the process, not of the source.
        open();
        let before = Holdings::now();
        for _ in 0..3 {
            open();
        }
        // The threads of a source end on their own after it.
        until_true(&format!("{before:?} or less"), || {
            Holdings::now().is_within(before)
        });
    });
}
