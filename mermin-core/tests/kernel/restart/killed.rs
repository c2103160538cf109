//! Killed under load, at random and at the worst moments: every packet is exported, in records that are exported once.

use std::{thread, time::Duration};

use mermin_core::{Attach, Pinning, lab::FailPoint};

use super::{
    child::{Consumer, Message, Moment, Opened, Orders, Process, Referee},
    instance_name, pins,
    traffic::{Load, OCTETS, Rhythm, STEADY},
};
use crate::support::{
    attached,
    frame::{self, IPV4, RST, SYN},
    host::Pair,
    process::extent,
    traffic::{Injector, address},
    wait::LONGEST,
};

crate::cases! {
    each_mode kills_at_random_lose_nothing,
    each_mode kill_at_every_fail_point_loses_nothing,
    each_mode kill_with_a_displaced_index_entry_loses_nothing,
    each_mode kill_while_suppressing_loses_nothing,
    each_mode record_is_redelivered_after_a_kill_before_ok,
    each_mode kill_while_closing_loses_nothing,
}

const FLOWS: u64 = 700;
/// Flows of [`kill_with_a_displaced_index_entry_loses_nothing`]: 64 buckets of 14 are so full that many keys are not in their home, and hardly any
/// has no room.
const CROWD: u64 = 800;
/// They come at once, and end before they come again. If each came by itself, they would be in the index together only on a
/// machine that sends to all of them within an idle timeout.
const TOGETHER: Rhythm = Rhythm {
    burst: 2 * CROWD,
    pause: Duration::from_millis(150),
};

/// Flows that a filter rejects, if there is one: the first of each 256.
const UNWANTED: u64 = 77;

/// A host under load, and the records of its processes.
pub(super) struct Siege {
    pair: Pair,
    pub(super) orders: Orders,
    load: Load,
    referee: Referee,
}

impl Siege {
    pub(super) fn begin(mode: Attach, filter: bool) -> Self {
        let pair = Pair::new();
        let orders = Orders {
            unwanted: filter.then(|| format!("1024-{}", 1024 + UNWANTED - 1)),
            ..Orders::new(&pair.near, "v0", &instance_name(), mode)
        };
        Self::with(pair, orders, FLOWS, STEADY)
    }

    /// For processes to which this one passes the source.
    pub(super) fn passed(pair: Pair, orders: Orders, filter: bool) -> Self {
        let unwanted = filter.then(|| format!("1024-{}", 1024 + UNWANTED - 1));
        Self::with(pair, Orders { unwanted, ..orders }, FLOWS, STEADY)
    }

