//! A source that a process with privileges opens, and from which a process without privileges captures.

use std::{
    fs::{self, File, Permissions},
    os::{
        fd::OwnedFd,
        unix::{
            fs::PermissionsExt as _,
            net::{UnixListener, UnixStream},
        },
    },
    path::PathBuf,
    time::Duration,
};

use mermin_core::{
    Attach, Error, ErrorKind, FlowSourceBuilder, Handover, Pinning,
    lab::{Fault, with_fault},
    report::Feature,
};
use rustix::thread::CapabilitySet;

use super::{
    analysed::request,
    child::Orders,
    instance_name,
    killed::{Siege, kill_at_each, kill_at_random},
    pins,
};
use crate::support::{
    attached,
    child_process::ChildProcess,
    frame,
    host::{Host, Pair},
    object::{without_clock, without_sockets},
    raw,
    rights::become_nobody,
    traffic::{Injector, address, udp_dialogue},
    wait::{LONGEST, until_true, within},
    watch::{Watch, on},
};

crate::cases! {
    by_tcx passed_source_counts_as_nobody,
    by_tcx kills_of_a_process_without_capabilities_lose_nothing,
    by_tcx kill_at_fail_points_of_a_process_without_capabilities_loses_nothing,
    by_tcx passed_source_watches_later_interfaces,
    by_tcx passed_source_has_every_option,
    by_tcx passed_instance_has_one_owner,
    by_tcx foreign_descriptors_are_refused,
    by_tcx passed_source_without_a_program_for_drops_says_so,
    by_tcx passed_source_counts_an_interface_deleted_before,
    by_tcx source_refused_by_strict_is_not_prepared,
    by_tcx source_is_not_prepared_without_an_instance,
    by_tcx passed_source_says_what_its_instance_lacks,
    by_tcx payloads_lost_before_a_source_is_passed_are_counted,
    by_tcx free_slots_that_were_never_used_are_refused,
}

/// Where a child waits for its source.
fn path(instance: &str) -> PathBuf {
    std::env::temp_dir().join(format!("mermin-{instance}.socket"))
}

/// The child's end.
pub(super) fn socket(instance: &str) -> UnixStream {
    UnixStream::connect(path(instance)).unwrap()
}

/// Opens a source here, and passes it to a child that is `nobody` and has no capability.
pub(super) fn start(orders: &Orders, task: &str) -> ChildProcess {
    let path = path(&orders.instance);
    let _ = fs::remove_file(&path);
    let listener = UnixListener::bind(&path).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
    let handover = prepare(orders.builder()).unwrap();
    let child = Host::at(&orders.netns).run(|| {
        become_nobody(CapabilitySet::empty());
        ChildProcess::start(task)
    });
    let (socket, _) = listener.accept().unwrap();
    handover.send(&socket).unwrap();
    fs::remove_file(&path).unwrap();
    child
}

fn prepare(options: FlowSourceBuilder) -> Result<Handover, Error> {
    let (handover, report) = within(LONGEST, options.prepare()).expect("preparing hangs")?;
    assert_eq!(report.to_string(), "");
    Ok(handover)
}

fn orders(pair: &Pair) -> Orders {
    Orders {
        passes: true,
        ..Orders::new(&pair.near, "v0", &instance_name(), Attach::Tcx)
    }
}

fn siege(filter: bool) -> Siege {
    let pair = Pair::new();
    let orders = orders(&pair);
    Siege::passed(pair, orders, filter)
}

fn kills_of_a_process_without_capabilities_lose_nothing() {
    kill_at_random(siege(true), "killed at random, without capabilities");
}

fn kill_at_fail_points_of_a_process_without_capabilities_loses_nothing() {
    kill_at_each(siege(false), "killed at fail points, without capabilities");
}

