//! Addresses that change while flows are exported: the collector's, and the exporter's own.

use std::{fs::File, net::UdpSocket, os::fd::AsFd as _, thread, time::Duration};

use futures::executor::block_on;
use mermin_core::sink::{FlowSink as _, testing::flows};
use mermin_ipfix::{Exporter, Settings};
use mermin_testing::{
    Folder,
    apart::{self, Role},
    wait,
};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::{decode::Decoded, expected::flow_id, udp::Collector};

pub(crate) const COLLECTOR: Role = ("moved_collector", follow);
pub(crate) const HOST: Role = ("moved_host", go_on);

pub(crate) fn collector() {
    apart::run(COLLECTOR, &["--net", "--mount"]);
}

pub(crate) fn host() {
    apart::run(HOST, &["--net", "--mount"]);
}

/// The name has another address: the next refresh finds it, and a new session begins there.
fn follow() {
    apart::command("ip link set lo up");
    let folder = Folder::new("hosts");
    let hosts = folder.file("hosts");
    let names = |address: &str| std::fs::write(&hosts, format!("{address} moving.test\n")).unwrap();
    names("127.0.0.2");
    apart::command(&format!("mount --bind {} /etc/hosts", hosts.display()));
    let [old, new] = ["127.0.0.2:4739", "127.0.0.3:4739"].map(Collector::at);
    follow_from_nowhere(names, &old, &new);
    follow_while_busy(names, &old, &new);
    for own_thread in [true, false] {
        names("127.0.0.2");
        let settings = Settings::default()
            .biflow(true)
            .own_thread(own_thread)
            .refresh(Duration::from_millis(100), u32::MAX);
        let mut sink = Exporter::udp("moving.test:4739", settings).unwrap();
        let mut exported = |record: usize| {
            block_on(sink.export(&flows(100)[record..=record])).unwrap();
            thread::sleep(Duration::from_millis(20));
        };
        exported(0);
        let first = flow_id(&flows(1)[0]);
        wait(|| old.since_first().ids().contains(&first));
        names("127.0.0.3");
        let mut record = 0;
        wait(|| {
            record = (record + 1) % 100;
            exported(record);
            !new.since_first().ids().is_empty()
        });
        // From its first message on, templates and numbers are those of a new session.
        let session = new.since_first();
        assert_eq!(session.messages[0].0, 0);
        session.check_sequence();
        drop(sink);
        forget([&old, &new]);
    }
}

/// Forgets what has arrived, also what the collectors' threads read later.
fn forget(collectors: [&Collector; 2]) {
    thread::sleep(Duration::from_millis(300));
    for collector in collectors {
        collector.forget();
    }
}

/// Templates are sent within each batch, so no refresh comes due. The name is looked up all the same.
fn follow_while_busy(names: impl Fn(&str), old: &Collector, new: &Collector) {
    names("127.0.0.2");
    let settings = Settings::default()
        .biflow(true)
        .refresh(Duration::from_secs(1), 300);
    let mut sink = Exporter::udp("moving.test:4739", settings).unwrap();
    let flows = flows(3000);
    block_on(sink.export(&flows)).unwrap();
    // The look-up at the first export ends before the name has another address.
    thread::sleep(Duration::from_millis(100));
    block_on(sink.export(&flows)).unwrap();
    names("127.0.0.3");
    let found = (0..60).any(|_| {
        block_on(sink.export(&flows)).unwrap();
        thread::sleep(Duration::from_millis(50));
        !new.since_first().ids().is_empty()
    });
    assert!(found);
    drop(sink);
    forget([old, new]);
}

/// No address of the name can be reached when the first flow is exported, and the name is put right later.
fn follow_from_nowhere(names: impl Fn(&str), old: &Collector, new: &Collector) {
    names("10.9.9.9");
    let mut sink = Exporter::udp("moving.test:4739", Settings::default()).unwrap();
    let mut export = || block_on(sink.export(&flows(1)));
    let words = export().unwrap_err().to_string();
    assert!(words.contains("cannot reach `moving.test:4739`"), "{words}");
    thread::sleep(Duration::from_millis(100));
    names("127.0.0.2");
    wait(|| export().is_ok());
    wait(|| !old.since_first().ids().is_empty());
    drop(sink);
    forget([old, new]);
}

/// The host's address changes, as by DHCP: the old socket cannot send any more.
fn go_on() {
    for line in [
        "mount -t tmpfs none /run",
        "ip netns add far",
        "ip link add near type veth peer name far netns far",
        "ip address add 10.9.1.1/24 dev near",
        "ip -n far address add 10.9.1.9/24 dev far",
        "ip link set near up",
        "ip -n far link set far up",
    ] {
        apart::command(line);
    }
    let collector = thread::spawn(|| {
        let far = File::open("/run/netns/far").unwrap();
        move_into_link_name_space(far.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        UdpSocket::bind("10.9.1.9:4739").unwrap()
    });
    let collector = collector.join().unwrap();
    collector
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let settings = Settings::default().biflow(true);
    let mut sink = Exporter::udp("10.9.1.9:4739", settings).unwrap();
    let flows = flows(2);
    let received = || {
        let mut datagram = vec![0; 1500];
        let (length, from) = collector.recv_from(&mut datagram).unwrap();
        (Decoded::read(&datagram[..length]).ids(), from)
    };
    block_on(sink.export(&flows[..1])).unwrap();
    let (ids, from) = received();
    assert_eq!(ids, [flow_id(&flows[0])]);
    apart::command("ip address del 10.9.1.1/24 dev near");
    apart::command("ip address add 10.9.1.2/24 dev near");
    // The batch at which the change is noticed fails, and is sent again.
    let again = block_on(async {
        match sink.export(&flows[1..]).await {
            Ok(()) => panic!("the socket's address is gone"),
            Err(_) => sink.export(&flows[1..]).await,
        }
    });
    again.unwrap();
    let (ids, now) = received();
    assert_eq!(ids, [flow_id(&flows[1])]);
    assert_eq!(now.ip().to_string(), "10.9.1.2");
    assert_eq!(now.port(), from.port());
}