    fn with(pair: Pair, orders: Orders, flows: u64, rhythm: Rhythm) -> Self {
        // The first process, so that no packet comes before the program is attached.
        let mut process = orders.start();
        let mut referee = Referee::default();
        referee.openings.push(process.opened());
        let load = Load::start(&pair, flows, rhythm);
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
    pub(super) fn round(
        &mut self,
        orders: &Orders,
        end: impl FnOnce(&mut Process) -> Option<Opened>,
    ) {
        let mut process = orders.start();
        let opened = end(&mut process);
        self.referee.hear(opened.map(Message::Opened));
        self.referee.hear(process.rest());
    }

    /// Lets one process work until what was heard fulfils a condition, which it must within as many records as two rounds
    /// of all flows have.
    fn hear_again(&mut self, orders: &Orders, holds: impl Fn(&Referee) -> bool) {
        let mut process = orders.start();
        self.referee.hear([Message::Opened(process.opened())]);
        for _ in 0..2 * FLOWS {
            if holds(&self.referee) {
                break;
            }
            self.referee.hear(process.next());
        }
        assert!(holds(&self.referee), "nothing came again: {orders:?}");
        process.kill();
        self.referee.hear(process.rest());
    }

    /// Lets one process work until it has come by a point for the time after `passes`.
    fn kill_at(&mut self, point: FailPoint, passes: u32) {
        let orders = Orders {
            end: Some((point, passes)),
            ..self.orders.clone()
        };
        self.round(&orders, |process| {
            assert!(process.dies_within(LONGEST), "never came by {point:?}");
            None
        });
    }

    /// The last process closes; everything must be there, once, and nothing must be left.
    pub(super) fn end(mut self) -> Referee {
        let mut process = self.orders.start();
        self.referee.openings.push(process.opened());
        let sent = self.load.stop();
        // Packets of the far host are in a queue on their way.
        thread::sleep(Duration::from_millis(50));
        process.close();
        self.referee.hear(process.rest());
        assert!(self.referee.ended);
        self.referee.check_sequences();
        let sums = self.referee.sums();
        let mut wrong = Vec::new();
        let (mut suppressed, mut roomless) = (0, 0);
        for (number, &packets) in (0..).zip(&sent) {
            let told = sums.get(&*frame::source(number).to_string()).copied();
            let mut wanted = packets;
            if self.orders.unwanted.is_some() && number % 256 < UNWANTED {
                suppressed += packets;
                wanted = 0;
            }
            let [packets, octets] = told.unwrap_or_default();
            // Only a crowded index may have had no room for a key.
            if self.orders.crowded && packets < wanted && octets == packets * OCTETS {
                roomless += wanted - packets;
            } else if [packets, octets] != [wanted, wanted * OCTETS] {
                wrong.push((number, wanted, told));
            }
        }
        let mut ignored = self.referee.ignored.clone();
        assert_eq!(
            ignored.remove("index_full").unwrap_or_default(),
            [roomless, roomless * (OCTETS + 14)],
            "under `index_full`, and what is in no record"
        );
        assert_eq!(
            ignored.remove("filtered").unwrap_or_default(),
            [suppressed, suppressed * (OCTETS + 14)],
            "under `filtered`, and what was sent"
        );
        ignored.retain(|_, counts| *counts != [0, 0]);
        assert!(ignored.is_empty(), "{ignored:?}");
        assert!(wrong.is_empty(), "{} flows: {wrong:?}", wrong.len());
        assert_eq!(attached::at(&self.pair.near, "v0"), "");
        if self.orders.passes {
            Pinning::instance(&self.orders.instance).remove().unwrap();
        }
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

fn kills_at_random_lose_nothing(mode: Attach) {
    kill_at_random(Siege::begin(mode, true), "killed at random");
}

/// Kills processes that open, and those that capture.
pub(super) fn kill_at_random(mut siege: Siege, what: &str) {
    let mode = siege.orders.mode;
    let mut random = u64::from(std::process::id()) << 20 | 1;
    for number in 0..extent("MERMIN_KILLS", 5) {
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
    report(what, mode, &referee);
}

fn kill_at_every_fail_point_loses_nothing(mode: Attach) {
    kill_at_each(Siege::begin(mode, false), "killed at the worst moments");
}

/// Kills processes at each place that they come by.
pub(super) fn kill_at_each(mut siege: Siege, what: &str) {
    let mode = siege.orders.mode;
    for &point in FailPoint::ALL {
        // Those on the way out, of a first start and of interfaces that leave or left are for other tests.
        if matches!(
            point,
            FailPoint::Making | FailPoint::Made | FailPoint::Removing
        ) || matches!(
            point,
            FailPoint::Summed | FailPoint::Departing | FailPoint::Emptied
        ) || matches!(
            point,
            FailPoint::Named | FailPoint::Parting | FailPoint::Shifted | FailPoint::Uncounted
        ) || SUPPRESSING.contains(&point)
        {
            continue;
        }
        // The process that passes the source does the first two, and is not killed, so no slots wait to be returned.
        if siege.orders.passes
            && matches!(
                point,
                FailPoint::Connected | FailPoint::Moving | FailPoint::Returning
            )
        {
            continue;
        }
        let passes = match point {
            // They come but once, or twice.
            FailPoint::Connected | FailPoint::Swapped => 0,
            FailPoint::Quiet => 1,
            _ => 20,
        };
        siege.kill_at(point, passes);
    }
    let referee = siege.end();
    report(what, mode, &referee);
}

/// Killed between the removal of a key from a further place of the index and the count of it: the count stays too high, and
/// nothing is lost.
fn kill_with_a_displaced_index_entry_loses_nothing(mode: Attach) {
    let pair = Pair::new();
    let orders = Orders {
        crowded: true,
        timeouts: [50, 200],
        ..Orders::new(&pair.near, "v0", &instance_name(), mode)
    };
    let mut siege = Siege::with(pair, orders, CROWD, TOGETHER);
    for point in [FailPoint::Uncounted, FailPoint::Marked, FailPoint::Unlisted] {
        for passes in [0, 3] {
            siege.kill_at(point, passes);
        }
    }
    let referee = siege.end();
    report("killed beyond home", mode, &referee);
}

/// Places between moving counts to `filtered` and noting it.
const SUPPRESSING: [FailPoint; 4] = [
    FailPoint::Planned,
    FailPoint::HalfMoved,
    FailPoint::Moved,
    FailPoint::Suppressed,
];

/// Each place twice: while a record is suppressed, and while that is done again for a process that was killed before.
fn kill_while_suppressing_loses_nothing(mode: Attach) {
    let mut siege = Siege::begin(mode, true);
    for point in SUPPRESSING {
        // An odd number and an even one: one hook, and both.
        for passes in [20, 31] {
            siege.kill_at(point, passes);
        }
        siege.kill_at(FailPoint::Planned, 5);
        if point != FailPoint::Planned {
            siege.kill_at(point, 0);
        }
    }
    let referee = siege.end();
    report("killed while suppressing", mode, &referee);
}

/// A batch counts as delivered when its consumer says so, and not before: what was delivered without a word comes again, the
/// same, and what was not delivered comes.
fn record_is_redelivered_after_a_kill_before_ok(mode: Attach) {
    let mut siege = Siege::begin(mode, false);
    for consumer in [Consumer::Sink, Consumer::Chunks] {
        for moment in [Moment::Undelivered, Moment::Delivered] {
            for batch in [1, 6] {
                let again = siege.referee.again;
                let orders = Orders {
                    consumer,
                    last: Some((batch, moment)),
                    ..siege.orders.clone()
                };
                siege.round(&orders, |process| {
                    assert!(process.dies_within(LONGEST), "{orders:?}");
                    None
                });
                let orders = Orders {
                    consumer,
                    ..siege.orders.clone()
                };
                siege.hear_again(&orders, |referee| {
                    moment == Moment::Undelivered || referee.again > again
                });
            }
        }
    }
    siege.orders.consumer = Consumer::Sink;
    let referee = siege.end();
    report("killed between delivery and ok", mode, &referee);
}

/// All flows end at once, and some have their last record already; then packets of theirs come again.
fn kill_while_closing_loses_nothing(mode: Attach) {
    const FLOWS: u64 = 50;
    let pair = Pair::new();
    let orders = Orders {
        timeouts: [600_000; 2],
        ..Orders::new(&pair.near, "v0", &instance_name(), mode)
    };
    let injector = Injector::new(&pair.near, "v0");
    let [near, far] = ["10.0.0.1:4000", "10.0.0.2:80"].map(address);
    let send = || {
        // The second connection of these ends replaces the first.
        for flags in [SYN, RST, SYN] {
            injector.send(&frame::ethernet(IPV4, &frame::tcp(near, far, flags)));
        }
        (0..FLOWS).for_each(|number| injector.send(&frame::numbered(number)));
    };
    let mut referee = Referee::default();
    for (rounds, point) in (1..).zip([FailPoint::Recorded, FailPoint::Finished]) {
        let killed = Orders {
            end: Some((point, 20)),
            ..orders.clone()
        };
        for orders in [&killed, &orders] {
            let mut process = orders.start();
            referee.openings.push(process.opened());
            send();
            process.close();
            referee.hear(process.rest());
        }
        referee.check_sequences();
        let sums = referee.sums();
        for number in 0..FLOWS {
            let told = sums.get(&*frame::source(number).to_string()).copied();
            assert_eq!(
                told.unwrap_or_default(),
                [2 * rounds, 2 * rounds * OCTETS],
                "{point:?}, flow {number}"
            );
        }
        assert_eq!(sums[&*near.to_string()], [6 * rounds, 6 * rounds * 40]);
        assert!(!pins(&orders.instance).exists());
    }
}
