//! A source that outlives its process: take-over, journal, and the state that it leaves.

mod degradations;
mod part;
mod prepare;
mod take_over;

use std::{rc::Rc, sync::Arc};

pub(super) use self::{
    part::part,
    prepare::{Prepared, prepare},
    take_over::{FlowToClose, Leftovers, TakeOver},
};
use crate::{
    attach::pinned_hooks::{OnDrop, PinnedHooks},
    bpf::pin::{instance::Instance, lock::Lock},
};

/// The pins of an instance, and the decision to keep or remove them on drop.
#[derive(Debug)]
pub(super) struct PinnedInstance {
    instance: Instance,
    /// The same decision for programs at hooks.
    keeper: Rc<PinnedHooks>,
    on_drop: OnDrop,
    /// Decision of the options, for a closed or dropped source.
    on_close: OnDrop,
    /// Decision for a failed opening: found pins stay, new pins are removed.
    on_open_cancelled: OnDrop,
}

impl PinnedInstance {
    /// Creates it for a new instance or one that was `found`. Until [`begin`](Self::begin), a failure restores the
    /// earlier state.
    fn new(instance: Instance, keeper: PinnedHooks, on_close: OnDrop, found: bool) -> Self {
        let on_open_cancelled = if found { OnDrop::Keep } else { OnDrop::Remove };
        keeper.set_on_drop(on_open_cancelled);
        Self {
            instance,
            keeper: Rc::new(keeper),
            on_drop: on_open_cancelled,
            on_close,
            on_open_cancelled,
        }
    }

    pub(super) fn keeper(&self) -> Rc<PinnedHooks> {
        Rc::clone(&self.keeper)
    }

    /// Returns the lock of the instance's owner.
    pub(super) fn lock(&self) -> Arc<Lock> {
        self.instance.lock()
    }

    /// Marks the begin of capturing. From now on a failure leaves everything to the next process; only detaching
    /// removes programs.
    pub(super) fn begin(&mut self) {
        self.on_drop = OnDrop::Keep;
        self.keeper.set_on_drop(OnDrop::Remove);
    }

    /// Applies the decision for a closed or dropped source.
    pub(super) fn close(&mut self) {
        self.set_on_drop(self.on_close);
    }

    /// Applies the decision for a source that nobody received.
    pub(super) fn cancel_open(&mut self) {
        self.set_on_drop(self.on_open_cancelled);
    }

    /// Applies the latest decision to programs at hooks, before everything is dropped.
    pub(super) fn drop_hooks(&self) {
        self.keeper.set_on_drop(self.on_drop);
    }

    /// Returns true if flows continue when the source is closed.
    pub(super) fn persists(&self) -> bool {
        self.on_close == OnDrop::Keep
    }

    fn set_on_drop(&mut self, on_drop: OnDrop) {
        self.on_drop = on_drop;
        self.keeper.set_on_drop(on_drop);
    }
}

impl Drop for PinnedInstance {
    fn drop(&mut self) {
        if self.on_drop == OnDrop::Remove {
            // A failure has no receiver here. The next source of this name removes the rest.
            let _ = self.instance.remove();
        }
    }
}
