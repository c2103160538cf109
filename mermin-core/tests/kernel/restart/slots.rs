//! Kills lose no slot, and give none to two flows.

use std::{thread, time::Duration};

use mermin_core::{Attach, Pinning, lab::FailPoint};

use super::{
    child::{Consumer, Message, Moment, Orders, Referee},
    instance_name,
};
use crate::support::{
    frame,
    host::Pair,
    traffic::Injector,
    wait::{LONGEST, until_true},
    watch::{Watch, on},
};

crate::cases! {
    case pin_no_slot_is_lost,
    case pin_kills_do_not_fill_the_table,
}

const SLOTS: u64 = 64;

/// Kills again and again while slots belong to no list; afterwards each slot must be usable.
fn pin_no_slot_is_lost() {
    let pair = Pair::new();
    let instance = instance_name();
    let injector = Injector::new(&pair.near, "v0");
    let send = |first: u64| {
        for number in first..first + SLOTS {
            injector.send(&frame::numbered(number));
        }
    };
    let (mut told, mut at_points) = (0, 0);
    for round in 0..3 {
        // Each process continues with the state of the one before.
        for (point, passes) in [
            (FailPoint::Scrubbed, 7),
            (FailPoint::Unowned, 7),
            (FailPoint::Moving, 3),
            (FailPoint::Returning, 1),
        ] {
            let orders = Orders {
                slots: u32::try_from(SLOTS).unwrap(),
                end: Some((point, passes)),
                ..Orders::new(&pair.near, "v0", &instance, Attach::Auto)
            };
            let mut process = orders.start();
            // The others are passed while it opens.
            if matches!(point, FailPoint::Scrubbed | FailPoint::Unowned) {
                process.opened();
                send(round * SLOTS);
            }
            // Where all was given back before, it does not come by.
            at_points += u64::from(process.dies_within(Duration::from_secs(2)));
            told += process.rest().len();
        }
        // Ends the flows that were open or being closed.
        let orders = Orders {
            slots: u32::try_from(SLOTS).unwrap(),
            ..Orders::new(&pair.near, "v0", &instance, Attach::Auto)
        };
        let mut process = orders.start();
        process.opened();
        thread::sleep(Duration::from_millis(500));
        process.kill();
        told += process.rest().len();
    }
    assert!(told >= 100 && at_points >= 4, "{told} {at_points}");
    let options = on("v0").pinning(Pinning::instance(&instance));
    let options = options.max_flows(u32::try_from(SLOTS).unwrap());
    let watch = Watch::open(&pair.near, options);
    send(1000);
    // Packets sent while killed flows were still being closed are under `table_full`; of these packets none may be.
    until_true("the flows are seen", || watch.stats().flows_open == SLOTS);
    let flows = watch.drain().flows;
    assert_eq!(flows.len() as u64, SLOTS);
    assert!(
        flows.iter().all(|flow| flow.forward.packets.total == 1),
        "{flows:#?}"
    );
}

/// Flows that end in each life and whose records no consumer takes would be twice the table, were they all closed.
fn pin_kills_do_not_fill_the_table() {
    const FLOWS: u64 = 16;
    const LIVES: u64 = 8;
    let pair = Pair::new();
    let orders = Orders {
        slots: u32::try_from(SLOTS).unwrap(),
        consumer: Consumer::Sink,
        ..Orders::new(&pair.near, "v0", &instance_name(), Attach::Auto)
    };
    let injector = Injector::new(&pair.near, "v0");
    let send = || (0..FLOWS).for_each(|number| injector.send(&frame::numbered(number)));
    let mut referee = Referee::default();
    for _ in 0..LIVES {
        let doomed = Orders {
            last: Some((1, Moment::Undelivered)),
            // One batch of all, a good while after they have ended.
            age: 700,
            ..orders.clone()
        };
        let mut process = doomed.start();
        let opened = process.opened();
        send();
        assert!(process.dies_within(LONGEST));
        // They continue without a process.
        send();
        let said = std::iter::once(Message::Opened(opened)).chain(process.rest());
        referee.hear(said);
    }
    let mut process = orders.start();
    referee.openings.push(process.opened());
    send();
    process.close();
    referee.hear(process.rest());
    referee.check_sequences();
    referee.ignored.retain(|_, counts| *counts != [0, 0]);
    assert!(referee.ignored.is_empty(), "{:?}", referee.ignored);
    for (source, [packets, _]) in referee.sums() {
        assert_eq!(packets, 2 * LIVES + 1, "{source}");
    }
    assert_eq!(referee.sums().len() as u64, FLOWS);
}
