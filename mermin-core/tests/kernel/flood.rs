//! A flood of new flows: what has no room is counted, what was there before keeps its counts, and memory stays as it is.

use std::time::Duration;

use mermin_core::{
    Attach,
    lab::{
        Generator, Order,
        frame::{flag::SYN, tcp},
    },
};

use crate::{
    Case, case,
    support::{
        host::Pair,
        process,
        traffic::{address, udp_dialogue},
        watch::{Watch, on},
    },
};

/// Ten seconds of a million new flows each, for a machine that can send as many.
const FLOWS: u32 = 10_000_000;
const ROUNDS: u32 = 10;
const ROOM: u32 = 65_536;
/// Resident memory that other work of the process may take meanwhile, kB.
const SLACK: u64 = 8 * 1024;

pub(crate) fn cases() -> Vec<Case> {
    vec![case("a_flood_of_syns", a_flood_of_syns)]
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    kilobytes.unwrap().parse().unwrap()
}

fn a_flood_of_syns() {
    process::alone("a_flood_of_syns", || {
        let pair = Pair::new();
        // Gives the interface the receive queues that live frames need.
        pair.near.shell("ethtool -K v0 gro on");
        let options = on("v0").max_flows(ROOM).attach(Attach::Tc { priority: 1 });
        let options = options.tcp_timeout(Duration::from_hours(1));
        let mut watch = Watch::open(&pair.near, options);
        let (near, far) = (address("10.0.0.1:40000"), address("10.0.0.2:53"));
        let talk = || udp_dialogue(&pair, [near, far], 10, [10, 20]);
        talk();
        let index = pair.near.index("v0");
        let frame = tcp(address("198.18.0.1:1"), address("203.0.113.1:443"), SYN, 0);
        let generator = Generator::new(Order::Sequence, FLOWS).unwrap();
        let mut full = 0;
        for round in 0..ROUNDS {
            pair.near.run(|| {
                generator.send(index, &frame, FLOWS / ROUNDS).unwrap();
            });
            talk();
            watch.take_for(Duration::from_millis(1));
            if round == 0 {
                full = resident();
            }
        }
        let after = resident();
        assert!(after <= full + SLACK, "{full} kB, then {after} kB");
        let outcome = watch.finish();
        let flood = u64::from(FLOWS);
        assert_eq!(outcome.packets, flood + 20 * u64::from(ROUNDS + 1));
        let dialogue = outcome.only(|flow| flow.destination.port == Some(53));
        assert_eq!(dialogue.forward.packets.total, 10 * u64::from(ROUNDS + 1));
        assert_eq!(dialogue.reverse.packets.total, 10 * u64::from(ROUNDS + 1));
        assert!(outcome.uncounted("table_full") > 0);
        let counted: u64 = outcome
            .flows
            .iter()
            .filter(|flow| flow.destination.port == Some(443))
            .map(|flow| flow.forward.packets.total + flow.reverse.packets.total)
            .sum();
        assert_eq!(counted + outcome.all_uncounted(), flood);
    });
}
