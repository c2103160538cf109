//! Errors name their cause and a remedy.

use std::error::Error as _;

use mermin_core::{Attach, Error, ErrorKind, FlowSource, FlowSourceBuilder};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};

use crate::support::{
    attached,
    host::{Host, Pair},
    traffic::{address, udp_dialogue},
    wait::{LONGEST, within},
    watch::{Watch, on, try_open},
};

crate::cases! {
    case missing_interface_is_an_error,
    case error_without_capabilities_names_them,
    case error_with_some_capabilities_names_the_others,
    case degradations_are_reported,
    each_mode degradations_are_errors_under_strict,
}

fn refused(host: &Host, options: FlowSourceBuilder) -> Error {
    match try_open(host, options) {
        Ok(_) => panic!("it must not open"),
        Err(error) => error,
    }
}

fn missing_interface_is_an_error() {
    let pair = Pair::new();
    let error = refused(&pair.near, on("v9"));
    assert_eq!(error.kind(), ErrorKind::NoInterface);
    assert_eq!(error.to_string(), "cannot find the interface `v9`");
    assert_eq!(error.remedy(), Some("name one of those there are: lo, v0"));
    let later = on("eth*").interfaces(["eth*", "w?"]);
    let error = refused(&pair.near, later.hot_plug(false));
    assert_eq!(
        error.to_string(),
        "cannot find an interface that matches `eth*` or `w?`"
    );
    // Nothing is up but loopback.
    let error = refused(&Host::new(), FlowSource::builder().hot_plug(false));
    assert_eq!(error.kind(), ErrorKind::NoInterface);
}

/// Opens with these capabilities alone.
fn open_with(host: &Host, capabilities: CapabilitySet) -> Error {
    let open = host.run(|| {
        let sets = CapabilitySets {
            effective: capabilities,
            permitted: capabilities,
            inheritable: CapabilitySet::empty(),
        };
        // They are the thread's, and the source's threads inherit them.
        set_capabilities(None, sets).unwrap();
        within(LONGEST, on("v0").open()).expect("opening hangs")
    });
    match open {
        Ok(_) => panic!("it must not open"),
        Err(error) => error,
    }
}

fn error_without_capabilities_names_them() {
    let pair = Pair::new();
    let error = open_with(&pair.near, CapabilitySet::empty());
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
    let remedy = error.remedy().unwrap();
    for name in ["CAP_NET_ADMIN", "CAP_BPF", "CAP_PERFMON"] {
        assert!(remedy.contains(name), "{remedy}");
    }
    assert!(error.source().is_some(), "{error:?}");
    assert_eq!(attached::at(&pair.near, "v0"), "");
}

fn error_with_some_capabilities_names_the_others() {
    let pair = Pair::new();
    for (given, missing) in [
        (CapabilitySet::NET_ADMIN | CapabilitySet::BPF, "CAP_PERFMON"),
        (CapabilitySet::BPF | CapabilitySet::PERFMON, "CAP_NET_ADMIN"),
        (CapabilitySet::NET_ADMIN | CapabilitySet::PERFMON, "CAP_BPF"),
    ] {
        let error = open_with(&pair.near, given);
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
        let remedy = error.remedy().unwrap();
        for name in ["CAP_NET_ADMIN", "CAP_BPF", "CAP_PERFMON"] {
            assert_eq!(
                remedy.contains(name),
                name == missing,
                "{given:?}: {remedy}"
            );
        }
        assert_eq!(attached::at(&pair.near, "v0"), "");
    }
}

/// A pattern that matches nothing beside one that does.
fn degradations_are_reported() {
    let pair = Pair::new();
    let source = try_open(&pair.near, on("v0").interfaces(["v0", "eth*"])).unwrap();
    let report = source.report().to_string();
    assert_eq!(report.lines().count(), 1, "{report}");
    assert!(
        report.starts_with("pattern: `eth*` matches no interface; "),
        "{report}"
    );
    let report = source.report();
    let names: Vec<&str> = report.interfaces.iter().map(|at| &*at.name).collect();
    assert_eq!(names, ["v0"]);
    let watch = Watch::new(source);
    let (near, far) = (address("10.0.0.1:40000"), address("10.0.0.2:53"));
    udp_dialogue(&pair, [near, far], 3, [10, 20]);
    assert_eq!(watch.finish().packets, 6);
}

fn degradations_are_errors_under_strict(mode: Attach) {
    let pair = Pair::new();
    let options = on("v0").attach(mode).strict(true);
    let error = refused(&pair.near, options.clone().interfaces(["v0", "eth*"]));
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(
        error.to_string().contains("`eth*` matches no interface"),
        "{error}"
    );
    assert_eq!(attached::at(&pair.near, "v0"), "");
    // Nothing is given up here.
    Watch::open(&pair.near, options).shut();
}
