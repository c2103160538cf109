//! Attaches to one interface, and checks if the programs are still in place: other processes can detach them, or
//! attach before them.

use std::{io, os::fd::AsFd, sync::Arc};

use mermin_bpf::abi::ledger::HookDirection;

use super::degradations::{self, Placed};
use crate::{
    attach::{AttachOptions, Attached, Hooks, Programs, hook},
    bpf::{
        self,
        ledger::{Ledger, Place},
    },
    error::{Error, ErrorKind},
    iface::Interface,
    report::{Attachment, Degradation, Mechanism, WatchedInterface},
    source::capture::registry::{HooksFound, Ledgers},
};

/// A program at a hook.
#[derive(Debug)]
pub(super) struct HeldProgram {
    pub(super) direction: HookDirection,
    pub(super) attached: Attached,
}

/// Attaches the programs of a source.
pub(super) struct Attacher {
    pub(super) hooks: Hooks,
    pub(super) options: AttachOptions,
    pub(super) programs: Arc<bpf::loaded::Programs>,
}

/// An attached interface.
pub(super) struct AttachedInterface {
    pub(super) held: Vec<HeldProgram>,
    pub(super) watched: WatchedInterface,
    pub(super) ledgers: Ledgers,
    /// The error, if one of the directions is not watched.
    pub(super) refusal: Option<Error>,
    /// Degradations of this interface.
    pub(super) degradations: Vec<Degradation>,
}

impl AttachedInterface {
    /// Returns true if one of the programs is a filter.
    pub(super) fn uses_tc(&self) -> bool {
        let mut held = self.held.iter();
        held.any(|held| held.attached.mechanism() != Mechanism::Tcx)
    }

    /// Returns the error of TCX, if it is unavailable.
    pub(super) fn tcx_refusal(&self) -> Option<&io::Error> {
        self.held
            .iter()
            .find_map(|held| held.attached.tcx_refusal())
    }
}

/// Outcome of checking an interface's hooks.
pub(super) enum Verified {
    /// A program is not in place, and the index may belong to another interface.
    Replaced,
    Found(HooksFound),
}

impl Attacher {
    /// Gives an interface a ledger and attaches the programs at its hooks. If one hook is refused, the other is still
    /// used.
    ///
    /// # Errors
    /// The first refusal, if both hooks are refused.
    pub(super) fn attach(
        &self,
        ledger: &Ledger,
        interface: &Interface,
    ) -> Result<AttachedInterface, Error> {
        let (place, is_new) = place(ledger, interface)?;
        let directions = hook::directions(interface);
        let mut held = Vec::new();
        let mut refusal = None;
        for &direction in directions {
            match self
                .hooks
                .attach(&self.options, self.programs(), interface, direction)
            {
                Ok(attached) => held.push(HeldProgram {
                    direction,
                    attached,
                }),
                Err(error) => _ = refusal.get_or_insert(error),
            }
        }
        if held.is_empty()
            && let Some(error) = refusal
        {
            // Counts of an earlier process stay: its programs may still count there, and the counts of an interface that is not
            // watched any more are added to those of removed interfaces once the source is open.
            if is_new {
                ledger.forget(place);
            }
            return Err(error);
        }
        let name: Arc<str> = Arc::from(interface.name.as_str());
        let mut watched = WatchedInterface {
            index: interface.index,
            name: Arc::clone(&name),
            ingress: None,
            egress: None,
        };
        // Attaching comes first, because packets pass meanwhile.
        let hooks: Vec<_> = held
            .iter()
            .map(|held| self.at_hook(interface, held))
            .collect();
        let mut degradations = self.misplaced(interface, &hooks);
        for (direction, at) in hooks {
            *watched.at(direction) = Some(at);
        }
        degradations.extend(
            refusal
                .iter()
                .map(|error| degradations::one_way(interface, error)),
        );
        let unpinned = held.iter().filter_map(|held| held.attached.pin_refusal());
        degradations.extend(unpinned.map(|error| degradations::unpinned(interface, error)));
        Ok(AttachedInterface {
            held,
            watched,
            ledgers: Ledgers {
                name,
                place,
                directions,
            },
            refusal,
            degradations,
        })
    }

    /// Checks the hooks of an interface, and attaches detached programs again, unless the interface `may_be_another`.
    pub(super) fn verify(
        &self,
        interface: &Interface,
        held: &mut [HeldProgram],
        may_be_another: bool,
    ) -> Verified {
        let mut found = HooksFound::default();
        for held in held {
            let direction = held.direction;
            // A hook that cannot be read counts as in place: attaching again could count everything twice.
            if !held.attached.is_in_place().unwrap_or(true) {
                if may_be_another {
                    return Verified::Replaced;
                }
                if let Err(error) = self.reattach(interface, held) {
                    let lost = degradations::unwatched(interface, &error);
                    found.lost.push((direction, lost));
                    continue;
                }
                let reattached = degradations::reattached(interface, direction);
                found.reattached.push(reattached);
            }
            found.hooks.push(self.at_hook(interface, held));
        }
        found.misplaced = self.misplaced(interface, &found.hooks);
        Verified::Found(found)
    }

    fn reattach(&self, interface: &Interface, held: &mut HeldProgram) -> Result<(), Error> {
        let direction = held.direction;
        let attached = self
            .hooks
            .attach(&self.options, self.programs(), interface, direction)?;
        std::mem::replace(&mut held.attached, attached).forget();
        Ok(())
    }

    fn at_hook(&self, interface: &Interface, held: &HeldProgram) -> (HookDirection, Attachment) {
        let programs = self.hooks.programs(interface, held.direction);
        let at = Attachment {
            mechanism: held.attached.mechanism(),
            // If the kernel refuses the list, the hook is still used.
            programs: programs.unwrap_or_default(),
        };
        (held.direction, at)
    }

    fn misplaced(
        &self,
        interface: &Interface,
        hooks: &[(HookDirection, Attachment)],
    ) -> Vec<Degradation> {
        let programs = self.programs();
        let placed = hooks.iter().map(|(direction, at)| Placed {
            direction: *direction,
            at,
            own: programs.id(*direction).unwrap_or_default(),
        });
        let placed: Vec<_> = placed.collect();
        degradations::misplaced(&self.options, interface, &placed)
    }

    fn programs(&self) -> Programs<'_> {
        Programs {
            ingress: self.programs.ingress.as_fd(),
            egress: self.programs.egress.as_fd(),
        }
    }
}

/// Takes an entry of the ledger for an interface. Returns true with it if no earlier process had assigned it.
fn place(ledger: &Ledger, interface: &Interface) -> Result<(Place, bool), Error> {
    let name = &interface.name;
    let link = interface.link.code().ok_or_else(|| {
        Error::new(
            ErrorKind::Unsupported,
            format!("cannot read packets of `{name}`: it is neither Ethernet nor plain IP"),
        )
        .with_remedy("leave it out by `exclude`; what it carries is seen on the device below")
    })?;
    ledger.watch(interface.index, link).ok_or_else(|| {
        Error::new(
            ErrorKind::Exhausted,
            format!("cannot keep a ledger for `{name}`: too many interfaces are watched"),
        )
        .with_remedy("choose fewer by `interfaces`, or open a second source for the rest")
    })
}
