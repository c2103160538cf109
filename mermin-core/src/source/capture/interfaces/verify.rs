//! Whether what was attached is still in its place and still sees what passes: others can detach it, put it behind
//! themselves, or keep packets from it.

use std::sync::Arc;

use mermin_bpf::abi::ledger::Direction;

use super::{
    Known, State, join,
    said::{self, Placed},
    silence::Progress,
};
use crate::{
    iface::list::{self, Counters},
    report::{AtHook, Feature},
    source::capture::open::Capture,
};

/// What a look comes after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// The time was due, or something happened at the hook.
    Nothing,
    /// Notifications were lost, and with them perhaps that an interface went and another got its index.
    Loss,
}

impl Capture {
    /// Lists the interfaces anew and looks at every hook. Returns links that went without ever having been attached to.
    pub(super) fn look_around(&mut self, after: After) -> u64 {
        let listed = list::links_and_counters(self.interfaces.hooks.netlink());
        // A list that is refused now is read at the next look.
        self.interfaces.lost = false;
        let listed = listed.unwrap_or_default();
        if listed.is_empty() {
            return 0;
        }
        let counters: Vec<(u32, Counters)> = listed
            .iter()
            .map(|(at, counters)| (at.index, *counters))
            .collect();
        let links = listed.into_iter().map(|(interface, _)| interface).collect();
        let missed = self.interfaces.resync(links);
        for (index, counters) in counters {
            self.verify(index, after);
            self.listen_for_silence(index, counters);
        }
        missed
    }

    /// Looks at the hooks of one interface, and puts back what was taken away.
    pub(super) fn verify(&mut self, index: u32, after: After) {
        let loaded = Arc::clone(&self.shared.programs);
        let programs = join::programs(&loaded);
        let Some(Known {
            interface,
            state: State::Watched(held),
            ..
        }) = self.interfaces.watched.get_mut(&index)
        else {
            return;
        };
        let (hooks, manner) = (&self.interfaces.hooks, &self.interfaces.manner);
        let mut put_back = Vec::new();
        let mut found = Vec::new();
        for held in held {
            let direction = held.direction;
            // One that cannot be looked at is taken to be there: another would count everything twice.
            if !held.attached.is_in_place().unwrap_or(true) {
                if after == After::Loss {
                    self.interfaces.links.renew(index);
                    self.interfaces.stale = true;
                    return;
                }
                put_back.push(match hooks.attach(manner, programs, interface, direction) {
                    Ok(attached) => {
                        std::mem::replace(&mut held.attached, attached).forget();
                        said::put_back(interface, direction)
                    }
                    Err(error) => said::unwatched(interface, &error),
                });
            }
            let at = AtHook {
                mechanism: held.attached.mechanism(),
                // To be refused the list is no reason to give the hook up.
                occupants: hooks.occupants(interface, direction).unwrap_or_default(),
            };
            found.push((direction, at));
        }
        let placed: Vec<Placed<'_>> = found
            .iter()
            .map(|(direction, at)| Placed {
                direction: *direction,
                at,
                own: programs.id(*direction).unwrap_or_default(),
            })
            .collect();
        let misplaced = said::misplaced(manner, interface, &placed);
        let mut entries = self.shared.register.lock();
        entries.counts.put_back += put_back.len() as u64;
        let Some(registered) = entries.interfaces.get_mut(&index) else {
            return;
        };
        let troubles = &mut registered.troubles;
        troubles.retain(|known| known.feature != Feature::TcxOrder);
        for said in put_back.into_iter().chain(misplaced) {
            if !troubles.contains(&said) {
                troubles.push(said);
            }
        }
        if let Some(watched) = &mut registered.watched {
            for (direction, at) in found {
                *watched.at(direction) = Some(at);
            }
        }
    }

    /// Compares what an interface says to have passed with what was counted of it.
    fn listen_for_silence(&mut self, index: u32, counters: Counters) {
        let Some(known) = self.interfaces.watched.get_mut(&index) else {
            return;
        };
        let State::Watched(held) = &known.state else {
            return;
        };
        let mut entries = self.shared.register.lock();
        let Some(registered) = entries.interfaces.get_mut(&index) else {
            return;
        };
        let Some(ledgers) = &registered.ledgers else {
            return;
        };
        registered
            .troubles
            .retain(|known| known.feature != Feature::Traffic);
        for direction in held.iter().map(|held| held.direction) {
            let account = self.shared.ledger.account(ledgers.place, direction);
            let now = Progress {
                passed: match direction {
                    Direction::Ingress => counters.received,
                    Direction::Egress => counters.sent,
                },
                counted: account.totals.skbs,
            };
            let before = known.progress[direction as usize].replace(now);
            if let Some(passed) = before.and_then(|before| now.silence_since(before)) {
                let said = said::silent(&known.interface, direction, passed);
                registered.troubles.push(said);
            }
        }
    }
}
