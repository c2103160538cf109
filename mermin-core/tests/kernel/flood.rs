//! A flood of new flows: packets without room are counted, existing flows keep counting, and memory does not grow.

use std::{
    thread,
    time::{Duration, Instant},
};

use mermin_core::{
    Attach,
    lab::{
        Generator, Order,
        frame::{flag::SYN, tcp},
    },
};

use crate::support::{
    host::Pair,
    process::{extent, resident},
    traffic::{address, udp_dialogue},
    watch::{Watch, on},
};

/// Flows that differ: more than are sent in ten seconds.
const FLOWS: u32 = 1 << 25;
/// Packets of each CPU between two looks at the flow that was there before.
const AT_ONCE: u32 = 250_000;
/// Packets of more CPUs would all be alike.
const MOST_SENDERS: usize = 4;
const ROOM: u32 = 65_536;
/// Resident memory that other work of the process may take meanwhile, KiB.
const SLACK: u64 = 8 * 1024;

crate::cases! {
    each_mode_alone flood_of_syns_is_counted_whole,
}

/// Lasts two seconds, or `MERMIN_FLOOD_SECONDS`, at the highest speed of this machine.
fn flood_of_syns_is_counted_whole(mode: Attach) {
    let pair = Pair::new();
    // Gives the interface the receive queues that live frames need.
    pair.near.shell("ethtool -K v0 gro on");
    let options = on("v0").max_flows(ROOM).attach(mode);
    let options = options.tcp_timeout(Duration::from_secs(3_600));
    let mut watch = Watch::open(&pair.near, options);
    let (near, far) = (address("10.0.0.1:40000"), address("10.0.0.2:53"));
    let talk = || udp_dialogue(&pair, [near, far], 10, [10, 20]);
    talk();
    let index = pair.near.index("v0");
    let frame = tcp(address("198.18.0.1:1"), address("203.0.113.1:443"), SYN, 0);
    let generator = Generator::new(Order::Sequence, FLOWS).unwrap();
    let senders = thread::available_parallelism().map_or(1, |cpus| cpus.get().min(MOST_SENDERS));
    let longest = Duration::from_secs(extent("MERMIN_FLOOD_SECONDS", 2));
    let (mut rounds, mut sending, mut full) = (0, Duration::ZERO, 0);
    while rounds < 3 || sending < longest {
        let began = Instant::now();
        pair.near.run(|| {
            // One CPU alone, which sends and counts in turn, is near its limit at a million a second.
            thread::scope(|scope| {
                for _ in 0..senders {
                    scope.spawn(|| generator.send(index, &frame, AT_ONCE).unwrap());
                }
            });
        });
        sending += began.elapsed();
        rounds += 1;
        talk();
        watch.take_for(Duration::from_millis(1));
        if rounds == 1 {
            full = resident();
        }
    }
    let after = resident();
    assert!(after <= full + SLACK, "{full} KiB, then {after} KiB");
    let outcome = watch.finish();
    let flood = u64::from(AT_ONCE) * senders as u64 * rounds;
    eprintln!(
        "{mode:?}: {flood} SYNs in {sending:?}, {:.2} million a second; {full} KiB, then {after}",
        Duration::from_secs(flood).as_secs_f64() / sending.as_secs_f64() / 1e6
    );
    assert_eq!(outcome.packets, flood + 20 * (rounds + 1));
    let dialogue = outcome.only(|flow| flow.destination.port == Some(53));
    assert_eq!(dialogue.forward.packets.total, 10 * (rounds + 1));
    assert_eq!(dialogue.reverse.packets.total, 10 * (rounds + 1));
    assert!(outcome.ignored("table_full") > 0);
    let counted: u64 = outcome
        .flows
        .iter()
        .filter(|flow| flow.destination.port == Some(443))
        .map(|flow| flow.forward.packets.delta + flow.reverse.packets.delta)
        .sum();
    assert_eq!(counted + outcome.all_ignored(), flood);
}