/// Each packet of its traffic is in a record or under a reason, and nothing is left.
fn passed_source_counts_as_nobody() {
    let pair = Pair::new();
    let orders = Orders {
        timeouts: [600_000; 2],
        ..orders(&pair)
    };
    let mut process = orders.start();
    assert_eq!(process.opened().report, "");
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().split_whitespace().collect::<Vec<_>>()
    };
    assert_eq!(line("Uid:"), ["65534"; 4]);
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        assert_eq!(line(set), ["0000000000000000"]);
    }
    let [near, far] = ["10.0.0.1:4000", "10.0.0.2:53"].map(address);
    udp_dialogue(&pair, [near, far], 10, [10, 20]);
    process.close();
    let mut referee = super::child::Referee::default();
    referee.hear(process.rest());
    referee.check_sequences();
    // IP and UDP headers are 28 octets.
    let sums = referee.sums();
    assert_eq!(sums.len(), 1, "{sums:?}");
    assert_eq!(sums[&*near.to_string()], [20, 10 * (38 + 48)]);
    assert_eq!(attached::at(&pair.near, "v0"), "");
    Pinning::instance(&orders.instance).remove().unwrap();
    assert!(!pins(&orders.instance).exists());
}

/// The kernel lets who has a program attach it. Only the pin is missing, and the report says so.
fn passed_source_watches_later_interfaces() {
    let pair = Pair::new();
    let instance = instance_name();
    let options = on("v*").pinning(Pinning::instance(&instance));
    let handover = pair.near.run(|| prepare(options.clone())).unwrap();
    let watch = Watch::new(pair.near.run(|| {
        become_nobody(CapabilitySet::empty());
        within(LONGEST, options.clone().open_passed(handover))
            .expect("opening hangs")
            .unwrap()
    }));
    assert_eq!(watch.source.report().to_string(), "");
    pair.join(1);
    until_true("the interface to be watched", || {
        watch.source.report().interfaces.len() == 2
    });
    let report = watch.source.report();
    let pinning: Vec<_> = report
        .degradations
        .iter()
        .map(|row| (row.interface.as_deref(), row.cause.to_string()))
        .collect();
    assert_eq!(pinning.len(), 2, "{pinning:?}");
    for (interface, cause) in &pinning {
        assert_eq!(*interface, Some("v2"));
        assert!(cause.contains("the pins are another process's"), "{cause}");
    }
    for interface in ["v0", "v2"] {
        let injector = Injector::new(&pair.near, interface);
        (0..30).for_each(|number| injector.send(&frame::numbered(number)));
    }
    let outcome = watch.finish();
    let packets: u64 = outcome
        .flows
        .iter()
        .map(|flow| flow.forward.packets.delta + flow.reverse.packets.delta)
        .sum();
    assert_eq!(packets, 60);
    Pinning::instance(&instance).remove().unwrap();
    assert!(!pins(&instance).exists());
}

/// The options that bring a program, a link or a map of their own, and those that change what is attached.
fn passed_source_has_every_option() {
    let pair = Pair::new();
    let instance = instance_name();
    let options = on("v0")
        .names(true)
        .drops(true)
        .tcp_analysis(true)
        .tcp_sockets(true)
        .exact_end(true);
    let [near, far] = ["10.0.0.1:4000", "10.0.0.2:53"].map(address);
    // A new instance, and one that is taken over.
    for flows in [0, 1] {
        let pinning = Pinning::instance(&instance).persist(flows == 0);
        let prepared = options.clone().pinning(pinning);
        let handover = pair.near.run(|| prepare(prepared)).unwrap();
        let source = pair.near.run(|| {
            become_nobody(CapabilitySet::empty());
            within(LONGEST, options.clone().open_passed(handover))
                .expect("opening hangs")
                .unwrap()
        });
        let report = source.report();
        assert_eq!(report.degradations, []);
        assert_eq!(report.recovered.unwrap().flows, flows);
        let watch = Watch::new(source);
        if flows == 1 {
            let outcome = watch.finish();
            assert_eq!(outcome.flows.len(), 1);
            let [forward, reverse] = [&outcome.flows[0].forward, &outcome.flows[0].reverse];
            assert_eq!([forward, reverse].map(|side| side.packets.total), [10; 2]);
        } else {
            udp_dialogue(&pair, [near, far], 10, [10, 20]);
            // The flow stays, by `persist` of the process that prepared.
            watch.shut();
        }
    }
    Pinning::instance(&instance).remove().unwrap();
}

