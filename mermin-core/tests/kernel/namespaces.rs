//! Network namespaces other than the process's own.

use std::{
    fs::File,
    sync::atomic::{AtomicU32, Ordering},
};

use futures::StreamExt;
use mermin_core::{Error, ErrorKind, FlowSource, NetNs, flow::EndReason};

use crate::support::{
    host::Pair,
    traffic::{address, udp_dialogue},
    wait::{LONGEST, within},
    watch::{Watch, on},
};

crate::cases! {
    case namespace_is_watched_by_its_path,
    case deleted_namespace_ends_the_source,
}

fn talk(pair: &Pair) {
    let [near, far] = ["10.0.0.1:40000", "10.0.0.2:53"].map(address);
    udp_dialogue(pair, [near, far], 10, [10, 20]);
}

fn open(netns: NetNs) -> Result<FlowSource, Error> {
    within(LONGEST, on("/v[01]/").netns(netns).open()).expect("opening hangs")
}

/// Two sources in two namespaces, opened by a thread that is in neither and stays where it is.
fn namespace_is_watched_by_its_path() {
    let pair = Pair::new();
    let own = || std::fs::read_link("/proc/thread-self/ns/net").unwrap();
    let before = own();
    let watches = [&pair.near, &pair.far]
        .map(|host| Watch::new(open(NetNs::Path(host.path().into())).unwrap()));
    let asked = on("v0").netns(NetNs::Path(pair.near.path().into()));
    let report = within(LONGEST, asked.preflight()).expect("preflight hangs");
    assert!(report.unwrap().can_capture());
    assert_eq!(own(), before);
    talk(&pair);
    for (watch, name) in watches.into_iter().zip(["v0", "v1"]) {
        let outcome = watch.finish();
        assert_eq!(outcome.packets, 20);
        assert_eq!(&*outcome.flows[0].interface.name, name);
    }
}

fn deleted_namespace_ends_the_source() {
    let error = deleted();
    assert_eq!(error.kind(), ErrorKind::NoInterface);
    let expected = "no longer leads to the watched network namespace";
    assert!(error.to_string().ends_with(expected), "{error}");
}

/// How a source ends whose namespace is deleted. The source itself keeps it alive, so its name is what tells.
pub(crate) fn deleted() -> Error {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let pair = Pair::new();
    let name = std::env::temp_dir().join(format!("mermin-netns-{}-{number}", std::process::id()));
    File::create(&name).unwrap();
    let shown = name.display();
    pair.near
        .shell(&format!("mount --bind {} {shown}", pair.near.path()));
    let mut source = open(NetNs::Path(name.clone())).unwrap();
    talk(&pair);
    pair.near.shell(&format!("umount -l {shown}"));
    std::fs::remove_file(&name).unwrap();
    let next = |source: &mut FlowSource| within(LONGEST, source.next()).expect("it ends").unwrap();
    let flow = next(&mut source).unwrap();
    assert_eq!(flow.end_reason, EndReason::ForcedEnd);
    assert_eq!(flow.forward.packets.total + flow.reverse.packets.total, 20);
    let error = next(&mut source).unwrap_err();
    let end = within(LONGEST, source.next()).expect("it ends");
    assert!(end.is_none());
    error
}
