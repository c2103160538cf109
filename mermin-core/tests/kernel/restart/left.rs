//! Pins that one source leaves and the next one finds: complete, partial, or of another kind.

use std::{fs, path::PathBuf, time::Duration};

use futures::StreamExt;
use mermin_core::{
    Attach, Error, ErrorKind, Flow, FlowKey, FlowSource, FlowSourceBuilder, Pinning,
    filter::{Filter, Rule},
    lab::FailPoint,
    report::HookDirection,
};

use super::{
    child::{Message, Orders},
    instance_name, layout, pins,
};
use crate::support::{
    attached, frame,
    host::Pair,
    raw,
    traffic::Injector,
    wait::{LONGEST, until, until_true, within},
    watch::{on, shut, try_open},
};

crate::cases! {
    case pin_second_owner_is_refused,
    case pin_race_has_one_winner,
    case pin_torn_watermark_is_ignored,
    each_mode pin_normal_close_removes_all,
    each_mode pin_persist_keeps_all,
    each_mode pin_dropped_persistent_source_keeps_all,
    each_mode pin_names_with_dots_are_taken_over,
    each_mode pin_incomplete_directory_begins_anew,
    each_mode pin_other_layout_is_removed,
    each_mode pin_missing_map_begins_anew,
    each_mode pin_foreign_files_are_left_alone,
    each_mode pin_other_size_keeps_the_former_size,
    each_mode pin_other_flow_key_or_clock_begins_anew,
    each_mode pin_other_mode_moves_programs,
    each_mode pin_other_filter_redelivers_unacknowledged_records,
    each_mode pin_removed_interfaces_are_detached,
    each_mode pin_refused_open_changes_nothing,
    case pin_refused_hooks_keep_their_counts,
    each_mode pin_counters_of_removed_interfaces_are_kept,
}

/// A host, and an instance of this test alone.
pub(super) struct Bench {
    pub(super) pair: Pair,
    pub(super) instance: String,
    pub(super) options: FlowSourceBuilder,
}

impl Bench {
    pub(super) fn new(mode: Attach) -> Self {
        Self {
            pair: Pair::new(),
            instance: instance_name(),
            options: on("v0").attach(mode),
        }
    }

    pub(super) fn pinning(&self) -> Pinning {
        Pinning::instance(&self.instance)
    }

    fn try_open(&self, pinning: Pinning) -> Result<FlowSource, Error> {
        try_open(&self.pair.near, self.options.clone().pinning(pinning))
    }

    fn open(&self, pinning: Pinning) -> FlowSource {
        self.try_open(pinning).unwrap()
    }

    /// Leaves an instance with one flow of this many packets.
    pub(super) fn leave(&self, packets: u64) {
        let source = self.open(self.pinning().persist(true));
        self.send(packets);
        shut(source);
    }

    fn send(&self, packets: u64) {
        let injector = Injector::new(&self.pair.near, "v0");
        for _ in 0..packets {
            injector.send(&frame::numbered(1));
        }
    }

    fn layout(&self) -> PathBuf {
        layout(&self.instance)
    }

    /// Opens, and returns the report's text.
    fn said(&self) -> (FlowSource, String) {
        let source = self.open(self.pinning());
        let report = source.report().to_string();
        assert!(report.lines().count() <= 1, "{report}");
        (source, report)
    }

    /// Closes the source, which must leave nothing, and returns its records.
    fn finish(&self, mut source: FlowSource) -> Vec<Flow> {
        source.close();
        let flows = rest(&mut source);
        shut(source);
        self.assert_bare();
        flows
    }

    fn assert_bare(&self) {
        assert_eq!(attached::at(&self.pair.near, "v0"), "");
        let left = pins(&self.instance);
        assert!(
            !left.exists(),
            "{:?}",
            fs::read_dir(left).unwrap().collect::<Vec<_>>()
        );
    }
}

fn rest(source: &mut FlowSource) -> Vec<Flow> {
    let mut flows = Vec::new();
    while let Some(flow) = within(LONGEST, source.next()).expect("draining hangs") {
        flows.push(flow.unwrap());
    }
    flows
}

