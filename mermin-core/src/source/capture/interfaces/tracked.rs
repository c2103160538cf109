//! An interface that something was done about, from being attached to until its last flow is closed.

use mermin_bpf::abi::ledger::HookDirection;

use super::{attach::HeldProgram, degradations, silence::Progress};
use crate::{
    error::Error,
    iface::{
        Interface,
        list::Counters,
        reconcile::{InterfaceState, KnownInterface},
    },
    report::Degradation,
    source::capture::events,
};

/// Its state.
#[derive(Debug)]
pub(super) enum State {
    Watched(Vec<HeldProgram>),
    /// The programs are gone; a run of theirs may still count until the grace period is over.
    Detached,
    /// No program counts for it any more, and its flows stand still in the table.
    Quiesced,
    /// All its flows are on their way out.
    Emptied,
    Refused {
        /// It is to be tried again.
        retry: bool,
    },
}

#[derive(Debug)]
pub(super) struct TrackedInterface {
    pub(super) generation: u64,
    pub(super) interface: Interface,
    pub(super) state: State,
    /// Counters at the last look, by direction.
    progress: [Option<Progress>; 2],
}

/// Programs that could not be taken away.
pub(super) struct Undetached {
    /// The first refusal.
    pub(super) error: Error,
    pub(super) directions: Vec<HookDirection>,
    pub(super) degradations: Vec<Degradation>,
}

impl TrackedInterface {
    pub(super) fn new(generation: u64, interface: Interface, state: State) -> Self {
        Self {
            generation,
            interface,
            state,
            progress: [None; 2],
        }
    }

    /// As it is compared with what is wanted.
    pub(super) fn kept(&self) -> KnownInterface<'_> {
        KnownInterface {
            index: self.interface.index,
            generation: self.generation,
            name: &self.interface.name,
            state: match self.state {
                State::Watched(_) => InterfaceState::Watched,
                State::Detached | State::Quiesced | State::Emptied => InterfaceState::Leaving,
                State::Refused { retry } => InterfaceState::Refused { retry },
            },
        }
    }

    /// A refusal is to be tried again.
    pub(super) fn retry(&mut self) {
        if let State::Refused { retry } = &mut self.state {
            *retry = true;
        }
    }

    /// Takes the programs away. Those that cannot be are held still.
    pub(super) fn detach(&mut self) -> Result<(), Undetached> {
        let State::Watched(held) = &mut self.state else {
            return Ok(());
        };
        if held.is_empty() {
            return Ok(());
        }
        let interface = &self.interface;
        let mut degradations = Vec::new();
        let mut refusal = None;
        held.retain_mut(|held| match held.attached.try_detach() {
            Ok(()) => false,
            Err(error) => {
                degradations.push(degradations::undetached(interface, &error));
                refusal.get_or_insert(error);
                true
            }
        });
        let directions = held.iter().map(|held| held.direction).collect();
        let Some(error) = refusal else {
            events::detached(&interface.name, interface.index);
            return Ok(());
        };
        Err(Undetached {
            error,
            directions,
            degradations,
        })
    }

    /// Compares what the interface says to have passed with what was `counted` of it by each program. Something before the hook
    /// keeps packets where they pass and none is counted.
    pub(super) fn check_stalled_hooks(
        &mut self,
        passed: Counters,
        counted: impl Fn(HookDirection) -> u64,
    ) -> Vec<Degradation> {
        let State::Watched(held) = &self.state else {
            return Vec::new();
        };
        let mut stalled = Vec::new();
        for direction in held.iter().map(|held| held.direction) {
            let now = Progress {
                passed: match direction {
                    HookDirection::Ingress => passed.received,
                    HookDirection::Egress => passed.sent,
                },
                counted: counted(direction),
            };
            let before = self.progress[direction as usize].replace(now);
            if let Some(packets) = before.and_then(|before| now.silence_since(before)) {
                stalled.push(degradations::silent(&self.interface, direction, packets));
            }
        }
        stalled
    }
}
