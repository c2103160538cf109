//! Killed under load, at any moment and at the worst ones: every packet is told, in records that are told once.

use std::{thread, time::Duration};

use mermin_core::{Attach, lab::Point};

use super::{
    child::{Opened, Orders, Process, Referee, Said},
    instance_name, pins,
    traffic::{Load, OCTETS},
};
use crate::{
    Case, each_mode,
    support::{attached, frame, host::Pair, wait::LONGEST},
};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(each_mode("killed_at_random", killed_at_random));
    cases.extend(each_mode(
        "killed_at_the_worst_moments",
        killed_at_the_worst_moments,
    ));
    cases
}

/// Kills at random moments: a number that `MERMIN_KILLS` may raise.
fn kills() -> u64 {
    let asked = std::env::var("MERMIN_KILLS").ok();
    asked.and_then(|kills| kills.parse().ok()).unwrap_or(5)
}

const FLOWS: u64 = 700;

/// A host under load, and what was heard of it.
struct Siege {
    pair: Pair,
    orders: Orders,
    load: Load,
    referee: Referee,
}

impl Siege {
    fn begin(mode: Attach) -> Self {
        let pair = Pair::new();
        let orders = Orders::new(&pair.near, "v0", &instance_name(), mode);
        // The first one, so that no packet comes before there is a program.
        let mut process = orders.start();
        let mut referee = Referee::default();
        referee.openings.push(process.opened());
        let load = Load::start(&pair, FLOWS, Duration::from_millis(1));
        thread::sleep(Duration::from_millis(150));
        process.kill();
        referee.hear(process.rest());
        Self {
            pair,
            orders,
            load,
            referee,
        }
    }

    /// Lets one process work until something ends it.
    fn round(&mut self, orders: &Orders, end: impl FnOnce(&mut Process) -> Option<Opened>) {
        let mut process = orders.start();
        let opened = end(&mut process);
        self.referee.hear(opened.map(Said::Opened));
        self.referee.hear(process.rest());
    }

    /// The last process closes; everything must be there, once, and nothing must be left.
    fn end(mut self) -> Referee {
        let mut process = self.orders.start();
        self.referee.openings.push(process.opened());
        let sent = self.load.stop();
        // What the far host sent is in a queue on its way.
        thread::sleep(Duration::from_millis(50));
        process.close();
        self.referee.hear(process.rest());
        assert!(self.referee.ended);
        assert_eq!(
            self.referee.uncounted.values().sum::<u64>(),
            0,
            "{:?}",
            self.referee.uncounted
        );
        self.referee.check_sequences();
        let sums = self.referee.sums();
        let mut wrong = Vec::new();
        for (number, &packets) in (0..).zip(&sent) {
            let told = sums.get(&*frame::source(number).to_string()).copied();
            if told.unwrap_or_default() != [packets, packets * OCTETS] {
                wrong.push((number, packets, told));
            }
        }
        assert!(wrong.is_empty(), "{} flows: {wrong:?}", wrong.len());
        assert_eq!(attached::at(&self.pair.near, "v0"), "");
        assert!(!pins(&self.orders.instance).exists());
        self.referee
    }
}

fn report(name: &str, mode: Attach, referee: &Referee) {
    eprintln!(
        "{name} {mode:?}: {} takeovers, {} records, {} again; went on: {}; were being closed: {}; said to come again: {}; slots \
         returned: {}",
        referee.openings.len() - 1,
        referee.records(),
        referee.again,
        referee.openings.iter().map(|at| at.flows).sum::<u64>(),
        referee.openings.iter().map(|at| at.closing).sum::<u64>(),
        referee.openings.iter().map(|at| at.again).sum::<u64>(),
        referee.openings.iter().map(|at| at.returned).sum::<u64>(),
    );
}

fn killed_at_random(mode: Attach) {
    let mut siege = Siege::begin(mode);
    let mut random = u64::from(std::process::id()) << 20 | 1;
    for number in 0..kills() {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let wait = Duration::from_micros(random % 400_000);
        let orders = siege.orders.clone();
        siege.round(&orders, |process| {
            // One in four is killed while it opens, or before.
            let opened = (number % 4 != 3).then(|| process.opened());
            thread::sleep(wait);
            process.kill();
            opened
        });
    }
    let referee = siege.end();
    assert!(referee.openings.iter().any(|opened| opened.flows != 0));
    report("killed at random", mode, &referee);
}

fn killed_at_the_worst_moments(mode: Attach) {
    let mut siege = Siege::begin(mode);
    for point in Point::ALL {
        // Those on the way out, and those of a first start, are for other tests.
        if matches!(point, Point::Making | Point::Made | Point::Removing) {
            continue;
        }
        let passes = match point {
            // They come but once, or twice.
            Point::Connected | Point::Swapped => 0,
            Point::Quiet => 1,
            _ => 20,
        };
        let orders = Orders {
            end: Some((*point, passes)),
            ..siege.orders.clone()
        };
        siege.round(&orders, |process| {
            assert!(process.dies_within(LONGEST), "never came by {point:?}");
            None
        });
    }
    let referee = siege.end();
    report("killed at the worst moments", mode, &referee);
}