fn packets(flows: &[Flow]) -> u64 {
    flows.iter().map(|flow| flow.forward.packets.delta).sum()
}

fn pin_normal_close_removes_all(mode: Attach) {
    let bench = Bench::new(mode);
    let (source, report) = bench.said();
    assert_eq!(report, "");
    assert!(source.report().recovered.is_none());
    bench.send(3);
    assert!(bench.layout().join("SLOTS").exists());
    assert_eq!(packets(&bench.finish(source)), 3);
    // A source that is dropped leaves nothing either.
    shut(bench.open(bench.pinning()));
    bench.assert_bare();
}

fn pin_persist_keeps_all(mode: Attach) {
    let bench = Bench::new(mode);
    let mut source = bench.open(bench.pinning().persist(true));
    bench.send(3);
    source.close();
    assert_eq!(rest(&mut source), [], "no flow has ended");
    shut(source);
    bench.send(4);
    let mut source = bench.open(bench.pinning().persist(true));
    assert_eq!(source.report().to_string(), "");
    let taken = source.report().recovered.unwrap();
    assert_eq!(
        (taken.flows, taken.flows_closing, taken.records_redelivered),
        (1, 0, 0)
    );
    let hook = source
        .handle()
        .stats()
        .hooks
        .into_iter()
        .find(|hook| hook.direction == HookDirection::Egress);
    assert_eq!(hook.unwrap().traffic.packets, 7);
    source.close();
    assert_eq!(rest(&mut source), []);
    shut(source);
    bench.send(5);
    let flows = bench.finish(bench.open(bench.pinning()));
    assert_eq!(packets(&flows), 12);
    assert_eq!(flows[0].sequence, 0);
}

fn pin_dropped_persistent_source_keeps_all(mode: Attach) {
    let bench = Bench::new(mode);
    bench.leave(3);
    assert_ne!(attached::at(&bench.pair.near, "v0"), "");
    bench.send(4);
    let (source, report) = bench.said();
    assert_eq!(report, "");
    assert_eq!(packets(&bench.finish(source)), 7);
}

fn pin_names_with_dots_are_taken_over(mode: Attach) {
    let bench = Bench {
        options: on("flannel.1").attach(mode),
        ..Bench::new(mode)
    };
    let near = &bench.pair.near;
    near.shell("ip link set v0 down");
    near.shell("ip link set v0 name flannel.1");
    near.shell("ip link set flannel.1 up");
    let send = || Injector::new(near, "flannel.1").send(&frame::numbered(1));
    shut(bench.open(bench.pinning().persist(true)));
    send();
    let (mut source, report) = bench.said();
    assert_eq!(report, "");
    source.close();
    assert_eq!(packets(&rest(&mut source)), 1);
    shut(source);
    assert_eq!(attached::at(near, "flannel.1"), "");
    assert!(!pins(&bench.instance).exists());
}

fn pin_second_owner_is_refused() {
    let bench = Bench::new(Attach::Auto);
    let source = bench.open(bench.pinning());
    let error = bench.try_open(bench.pinning()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InUse);
    let name = &bench.instance;
    assert_eq!(
        error.to_string(),
        format!("cannot open the instance `{name}`: another source owns it")
    );
    assert!(
        error
            .remedy()
            .unwrap()
            .starts_with("stop the process that owns it")
    );
    bench.send(3);
    assert_eq!(packets(&bench.finish(source)), 3);
}

