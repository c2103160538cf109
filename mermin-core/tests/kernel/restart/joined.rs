//! Conversations on two interfaces, and killed processes: each is reported once, and the other interface's packets are
//! under `joined`.

use std::{thread, time::Duration};

use mermin_core::{Attach, lab::FailPoint};

use super::{
    child::{Message, Orders, Process, Referee},
    instance_name, pins,
    traffic::{Load, OCTETS, STEADY},
};
use crate::support::{frame, host::Pair, wait::LONGEST};

crate::cases! {
    each_mode kill_while_joining_loses_nothing,
}

const FLOWS: u64 = 300;

fn kill_while_joining_loses_nothing(mode: Attach) {
    let pair = Pair::new();
    pair.join(1);
    let orders = Orders {
        joins: true,
        timeouts: [600_000, 60],
        ..Orders::new(&pair.near, "v*", &instance_name(), mode)
    };
    let mut referee = Referee::default();
    let mut first = orders.start();
    referee.openings.push(first.opened());
    let links = [["v0", "v1"], ["v2", "v3"]];
    let load = Load::over(&pair, &links, FLOWS, STEADY);
    thread::sleep(Duration::from_millis(300));
    first.kill();
    referee.hear(first.rest());
    let mut round = |orders: &Orders, end: &dyn Fn(&mut Process)| {
        let mut process = orders.start();
        end(&mut process);
        referee.hear(process.rest());
    };
    for point in [
        FailPoint::Planned,
        FailPoint::HalfMoved,
        FailPoint::Moved,
        FailPoint::Suppressed,
    ] {
        for passes in [3, 70] {
            let orders = Orders {
                end: Some((point, passes)),
                ..orders.clone()
            };
            round(&orders, &|process| {
                assert!(process.dies_within(LONGEST), "never came by {point:?}");
            });
        }
    }
    for wait in [0, 50, 170, 333] {
        round(&orders, &|process| {
            assert!(matches!(process.next(), Some(Message::Opened(_))));
            thread::sleep(Duration::from_millis(wait));
            process.kill();
        });
    }
    let mut last = orders.start();
    referee.openings.push(last.opened());
    let sent = load.stop();
    thread::sleep(Duration::from_millis(50));
    last.close();
    referee.hear(last.rest());
    assert!(referee.ended);
    let sums = referee.sums();
    let told = |number: u64| sums.get(&*frame::source(number).to_string()).copied();
    let wrong: Vec<_> = (0..)
        .zip(&sent)
        .filter(|&(number, &packets)| {
            told(number).unwrap_or_default() != [packets, packets * OCTETS]
        })
        .map(|(number, packets)| (number, *packets, told(number)))
        .collect();
    let all: u64 = sent.iter().sum();
    let joined = referee.ignored.remove("joined");
    assert_eq!(joined.unwrap_or_default(), [all, all * (OCTETS + 14)]);
    referee.ignored.retain(|_, counts| *counts != [0, 0]);
    assert!(referee.ignored.is_empty(), "{:?}", referee.ignored);
    assert!(wrong.is_empty(), "{} flows: {wrong:?}", wrong.len());
    assert!(!pins(&orders.instance).exists());
}
