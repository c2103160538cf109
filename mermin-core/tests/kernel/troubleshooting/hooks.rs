//! Other programs at the same hooks.

use std::{os::fd::OwnedFd, thread, time::Duration};

use mermin_core::{Attach, FlowSourceBuilder, TcxOrder};

use super::{Symptom, by_tcx, open, row};
use crate::{
    orphans,
    restart::private,
    support::{
        child_process::{ChildProcess, Task},
        frame,
        host::Pair,
        raw::{self, Deed},
        traffic::Injector,
        wait::{LONGEST, until, within},
        watch::{Watch, on, try_open},
    },
};

pub(super) const ROWS: &[Symptom] = &[
    row!(
        "`cannot attach by tc` .. `filter has it`",
        symptom_foreign_filter
    ),
    row!("`qdisc has the place of`", symptom_foreign_qdisc),
    by_tcx(row!(
        "`tcx order` .. `no program` .. `is at the hooks`",
        symptom_order_without_program
    )),
    by_tcx(row!("`on the wrong side of`", symptom_wrong_side)),
    row!("`somebody else took the program away`", symptom_put_back),
    row!("`cannot remove the filter from`", symptom_stuck),
    by_tcx(row!("`and none came to the program`", symptom_silence)),
    by_tcx(row!("`notice:` .. `has no effect`", symptom_notice)),
    row!("`orphan on`", symptom_orphan),
    row!(
        "`orphan on` .. `it has left the filter`",
        symptom_waiting_filter
    ),
    by_tcx(row!(
        "another program before `mermin_ingress` in the report's list",
        symptom_another_before
    )),
];

pub(super) const TASKS: &[Task] = &[("keep-filters", keep_filters)];

/// A foreign program at the TCX ingress of `v0`, behind all others.
fn other(pair: &Pair, deed: Deed) -> OwnedFd {
    let index = pair.near.index("v0");
    pair.near.run(|| {
        let program = raw::load("other", deed).unwrap();
        raw::attach_tcx(&program, index).unwrap()
    })
}

/// The report, once it has this text.
fn report(watch: &Watch, text: &str, mut meanwhile: impl FnMut()) -> String {
    until(text, || {
        meanwhile();
        let said = watch.handle.report().to_string();
        said.contains(text).then_some(said)
    })
}

fn symptom_foreign_filter() -> String {
    let pair = Pair::new();
    pair.near.shell("tc qdisc add dev v0 clsact");
    pair.near
        .shell("tc filter add dev v0 ingress pref 5 protocol all u32 match u32 0 0 classid 1:1");
    let said = pair
        .near
        .run(|| open(on("v0").attach(Attach::Tc).tc_priority(5)));
    assert!(
        said.contains("priority 6 is free (`tc_priority`)"),
        "{said}"
    );
    said
}

fn symptom_foreign_qdisc() -> String {
    let pair = Pair::new();
    pair.near.shell("tc qdisc add dev v0 ingress");
    let options = on("v0").attach(Attach::Tc);
    pair.near.run(|| open(options))
}

fn symptom_order_without_program() -> String {
    let options = on("v0").tcx_order(TcxOrder::After("other".to_owned()));
    Pair::new().near.run(|| open(options))
}

fn symptom_wrong_side() -> String {
    let pair = Pair::new();
    let options = on("v0").tcx_order(TcxOrder::After("other".to_owned()));
    let watch = Watch::new(try_open(&pair.near, options).unwrap());
    let _other = other(&pair, Deed::Pass);
    report(&watch, "wrong side", || {})
}

fn symptom_put_back() -> String {
    let pair = Pair::new();
    let options = on("v0").attach(Attach::Tc);
    let watch = Watch::open(&pair.near, options);
    pair.near.shell("tc qdisc del dev v0 clsact");
    report(&watch, "took the program away", || {})
}

/// The symptom of an interface that is no longer selected.
fn symptom_stuck() -> String {
    ChildProcess::start("keep-filters").rest()
}

fn keep_filters(_: &str) -> String {
    let pair = Pair::new();
    pair.join(1);
    let by_filter = |interfaces: &[&str]| {
        on("v0")
            .interfaces(interfaces.iter().copied())
            .attach(Attach::Tc)
    };
    let watch = Watch::open(&pair.near, by_filter(&["v0", "v2"]));
    raw::deny_to_all(libc::SYS_sendto).unwrap();
    let changed = within(LONGEST, watch.handle.reconfigure(by_filter(&["v0"])));
    let changed = changed.expect("an answer comes").unwrap();
    assert_eq!(changed.needs_restart, []);
    watch.handle.report().to_string()
}

fn symptom_silence() -> String {
    let pair = Pair::new();
    let _other = other(&pair, Deed::Drop);
    let watch = Watch::open(&pair.near, on("v0").tcx_order(TcxOrder::Last));
    let injector = Injector::new(&pair.far, "v1");
    report(&watch, "none came", || {
        for number in 0..32 {
            injector.send(&frame::numbered(number));
        }
        thread::sleep(Duration::from_millis(50));
    })
}

/// The order option of the other mechanism, both ways; it is a notice, and no error under `strict`.
fn symptom_notice() -> String {
    let said = |options: FlowSourceBuilder| {
        let said = Pair::new().near.run(|| open(options.strict(true)));
        assert_eq!(said.lines().count(), 1, "{said}");
        said
    };
    let order = on("v0").attach(Attach::Tc).tcx_order(TcxOrder::Last);
    assert!(said(order).starts_with("notice: `tcx_order` has no effect: "));
    let priority = said(on("v0").tc_priority(100));
    assert!(
        priority.starts_with("notice: `tc_priority` has no effect: "),
        "{priority}"
    );
    priority
}

fn symptom_orphan() -> String {
    orphans::said()
}

fn symptom_waiting_filter() -> String {
    let said = private::said();
    assert!(
        said.contains("`tc filter del dev v0 ingress pref 1 handle 0x1 bpf`"),
        "{said}"
    );
    said
}

/// In the order they run.
fn symptom_another_before() -> String {
    let pair = Pair::new();
    let _other = other(&pair, Deed::Pass);
    let watch = Watch::open(&pair.near, on("v0").tcx_order(TcxOrder::Last));
    let report = watch.handle.report();
    let ingress = report.interfaces[0].ingress.clone().unwrap();
    let names = ingress.programs.into_iter().filter_map(|at| at.name);
    let names: Vec<String> = names.collect();
    assert_eq!(names, ["other", "mermin_ingress"]);
    names.join(" ")
}
