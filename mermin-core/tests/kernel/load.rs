//! Nothing is lost or doubled while two CPUs send and flows begin and end.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use mermin_core::{Attach, Flow, Timeouts};

use crate::support::{
    frame::{self, IPV4, RST, SYN, source},
    host::Pair,
    ledger::{Egress, buffers, wire},
    traffic::{Busy, Injector, address, udp_socket},
    watch::{Outcome, Watch, on},
};

crate::cases! {
    each_mode busy_flows_closed_continuously_lose_nothing,
    each_mode connections_replaced_continuously_lose_nothing,
    each_mode connections_replaced_while_they_are_closed_lose_nothing,
}

/// Room in the table where connections come and go.
const FLOWS: u32 = 1 << 17;

/// Every timeout as short as it can be: each sweep closes every flow.
fn shortest() -> Timeouts {
    let mut timeouts = Timeouts::default();
    for timeout in [
        &mut timeouts.active,
        &mut timeouts.tcp,
        &mut timeouts.tcp_fin,
        &mut timeouts.tcp_half_closed,
        &mut timeouts.tcp_rst,
        &mut timeouts.udp,
        &mut timeouts.icmp,
        &mut timeouts.other,
    ] {
        *timeout = Duration::from_millis(1);
    }
    timeouts
}

fn packets(outcome: &Outcome, fits: impl Fn(&Flow) -> bool) -> u64 {
    let flows = outcome.flows.iter().filter(|flow| fits(flow));
    flows
        .map(|flow| flow.forward.packets.delta + flow.reverse.packets.delta)
        .sum()
}

/// Both CPUs send on the same flows, without a pause, and every sweep closes those flows.
fn busy_flows_closed_continuously_lose_nothing(mode: Attach) {
    let pair = Pair::new();
    let options = on("v0").attach(mode).timeouts(shortest());
    let mut watch = Watch::open(&pair.near, options);
    let far = address("10.0.0.2:53");
    let own = |port| SocketAddr::new(address("10.0.0.1:0").ip(), port);
    let _receiver = pair.far.run(|| std::net::UdpSocket::bind(far).unwrap());
    let sockets: Arc<Vec<_>> = Arc::new(
        (40_000..40_008)
            .map(|port| udp_socket(&pair.near, own(port), far))
            .collect(),
    );
    let busy = Busy::start(|_| {
        let sockets = Arc::clone(&sockets);
        move |_| {
            for socket in &*sockets {
                assert_eq!(socket.send(&[1; 32]).unwrap(), 32);
            }
            sockets.len() as u64
        }
    });
    // A flow ends only when the scheduler gives its senders a rest, which a busy machine does seldom.
    let sent = watch.take_during_until(busy, Duration::from_secs(2), |stats| {
        stats.flows_ended > 8 * 5
    });
    let outcome = watch.finish();
    assert_eq!(outcome.all_ignored(), 0, "{:#?}", outcome.stats);
    assert_eq!(outcome.packets, sent);
    assert_eq!(wire(&outcome, "v0", Egress), pair.near.sent("v0"));
    for port in 40_000..40_008 {
        let counted = packets(&outcome, |flow| flow.source.port == Some(port));
        assert_eq!(counted, sent / 8);
    }
}

/// Connections of one SYN and one RST, over and over from the same ports, on both CPUs. `ended` says how many flows have
/// ended: the open ones are held below half of the table by what was sent, since statistics may be late on a busy machine.
fn reset_connections(pair: &Pair, ended: impl Fn() -> u64 + Clone + Send + 'static) -> Busy {
    const PORTS: u64 = 1024;
    let far = address("10.0.0.2:80");
    let injector = Arc::new(Injector::new(&pair.near, "v0"));
    let begun = Arc::new(AtomicU64::new(0));
    Busy::start(|cpu| {
        let (injector, begun) = (Arc::clone(&injector), Arc::clone(&begun));
        let frames: Vec<[Vec<u8>; 2]> = (0..PORTS)
            .map(|number| {
                let near = source(cpu as u64 * PORTS + number);
                [SYN, RST].map(|flags| frame::ethernet(IPV4, &frame::tcp(near, far, flags)))
            })
            .collect();
        let ended = ended.clone();
        move |_| {
            begun.fetch_add(PORTS, Ordering::Relaxed);
            for [open, reset] in &frames {
                injector.send(open);
                injector.send(reset);
            }
            while begun.load(Ordering::Relaxed) > ended() + u64::from(FLOWS / 2) {
                thread::sleep(Duration::from_millis(2));
            }
            2 * PORTS
        }
    })
}

fn agrees(outcome: &Outcome, pair: &Pair, sent: u64) {
    assert_eq!(outcome.packets, sent);
    assert_eq!(buffers(outcome, "v0", Egress), pair.near.sent("v0"));
    assert_eq!(outcome.all_ignored(), 0, "{:#?}", outcome.stats);
}

/// Each SYN takes the place of a connection that was reset, faster than the ring takes them.
fn connections_replaced_continuously_lose_nothing(mode: Attach) {
    let pair = Pair::new();
    let mut watch = Watch::open(&pair.near, on("v0").max_flows(FLOWS).attach(mode));
    let handle = watch.handle.clone();
    let busy = reset_connections(&pair, move || handle.stats().flows_ended);
    let sent = watch.take_during(busy, Duration::from_secs(2));
    let outcome = watch.finish();
    agrees(&outcome, &pair, sent);
    for flow in &outcome.flows {
        assert_eq!(flow.forward.packets.total, 2, "{flow:#?}");
    }
}

/// The same while connections that were reset are closed at once: a SYN may come at any moment of that, and then goes
/// with the old connection or the new one.
fn connections_replaced_while_they_are_closed_lose_nothing(mode: Attach) {
    let pair = Pair::new();
    let options = on("v0").max_flows(FLOWS).attach(mode);
    let options = options.tcp_rst_timeout(Duration::from_millis(1));
    let mut watch = Watch::open(&pair.near, options);
    let handle = watch.handle.clone();
    let busy = reset_connections(&pair, move || handle.stats().flows_ended);
    let sent = watch.take_during_until(busy, Duration::from_secs(2), |stats| {
        stats.flows_ended > 1000
    });
    let outcome = watch.finish();
    agrees(&outcome, &pair, sent);
}