fn passed_instance_has_one_owner() {
    let pair = Pair::new();
    let instance = instance_name();
    let options = on("v0").pinning(Pinning::instance(&instance));
    let refused = |options: FlowSourceBuilder| {
        let refused = pair.near.run(|| prepare(options)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InUse, "{refused}");
    };
    let handover = pair.near.run(|| prepare(options.clone())).unwrap();
    refused(options.clone());
    assert_eq!(
        Pinning::instance(&instance).remove().unwrap_err().kind(),
        ErrorKind::InUse
    );
    // Packets are counted before anybody captures, and after nobody does any more.
    let injector = Injector::new(&pair.near, "v0");
    injector.send(&frame::numbered(1));
    drop(handover);
    injector.send(&frame::numbered(1));
    let handover = pair.near.run(|| prepare(options.clone())).unwrap();
    let open = options.clone().open_passed(handover);
    let source = pair.near.run(|| within(LONGEST, open)).unwrap().unwrap();
    assert_eq!(source.report().recovered.unwrap().flows, 1);
    let watch = Watch::new(source);
    refused(options);
    injector.send(&frame::numbered(1));
    let outcome = watch.finish();
    assert_eq!(outcome.flows.len(), 1);
    let [forward, reverse] = [&outcome.flows[0].forward, &outcome.flows[0].reverse];
    assert_eq!(forward.packets.total + reverse.packets.total, 3);
    Pinning::instance(&instance).remove().unwrap();
    assert!(!pins(&instance).exists());
}

/// Every descriptor in the place of every other, and in none.
fn foreign_descriptors_are_refused() {
    let pair = Pair::new();
    let instance = instance_name();
    let options = on("v0").drops(true).pinning(Pinning::instance(&instance));
    let refused = |options: &FlowSourceBuilder, handover| {
        let open = options.clone().open_passed(handover);
        let answer = pair.near.run(|| within(LONGEST, open)).unwrap();
        let error = answer.expect_err("it must be refused");
        assert_eq!(error.kind(), ErrorKind::InvalidOption, "{error}");
        error.to_string()
    };
    let parts = || {
        let handover = pair.near.run(|| prepare(options.clone())).unwrap();
        handover.into_parts()
    };
    let copies_of = |descriptors: &[OwnedFd]| -> Vec<OwnedFd> {
        let copy = |descriptor: &OwnedFd| descriptor.try_clone().unwrap();
        descriptors.iter().map(copy).collect()
    };
    let replace_each = |header: &[u8], descriptors: &[OwnedFd]| {
        for replaced in 0..descriptors.len() {
            let mut other = copies_of(descriptors);
            other[replaced] = File::open("/dev/null").unwrap().into();
            refused(&options, Handover::from_parts(header, other).unwrap());
            let mut other = copies_of(descriptors);
            let next = (replaced + 1) % other.len();
            other.swap(replaced, next);
            refused(&options, Handover::from_parts(header, other).unwrap());
        }
    };
    let (header, descriptors) = parts();
    replace_each(&header, &descriptors);
    drop(descriptors);
    // An instance that is taken over has one more, the free slots of the former process.
    let (header, descriptors) = parts();
    assert!(header.ends_with(b"former_free\n"));
    replace_each(&header, &descriptors);
    let copies = || copies_of(&descriptors);
    let mut fewer = copies();
    fewer.pop();
    let error = Handover::from_parts(&header, fewer).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidOption);
    for (other, name) in [
        (options.clone().max_flows(64), "`max_flows`"),
        (options.clone().names(true), "`names`"),
        (options.clone().tcp_sockets(true), "`tcp_sockets`"),
        (options.clone().interfaces(["v*"]), "`interfaces`"),
    ] {
        let said = refused(&other, Handover::from_parts(&header, copies()).unwrap());
        assert!(said.contains(name), "{said}");
    }
    let by_filters = options.clone().attach(Attach::Tc);
    let said = refused(
        &by_filters,
        Handover::from_parts(&header, copies()).unwrap(),
    );
    assert!(said.contains("tc filters"), "{said}");
    let elsewhere = options
        .clone()
        .open_passed(Handover::from_parts(&header, copies()).unwrap());
    let error = pair.far.run(|| within(LONGEST, elsewhere)).unwrap();
    let error = error.expect_err("the interfaces are not there");
    assert!(
        matches!(
            error.kind(),
            ErrorKind::InvalidOption | ErrorKind::NoInterface
        ),
        "{error}"
    );
    // None of that has changed anything.
    let injector = Injector::new(&pair.near, "v0");
    injector.send(&frame::numbered(1));
    let open = options
        .clone()
        .open_passed(Handover::from_parts(&header, descriptors).unwrap());
    let source = pair.near.run(|| within(LONGEST, open)).unwrap().unwrap();
    let mut watch = Watch::new(source);
    watch.take_for(Duration::from_millis(1));
    assert_eq!(watch.finish().flows.len(), 1);
    Pinning::instance(&instance).remove().unwrap();
}

