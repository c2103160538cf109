//! Whether what was attached is still in its place: others can detach it.

use std::sync::Arc;

use super::{State, join, said};
use crate::source::capture::open::Capture;

/// What a look comes after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// The time was due, or something happened at the hook.
    Nothing,
    /// Notifications were lost, and with them perhaps that an interface went and another got its index.
    Loss,
}

impl Capture {
    /// Looks at every hook, and puts back what was taken away.
    pub(super) fn verify(&mut self, after: After) {
        let indices: Vec<u32> = self.interfaces.watched.keys().copied().collect();
        for index in indices {
            self.verify_one(index, after);
        }
    }

    /// Looks at the hooks of one interface.
    pub(super) fn verify_one(&mut self, index: u32, after: After) {
        let loaded = Arc::clone(&self.shared.programs);
        let Some(known) = self.interfaces.watched.get_mut(&index) else {
            return;
        };
        let State::Watched(held) = &mut known.state else {
            return;
        };
        let interface = &known.interface;
        for held in held {
            // One that cannot be looked at is taken to be there: another would count everything twice.
            if held.attached.is_in_place().unwrap_or(true) {
                continue;
            }
            if after == After::Loss {
                self.interfaces.links.renew(index);
                self.interfaces.stale = true;
                return;
            }
            let again = self.interfaces.hooks.attach(
                self.interfaces.mode,
                join::programs(&loaded),
                interface,
                held.direction,
            );
            let said = match again {
                Ok(attached) => {
                    std::mem::replace(&mut held.attached, attached).forget();
                    said::put_back(interface, held.direction)
                }
                Err(error) => said::unwatched(interface, &error),
            };
            let mut entries = self.shared.register.lock();
            entries.counts.put_back += 1;
            if let Some(registered) = entries.interfaces.get_mut(&index)
                && !registered.troubles.contains(&said)
            {
                registered.troubles.push(said);
            }
        }
    }
}