/// Two processes want what a third one left.
fn pin_race_has_one_winner() {
    let bench = Bench::new(Attach::Tcx);
    bench.leave(3);
    let orders = Orders::new(&bench.pair.near, "v0", &bench.instance, Attach::Tcx);
    let racers = [orders.start(), orders.start()];
    let (mut won, mut lost) = (Vec::new(), 0);
    for racer in racers {
        match racer.next() {
            Some(Message::Opened(opened)) => {
                assert_eq!(opened.flows, 1);
                won.push(racer);
            }
            Some(Message::Failed(why)) => {
                assert!(why.starts_with("InUse cannot open the instance"), "{why}");
                lost += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((won.len(), lost), (1, 1));
    let mut winner = won.remove(0);
    winner.close();
    let told: u64 = winner
        .rest()
        .iter()
        .map(|said| match said {
            Message::Record(record) => record.counts[0],
            _ => 0,
        })
        .sum();
    assert_eq!(told, 3);
    bench.assert_bare();
}

/// Killed while it made the directory, after that, and while it removed it: the next source starts anew, without a degradation.
fn pin_incomplete_directory_begins_anew(mode: Attach) {
    let bench = Bench::new(mode);
    for (point, passes, close) in [
        (FailPoint::Making, 3, false),
        (FailPoint::Made, 0, false),
        (FailPoint::Removing, 3, true),
    ] {
        let orders = Orders {
            end: Some((point, passes)),
            ..Orders::new(&bench.pair.near, "v0", &bench.instance, mode)
        };
        let mut process = orders.start();
        if close {
            process.opened();
            process.close();
        }
        process.rest();
        assert!(pins(&bench.instance).exists(), "{point:?} was not passed");
        let (source, report) = bench.said();
        assert_eq!(report, "", "{point:?}");
        bench.send(2);
        assert_eq!(packets(&bench.finish(source)), 2, "{point:?}");
    }
}

fn pin_other_layout_is_removed(mode: Attach) {
    let bench = Bench::new(mode);
    bench.leave(3);
    let layout = bench.layout();
    fs::rename(&layout, layout.with_file_name("0123456789abcdef")).unwrap();
    let (source, report) = bench.said();
    assert!(
        report.starts_with(
            "restart: pins of another version (layout 0123456789abcdef) cannot be taken over; they are removed, and the \
             source starts with new flows; counts that were not exported are lost; "
        ),
        "{report}"
    );
    assert!(bench.layout().join("SLOTS").exists());
    bench.send(4);
    assert_eq!(packets(&bench.finish(source)), 4);
}

fn pin_missing_map_begins_anew(mode: Attach) {
    let bench = Bench::new(mode);
    for (spoil, why) in [
        ("rm SLOTS", "`SLOTS` is missing"),
        ("rm INDEX", "`INDEX` is missing"),
        ("rm IDENTITY", "`IDENTITY` is missing"),
        ("rm JOURNAL", "`JOURNAL` is missing"),
        ("rm DEPARTED", "`DEPARTED` is missing"),
        (
            "mv INDEX GLOBALS",
            "`GLOBALS` is a map of another kind or size",
        ),
    ] {
        bench.leave(3);
        let layout = bench.layout();
        let words: Vec<&str> = spoil.split(' ').collect();
        match words[..] {
            ["rm", name] => fs::remove_file(layout.join(name)).unwrap(),
            ["mv", from, to] => fs::rename(layout.join(from), layout.join(to)).unwrap(),
            _ => unreachable!(),
        }
        let (source, report) = bench.said();
        let expected = format!(
            "restart: pins of a former process cannot be taken over: {why}; they are removed, and the source starts with new flows; "
        );
        assert!(report.starts_with(&expected), "{report}");
        bench.send(4);
        assert_eq!(packets(&bench.finish(source)), 4, "{spoil}");
    }
    // Under `strict` it is an error, and the damaged pins are removed.
    bench.leave(3);
    fs::remove_file(bench.layout().join("SLOTS")).unwrap();
    let options = bench.options.clone().strict(true).pinning(bench.pinning());
    let error = try_open(&bench.pair.near, options).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("`SLOTS` is missing"), "{error}");
    // The kernel empties an array of programs a grace period after its last pin. Until then, filters that call them are no orphans.
    until_true("filters without pins are removed", || {
        shut(bench.open(bench.pinning()));
        attached::at(&bench.pair.near, "v0").is_empty()
    });
    bench.assert_bare();
}

/// A foreign pin in the instance's directory is left alone, and everything else works.
fn pin_foreign_files_are_left_alone(mode: Attach) {
    let bench = Bench::new(mode);
    bench.leave(3);
    let layout = bench.layout();
    let strange = layout.join("cilium_calls");
    fs::create_dir(&strange).unwrap();
    let (mut source, report) = bench.said();
    let expected = format!(
        "restart: `cilium_calls` in `{}` is not Mermin's; it is left alone; the directory stays when the source is closed; ",
        layout.display()
    );
    assert!(report.starts_with(&expected), "{report}");
    source.close();
    assert_eq!(packets(&rest(&mut source)), 3);
    shut(source);
    let left: Vec<_> = fs::read_dir(&layout)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(left, std::slice::from_ref(&strange));
    fs::remove_dir(strange).unwrap();
    shut(bench.said().0);
    bench.assert_bare();
}

fn pin_other_size_keeps_the_former_size(mode: Attach) {
    let mut bench = Bench::new(mode);
    bench.leave(3);
    bench.options = bench.options.max_flows(1000);
    let (source, report) = bench.said();
    assert!(
        report.starts_with(
            "restart: the instance was made for 4096 flows, and `max_flows` is 1000; existing flows continue in the existing \
             table; the table keeps its former size; "
        ),
        "{report}"
    );
    assert_eq!(source.handle().stats().flows_capacity, 4096);
    bench.send(4);
    assert_eq!(packets(&bench.finish(source)), 7);
}

/// Slots with another meaning are reported and removed, in both directions of the change; others are taken over.
fn pin_other_flow_key_or_clock_begins_anew(mode: Attach) {
    type Set = fn(FlowSourceBuilder) -> FlowSourceBuilder;
    let settings: [(Set, &str); 5] = [
        (
            |options| options.flow_key(FlowKey::Endpoints),
            "its flows have keys of another `flow_key`",
        ),
        (
            |options| options.exact_end(true),
            "its packets' times are of another clock (`exact_end`)",
        ),
        (
            |options| options.tcp_analysis(true),
            "its analysis of TCP is on or off (`tcp_analysis`)",
        ),
        (
            |options| options.tcp_sockets(true),
            "its values of TCP sockets are on or off (`tcp_sockets`)",
        ),
        (
            |options| options.drops(true),
            "its counts of dropped packets are on or off (`drops`)",
        ),
    ];
    for (set, why) in settings {
        let mut bench = Bench::new(mode);
        let usual = bench.options.clone();
        let set = set(usual.clone());
        for [before, then] in [[&usual, &set], [&set, &usual]] {
            bench.options = before.clone();
            bench.leave(3);
            bench.options = then.clone();
            let (source, report) = bench.said();
            let expected = format!(
                "restart: pins of a former process cannot be taken over: {why}; they are removed, and the source starts with new flows; \
                 counts that were not exported are lost; "
            );
            assert!(report.starts_with(&expected), "{report}");
            assert!(source.report().recovered.is_none());
            bench.send(4);
            assert_eq!(packets(&bench.finish(source)), 4, "{why}");
        }
        bench.options = set;
        bench.leave(3);
        let (source, report) = bench.said();
        assert_eq!(report, "");
        bench.send(4);
        let flows = bench.finish(source);
        assert_eq!(packets(&flows), 7, "{why}");
        assert!(flows[0].start < flows[0].end, "{flows:#?}");
    }
}

/// The requested mechanism replaces the existing one; the flows continue.
fn pin_other_mode_moves_programs(mode: Attach) {
    let mut bench = Bench::new(mode);
    bench.leave(3);
    let other = match mode {
        Attach::Tcx => Attach::Tc,
        _ => Attach::Tcx,
    };
    bench.options = bench.options.attach(other);
    let (source, report) = bench.said();
    assert_eq!(report, "");
    let at = source.report().interfaces[0].egress.clone().unwrap();
    assert_eq!(at.programs.len(), 1, "{at:?}");
    bench.send(4);
    assert_eq!(packets(&bench.finish(source)), 7);
}

/// A record that is on its way comes again though it is not wanted any more: whoever has it must not find its packets under
/// `filtered` as well.
fn pin_other_filter_redelivers_unacknowledged_records(mode: Attach) {
    let mut bench = Bench::new(mode);
    bench.options = bench.options.active_timeout(Duration::from_millis(50));
    let mut source = bench.open(bench.pinning().persist(true));
    bench.send(3);
    let first = within(LONGEST, source.next()).unwrap().unwrap().unwrap();
    // It counts as exported when the next one is polled.
    shut(source);
    bench.send(4);
    let mut filter = Filter::default();
    let port = first.source.port.unwrap().to_string();
    filter.source.port = Rule::not_matching([port.as_str()]).unwrap();
    bench.options = bench.options.filter(filter);
    let (source, report) = bench.said();
    assert_eq!(report, "");
    assert_eq!(source.report().recovered.unwrap().records_redelivered, 1);
    let handle = source.handle();
    let flows = bench.finish(source);
    let [again] = &flows[..] else {
        panic!("{flows:#?}");
    };
    assert_eq!(
        (again.id, again.sequence, again.forward.packets),
        (first.id, first.sequence, first.forward.packets)
    );
    let ignored = handle.stats().ignored();
    assert_eq!((ignored.len(), ignored[0].reason), (1, "filtered"));
    assert_eq!(ignored[0].packets, 7 - first.forward.packets.delta);
}

/// One interface was deleted and another is no longer selected: their flows are exported, and nothing is left there.
fn pin_removed_interfaces_are_detached(mode: Attach) {
    let mut bench = Bench::new(mode);
    for number in [1, 2] {
        bench.pair.join(number);
    }
    bench.options = bench.options.interfaces(["v0", "v2", "v4"]);
    let source = bench.open(bench.pinning().persist(true));
    for interface in ["v0", "v2", "v4"] {
        Injector::new(&bench.pair.near, interface).send(&frame::numbered(1));
    }
    shut(source);
    bench.pair.near.shell("ip link del v2");
    bench.options = bench.options.interfaces(["v0"]);
    let (mut source, report) = bench.said();
    assert_eq!(report, "");
    assert_eq!(attached::at(&bench.pair.near, "v4"), "");
    let ended: Vec<Flow> = [(); 2]
        .map(|()| within(LONGEST, source.next()).unwrap().unwrap().unwrap())
        .into();
    assert_eq!(packets(&ended), 2);
    bench.send(4);
    assert_eq!(packets(&bench.finish(source)), 5);
}

/// Counts of interfaces that left are in the sums of the next process, wherever this one was killed, and wherever those were
/// that took over from it.
fn pin_counters_of_removed_interfaces_are_kept(mode: Attach) {
    let mut bench = Bench::new(mode);
    bench.options = bench.options.clone().interfaces(["v*"]);
    let near = &bench.pair.near;
    let orders = Orders::new(near, "v*", &bench.instance, mode);
    let doomed = |point| {
        let end = Some((point, 0));
        Orders {
            end,
            ..orders.clone()
        }
        .start()
    };
    let mut rounds = 0;
    for (killed, then) in [
        (
            FailPoint::Summed,
            [FailPoint::Departing, FailPoint::Emptied].as_slice(),
        ),
        (FailPoint::Departing, &[FailPoint::Emptied]),
        (FailPoint::Emptied, &[]),
        (FailPoint::Summed, &[]),
    ] {
        bench.pair.link("v8", "w8");
        let mut process = doomed(killed);
        assert_eq!(process.opened().report, "");
        for (interface, packets) in [("v0", 1), ("v8", 2)] {
            let injector = Injector::new(near, interface);
            (0..packets).for_each(|_| injector.send(&frame::numbered(rounds)));
        }
        near.shell("ip link del v8");
        assert!(process.dies_within(LONGEST), "never came by {killed:?}");
        for &point in then {
            let mut process = doomed(point);
            assert!(process.dies_within(LONGEST), "never came by {point:?}");
        }
        rounds += 1;
        let source = bench.open(bench.pinning().persist(true));
        assert_eq!(source.report().to_string(), "");
        let stats = source.handle().stats();
        let left: Vec<_> = stats
            .removed_interfaces
            .iter()
            .map(|hook| hook.traffic.packets)
            .collect();
        assert_eq!(left, [2 * rounds], "{killed:?}: {stats:#?}");
        assert_eq!(
            (stats.packets, stats.hooks.len()),
            (3 * rounds, 2),
            "{killed:?}: {stats:#?}"
        );
    }
    // A closed source leaves nothing, sums included.
    shut(bench.said().0);
    let (source, _) = bench.said();
    assert_eq!(source.handle().stats().packets, 0);
    bench.finish(source);
}

/// A failed open leaves an instance as it was found.
fn pin_refused_open_changes_nothing(mode: Attach) {
    let bench = Bench::new(mode);
    bench.leave(3);
    // The earlier source did not watch this interface.
    bench
        .pair
        .near
        .shell("ip link add d0 type veth peer name d1");
    bench.pair.near.shell("ip link set d0 up");
    let options = bench
        .options
        .clone()
        .interfaces(["v0", "d0", "none*"])
        .strict(true)
        .pinning(bench.pinning());
    let error = try_open(&bench.pair.near, options.clone()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert_eq!(attached::at(&bench.pair.near, "d0"), "");
    bench.send(4);
    // Nor does an opening that is cancelled.
    bench.pair.near.run(|| {
        let opening = options.strict(false).open();
        assert!(within(Duration::from_millis(30), opening).is_none());
    });
    bench.send(5);
    // The cancelled one owns the instance until it has seen that. On a busy machine another one does not wait so long.
    let source = until("the end of the cancelled one", || {
        match bench.try_open(bench.pinning()) {
            Err(error) if error.kind() == ErrorKind::InUse => None,
            opened => Some(opened.unwrap()),
        }
    });
    assert_eq!(source.report().to_string(), "");
    assert_eq!(attached::at(&bench.pair.near, "d0"), "");
    assert_eq!(packets(&bench.finish(source)), 12);
}

/// Filters of another program have the priority, so the links cannot be replaced by filters. They count on.
fn pin_refused_hooks_keep_their_counts() {
    let bench = Bench::new(Attach::Tcx);
    bench.leave(3);
    bench.pair.near.shell("tc qdisc add dev v0 clsact");
    for direction in ["ingress", "egress"] {
        bench.pair.near.shell(&format!(
            "tc filter add dev v0 {direction} pref 77 protocol all u32 match u32 0 0 classid 1:1"
        ));
    }
    let filters = bench.options.clone().attach(Attach::Tc).tc_priority(77);
    let error = try_open(&bench.pair.near, filters.pinning(bench.pinning()))
        .err()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidOption, "{error}");
    bench.send(4);
    let mut source = bench.open(bench.pinning());
    let handle = source.handle();
    source.close();
    assert_eq!(packets(&rest(&mut source)), 7);
    assert_eq!(handle.stats().packets, 7);
    shut(source);
}

fn pin_torn_watermark_is_ignored() {
    torn();
}

/// Marks that cannot be are not believed. The report's words on them.
pub(crate) fn torn() -> String {
    let bench = Bench::new(Attach::Auto);
    let mut source = bench.open(bench.pinning().persist(true));
    bench.send(3);
    // A record needs an active timeout, so the test writes the journal by hand: slot 0, mark 0, which is the valid note.
    until("the flow is seen", || {
        (source.handle().stats().flows_open == 1).then_some(())
    });
    source.close();
    assert_eq!(rest(&mut source), []);
    shut(source);
    let journal = raw::pinned(&bench.layout().join("JOURNAL"));
    let mut page = [0; 136];
    raw::element_of(&journal, 0, &mut page);
    page[0] = 1 << 1;
    page[8..16].copy_from_slice(&1000_u64.to_le_bytes());
    raw::set_element(&journal, 0, &page);
    let (source, report) = bench.said();
    assert!(
        report.starts_with(
            "restart: the journal of 1 flow is not valid: more was delivered than counted; they are delivered again from their beginning; "
        ),
        "{report}"
    );
    assert_eq!(packets(&bench.finish(source)), 3);
    report
}
