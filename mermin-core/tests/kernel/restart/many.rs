//! The time until a source with many flows continues.

use std::time::Instant;

use mermin_core::Attach;

use super::{
    child::{Message, Orders},
    instance_name, pins,
};
use crate::support::{frame, host::Pair, traffic::Injector};

crate::cases! {
    case pin_hundred_thousand_flows_continue,
}

const FLOWS: u64 = 100_000;

fn pin_hundred_thousand_flows_continue() {
    let pair = Pair::new();
    let mut orders = Orders {
        slots: 1 << 17,
        timeouts: [600_000, 600_000],
        ..Orders::new(&pair.near, "v0", &instance_name(), Attach::Auto)
    };
    let began = Instant::now();
    let mut process = orders.start();
    process.opened();
    let anew = began.elapsed();
    let injector = Injector::new(&pair.near, "v0");
    for number in 0..FLOWS {
        injector.send(&frame::numbered(number));
    }
    process.kill();
    process.rest();
    // All flows are due a record at once.
    orders.timeouts = [600_000, 1];
    let began = Instant::now();
    let mut process = orders.start();
    let opened = process.opened();
    let open = began.elapsed();
    assert!(matches!(process.next(), Some(Message::Record(_))));
    let first = began.elapsed();
    assert_eq!(opened.flows, FLOWS);
    eprintln!(
        "a source that begins anew is open {anew:?} after its process began; one that takes {FLOWS} flows over {open:?}, with \
         its first record after {first:?}"
    );
    process.close();
    let said = process.rest();
    let mut told = 1;
    for said in said {
        if let Message::Record(record) = said {
            told += record.counts[0];
        }
    }
    assert_eq!(told, FLOWS);
    assert!(!pins(&orders.instance).exists());
}
