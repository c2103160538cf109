//! Attaching to one interface.

use std::{os::fd::AsFd, sync::Arc};

use mermin_bpf::abi::ledger::Direction;

use super::{
    Held, Known, State,
    said::{self, Placed},
};
use crate::{
    attach::{Hooks, Manner, Mechanism, Programs, hook},
    bpf::{
        self,
        clock::monotonic,
        ledger::{Ledger, Place},
    },
    error::{Error, ErrorKind},
    iface::Interface,
    probe::trouble,
    report::{AtHook, Degradation, Watched},
    source::capture::{
        open::Capture,
        pinned,
        register::{Entries, Ledgers},
        stand_in,
    },
};

/// What came of attaching to an interface.
struct Joined {
    held: Vec<Held>,
    watched: Watched,
    place: Place,
    directions: &'static [Direction],
    /// Why one of the directions is not watched.
    refusal: Option<Error>,
    /// What is not as it should be though all is attached.
    troubles: Vec<Degradation>,
}

impl Capture {
    /// Attaches to an interface: both directions or, where one is refused, the other.
    ///
    /// # Errors
    /// What was refused. It is in the report as well, and tried again.
    pub(super) fn join(&mut self, index: u32) -> Result<(), Error> {
        let Some(link) = self.interfaces.links.get(index) else {
            return Ok(());
        };
        let (generation, interface) = (link.generation, link.interface.clone());
        let began = monotonic();
        let programs = programs(&self.shared.programs);
        let ledger = &self.shared.ledger;
        let joined = attach(
            &self.interfaces.hooks,
            ledger,
            programs,
            &self.interfaces.manner,
            &interface,
        );
        let mut entries = self.shared.register.lock();
        let registered = entries.interfaces.entry(index).or_default();
        registered.troubles.clear();
        let (state, refusal) = match joined {
            Ok(joined) => {
                let by_tc = |held: &Held| held.attached.mechanism() != Mechanism::Tcx;
                if joined.held.iter().any(by_tc) {
                    self.interfaces.hear_tc();
                }
                let name = Arc::clone(&joined.watched.name);
                self.names.insert(index, Arc::clone(&name));
                registered.watched = Some(joined.watched);
                registered.ledgers = Some(Ledgers {
                    name,
                    place: joined.place,
                    directions: joined.directions,
                });
                registered.troubles = joined.troubles;
                if let Some(error) = &joined.refusal {
                    registered.troubles.push(said::unwatched(&interface, error));
                }
                let unpinned = joined
                    .held
                    .iter()
                    .filter_map(|held| held.attached.pin_refusal());
                registered
                    .troubles
                    .extend(unpinned.map(|error| pinned::unpinned_link(&interface.name, error)));
                note_tcx(&mut entries, &joined.held);
                entries.counts.attached += 1;
                entries.counts.attach_ns = monotonic().saturating_sub(began);
                (State::Watched(joined.held), joined.refusal)
            }
            Err(error) => {
                if error.kind() == ErrorKind::NoInterface {
                    // It has gone, and the kernel is about to say so.
                    entries.interfaces.remove(&index);
                } else {
                    registered
                        .troubles
                        .push(said::unwatched(&interface, &error));
                }
                (State::Refused { due: false }, Some(error))
            }
        };
        drop(entries);
        let known = Known {
            generation,
            interface,
            state,
            progress: [None; 2],
        };
        self.interfaces.watched.insert(index, known);
        refusal.map_or(Ok(()), Err)
    }
}

pub(super) fn programs(loaded: &bpf::object::Programs) -> Programs<'_> {
    Programs {
        ingress: loaded.ingress.as_fd(),
        egress: loaded.egress.as_fd(),
    }
}

/// Says once that TCX could not be had.
fn note_tcx(entries: &mut Entries, held: &[Held]) {
    let Some(cause) = held.iter().find_map(|held| held.attached.tcx_refusal()) else {
        return;
    };
    let said = stand_in::tcx(trouble::no_tcx(cause));
    if !entries
        .general
        .iter()
        .any(|known| known.feature == said.feature)
    {
        entries.general.push(said);
    }
}

/// Gives an interface a ledger and puts the programs at its hooks.
fn attach(
    hooks: &Hooks,
    ledger: &Ledger,
    programs: Programs<'_>,
    manner: &Manner,
    interface: &Interface,
) -> Result<Joined, Error> {
    let name: Arc<str> = Arc::from(interface.name.as_str());
    let link = interface.link.code().ok_or_else(|| {
        Error::new(
            ErrorKind::Unsupported,
            format!("cannot read packets of `{name}`: it is neither Ethernet nor plain IP"),
        )
        .with_remedy("leave it out by `exclude`; what it carries is seen on the device below")
    })?;
    let place = ledger.watch(interface.index, link).ok_or_else(|| {
        Error::new(
            ErrorKind::Exhausted,
            format!("cannot keep a ledger for `{name}`: too many interfaces are watched"),
        )
        .with_remedy("choose fewer by `interfaces`, or open a second source for the rest")
    })?;
    let directions = hook::directions(interface);
    let mut watched = Watched {
        index: interface.index,
        name,
        ingress: None,
        egress: None,
    };
    let mut held = Vec::new();
    let mut refusal = None;
    for &direction in directions {
        match hooks.attach(manner, programs, interface, direction) {
            Ok(attached) => held.push(Held {
                direction,
                attached,
            }),
            Err(error) => _ = refusal.get_or_insert(error),
        }
    }
    // Behind both: packets pass meanwhile.
    for held in &held {
        *watched.at(held.direction) = Some(AtHook {
            mechanism: held.attached.mechanism(),
            // To be refused the list is no reason to give the hook up.
            occupants: hooks
                .occupants(interface, held.direction)
                .unwrap_or_default(),
        });
    }
    match refusal {
        Some(error) if held.is_empty() => {
            ledger.forget(place);
            Err(error)
        }
        refusal => Ok(Joined {
            troubles: said::misplaced(manner, interface, &placed(&watched, programs)),
            held,
            watched,
            place,
            directions,
            refusal,
        }),
    }
}

/// Programs of ours and what is at their hooks.
pub(super) fn placed<'a>(watched: &'a Watched, programs: Programs<'_>) -> Vec<Placed<'a>> {
    let hooks = [
        (Direction::Ingress, &watched.ingress),
        (Direction::Egress, &watched.egress),
    ];
    hooks
        .into_iter()
        .filter_map(|(direction, at)| {
            Some(Placed {
                direction,
                at: at.as_ref()?,
                own: programs.id(direction).unwrap_or_default(),
            })
        })
        .collect()
}
