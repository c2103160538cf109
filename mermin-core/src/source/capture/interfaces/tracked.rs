//! A tracked interface, from the attempt to attach until its last flow is closed.

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
    /// The programs are detached. A run may still count until the grace period has passed.
    Detached,
    /// No program counts for it any more, so its flows no longer change.
    Quiesced,
    /// All its flows are being closed.
    Closing,
    Refused {
        /// The source should try again.
        retry: bool,
    },
}

#[derive(Debug)]
pub(super) struct TrackedInterface {
    pub(super) generation: u64,
    pub(super) interface: Interface,
    pub(super) state: State,
    /// Counters at the last check, by direction.
    progress: [Option<Progress>; 2],
}

/// Programs that could not be detached.
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

    /// Returns the form that is compared with the selection.
    pub(super) fn kept(&self) -> KnownInterface<'_> {
        KnownInterface {
            index: self.interface.index,
            generation: self.generation,
            name: &self.interface.name,
            link: self.interface.link,
            state: match self.state {
                State::Watched(_) => InterfaceState::Watched,
                State::Detached | State::Quiesced | State::Closing => InterfaceState::Leaving,
                State::Refused { retry } => InterfaceState::Refused { retry },
            },
        }
    }

    /// Marks a refusal for another attempt.
    pub(super) fn retry(&mut self) {
        if let State::Refused { retry } = &mut self.state {
            *retry = true;
        }
    }

    /// Detaches the programs. Programs that cannot be detached stay.
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

    /// Compares the interface's own counters with the packets `counted` by each program. If packets pass and none is
    /// counted, something before the hook takes them.
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
