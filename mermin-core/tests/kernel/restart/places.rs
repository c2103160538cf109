//! Other places at the hooks from one process to the next, under load: no packet is missed or counted twice.

use mermin_core::{Attach, lab::FailPoint};

use super::{child::Orders, killed::Siege};
use crate::support::{process::extent, wait::LONGEST};

crate::cases! {
    case pin_positions_follow_priority,
    each_mode_beside_tcx pin_other_hook_positions_leave_no_gap,
    each_mode_beside_tcx kill_while_moving_loses_nothing,
}

/// Steps in which a program moves: to an earlier place, and to a later one.
const STEPS: [u32; 2] = [4, 5];

fn other(mode: Attach) -> Attach {
    match mode {
        Attach::Tcx => Attach::Tc,
        _ => Attach::Tcx,
    }
}

/// Opens in this way, and is killed a moment later.
fn change(siege: &mut Siege, mode: Attach) {
    let orders = Orders {
        mode,
        ..siege.orders.clone()
    };
    siege.round(&orders, |process| {
        let opened = process.opened();
        process.kill();
        Some(opened)
    });
    siege.orders.mode = mode;
}

fn pin_other_hook_positions_leave_no_gap(mode: Attach) {
    let mut siege = Siege::begin(mode, true);
    for _ in 0..extent("MERMIN_KILLS", 4) {
        let next = other(siege.orders.mode);
        change(&mut siege, next);
    }
    siege.end();
}

fn pin_positions_follow_priority() {
    let mut siege = Siege::begin(Attach::Tc, false);
    for priority in [5, 7, 3, 5, 1] {
        siege.orders.priority = priority;
        change(&mut siege, Attach::Tc);
    }
    siege.end();
}

/// At each step of the way; then one goes on to where it was to be, or back.
fn kill_while_moving_loses_nothing(mode: Attach) {
    let mut siege = Siege::begin(mode, false);
    let to = other(mode);
    for step in 0..STEPS[usize::from(mode == Attach::Tcx)] {
        for back in [false, true] {
            let orders = Orders {
                mode: to,
                end: Some((FailPoint::Shifted, step)),
                ..siege.orders.clone()
            };
            siege.round(&orders, |process| {
                assert!(process.dies_within(LONGEST), "never came by step {step}");
                None
            });
            if !back {
                change(&mut siege, to);
            }
            change(&mut siege, mode);
        }
    }
    siege.end();
}