/// As of a process that the kernel refused to attach it.
fn passed_source_without_a_program_for_drops_says_so() {
    let pair = Pair::new();
    let instance = instance_name();
    let options = on("v0").drops(true).pinning(Pinning::instance(&instance));
    let handover = pair.near.run(|| prepare(options.clone())).unwrap();
    let (header, descriptors) = handover.into_parts();
    let header = String::from_utf8(header).unwrap();
    let lines: Vec<&str> = header.lines().collect();
    let (facts, roles) = lines.split_at(lines.len() - descriptors.len());
    let open = |without: &[&str]| {
        let kept = roles.iter().zip(&descriptors);
        let kept = kept.filter(|(role, _)| !without.contains(*role));
        let (roles, descriptors): (Vec<&str>, Vec<OwnedFd>) = kept
            .map(|(role, descriptor)| (*role, descriptor.try_clone().unwrap()))
            .unzip();
        let header = [facts, &roles, &[""]].concat().join("\n");
        let handover = Handover::from_parts(header.as_bytes(), descriptors).unwrap();
        let open = options.clone().open_passed(handover);
        pair.near.run(|| within(LONGEST, open)).unwrap()
    };
    let [program, link] = ["program mermin_drop", "drop_link"];
    for half in [program, link] {
        let error = open(&[half]).expect_err("the other half is of no use");
        assert_eq!(error.kind(), ErrorKind::InvalidOption, "{error}");
    }
    let source = open(&[program, link]).unwrap();
    let report = source.report();
    let [row] = &report.degradations[..] else {
        panic!("{report}");
    };
    assert!(row.cause.contains("passed no program"), "{row}");
    let watch = Watch::new(source);
    Injector::new(&pair.near, "v0").send(&frame::numbered(1));
    assert_eq!(watch.finish().packets, 1);
    drop(descriptors);
    Pinning::instance(&instance).remove().unwrap();
}

fn passed_source_counts_an_interface_deleted_before() {
    let pair = Pair::new();
    pair.join(1);
    let instance = instance_name();
    let options = on("v*").pinning(Pinning::instance(&instance));
    let handover = pair.near.run(|| prepare(options.clone())).unwrap();
    for (interface, packets) in [("v0", 5), ("v2", 7)] {
        let injector = Injector::new(&pair.near, interface);
        (0..packets).for_each(|_| injector.send(&frame::numbered(1)));
    }
    pair.near.shell("ip link del v2");
    let open = options.open_passed(handover);
    let source = pair.near.run(|| within(LONGEST, open)).unwrap().unwrap();
    let outcome = Watch::new(source).finish();
    let removed = outcome.stats.removed_interfaces.iter();
    let removed: u64 = removed.map(|hook| hook.traffic.packets).sum();
    assert_eq!((outcome.packets, removed), (12, 7));
    let told = outcome.flows.iter();
    let told: u64 = told
        .map(|flow| flow.forward.packets.delta + flow.reverse.packets.delta)
        .sum();
    assert_eq!(told, 12);
    Pinning::instance(&instance).remove().unwrap();
}

fn source_refused_by_strict_is_not_prepared() {
    let pair = Pair::new();
    let instance = instance_name();
    let options = on("v0").strict(true).pinning(Pinning::instance(&instance));
    let error = pair.near.run(|| {
        raw::deny(libc::SYS_membarrier).unwrap();
        prepare(options.clone()).unwrap_err()
    });
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.to_string().contains("membarrier"), "{error}");
    assert_eq!(attached::at(&pair.near, "v0"), "");
    assert!(!pins(&instance).exists());
    drop(pair.near.run(|| prepare(options)).unwrap());
    Pinning::instance(&instance).remove().unwrap();
}

fn source_is_not_prepared_without_an_instance() {
    let pair = Pair::new();
    let named = || Pinning::instance(instance_name());
    for options in [
        on("v0"),
        on("v0").attach(Attach::Tc).pinning(named()),
        on("v0").pinning(named().bpffs("/nowhere/bpf")),
    ] {
        let error = pair.near.run(|| prepare(options)).unwrap_err();
        assert!(error.remedy().is_some(), "{error}");
    }
    assert_eq!(attached::at(&pair.near, "v0"), "");
    // The refusal comes before anything is loaded.
    let options = on("v0").pinning(named().bpffs("/nowhere/bpf"));
    let error = pair.near.run(|| {
        raw::deny(libc::SYS_bpf).unwrap();
        prepare(options).unwrap_err()
    });
    assert!(error.to_string().contains("cannot pin"), "{error}");
}

/// An instance that was made smaller, and without the analysis of TCP or the values of sockets, which the kernel refused.
fn passed_source_says_what_its_instance_lacks() {
    passed_source_lacks(without_clock("mermin_tcp"), Feature::TcpAnalysis);
    passed_source_lacks(without_sockets("mermin_create"), Feature::TcpSockets);
}

fn passed_source_lacks(object: &'static [u8], feature: Feature) {
    let pair = Pair::new();
    let instance = instance_name();
    let options = on("v0")
        .tcp_analysis(true)
        .tcp_sockets(true)
        .pinning(Pinning::instance(&instance));
    let prepare = |options: FlowSourceBuilder| {
        let prepared = pair.near.run(|| within(LONGEST, options.prepare()));
        prepared.expect("preparing hangs").unwrap()
    };
    let refused = with_fault(options.clone(), Fault::Object(object));
    drop(prepare(refused.max_flows(64)));
    let options = options.max_flows(128);
    let (handover, prepared) = prepare(options.clone());
    let open = options.open_passed(handover);
    let source = pair.near.run(|| within(LONGEST, open)).unwrap().unwrap();
    let passed = source.report();
    let features: Vec<_> = prepared
        .degradations
        .iter()
        .map(|row| row.feature)
        .collect();
    assert_eq!(features, [Feature::Restart, feature]);
    assert_eq!(passed.degradations, prepared.degradations);
    let _ = Watch::new(source).finish();
    Pinning::instance(&instance).remove().unwrap();
}

/// Nothing reads the ring before the other process has it.
fn payloads_lost_before_a_source_is_passed_are_counted() {
    const SENT: u16 = 200;
    let pair = Pair::new();
    let instance = instance_name();
    let options = with_fault(on("v0").names(true), Fault::SectionRing(4096))
        .pinning(Pinning::instance(&instance));
    let handover = pair.near.run(|| prepare(options.clone())).unwrap();
    let injector = Injector::new(&pair.far, "v1");
    (1..=SENT).for_each(|port| injector.send(&request(port)));
    let open = options.open_passed(handover);
    let source = pair.near.run(|| within(LONGEST, open)).unwrap().unwrap();
    let payloads = Watch::new(source).finish().stats.payloads;
    assert!(payloads.read != 0 && payloads.lost != 0, "{payloads:?}");
    assert_eq!(
        payloads.read + payloads.lost,
        u64::from(SENT),
        "{payloads:?}"
    );
    Pinning::instance(&instance).remove().unwrap();
}

fn free_slots_that_were_never_used_are_refused() {
    let pair = Pair::new();
    let instance = instance_name();
    let options = on("v0").pinning(Pinning::instance(&instance));
    drop(pair.near.run(|| prepare(options.clone())).unwrap());
    let handover = pair.near.run(|| prepare(options.clone())).unwrap();
    let (header, descriptors) = handover.into_parts();
    let header = String::from_utf8(header).unwrap();
    assert!(header.contains("\nfree 0 \n"), "{header}");
    for free in ["free 1 ", "free 4000 ", "free 65536 7,9", "free 65537 "] {
        let header = header.replace("free 0 ", free);
        let copies = descriptors.iter().map(|it| it.try_clone().unwrap());
        let handover = Handover::from_parts(header.as_bytes(), copies.collect()).unwrap();
        let open = options.clone().open_passed(handover);
        let answer = pair.near.run(|| within(LONGEST, open)).unwrap();
        let error = answer.map(drop).expect_err("the slots were never used");
        assert_eq!(error.kind(), ErrorKind::InvalidOption, "{free}: {error}");
    }
    drop(descriptors);
    Pinning::instance(&instance).remove().unwrap();
}
