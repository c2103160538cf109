//! A source that outlives its process: its take-over, its journal, and the state that it leaves.

mod degradations;
mod part;
mod prepare;
mod take_over;

use std::{rc::Rc, sync::Arc};

pub(super) use self::{
    part::part,
    prepare::{Prepared, prepare},
    take_over::{Leftovers, Orphaned, TakeOver},
};
use crate::{
    attach::pinned_hooks::{OnDrop, PinnedHooks},
    bpf::pin::{instance::Instance, lock::Lock},
};

/// The pins of an instance, and the decision to keep or remove them on drop.
#[derive(Debug)]
pub(super) struct PinnedInstance {
    instance: Instance,
    /// Decides the same for programs at hooks.
    keeper: Rc<PinnedHooks>,
    on_drop: OnDrop,
    /// As the options say, when the source is closed or dropped.
    on_close: OnDrop,
    /// When opening fails: pins that were found stay as they were, pins that were made are removed.
    on_open_cancelled: OnDrop,
}

impl PinnedInstance {
    /// One that was made just now, or `found`. Until [`begin`](Self::begin) whatever fails leaves things as they were.
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

    /// The lock of its owner.
    pub(super) fn lock(&self) -> Arc<Lock> {
        self.instance.lock()
    }

    /// Capturing begins. A failure leaves all there is to the next process from now on, and programs go by being detached alone.
    pub(super) fn begin(&mut self) {
        self.on_drop = OnDrop::Keep;
        self.keeper.set_on_drop(OnDrop::Remove);
    }

    /// The source is closed, or dropped.
    pub(super) fn close(&mut self) {
        self.set_on_drop(self.on_close);
    }

    /// Nobody got the source.
    pub(super) fn cancel_open(&mut self) {
        self.set_on_drop(self.on_open_cancelled);
    }

    /// All there is is about to be dropped, as was decided last.
    pub(super) fn drop_hooks(&self) {
        self.keeper.set_on_drop(self.on_drop);
    }

    /// True if flows go on when the source is closed.
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
            // There is nobody to tell; what stays is removed by the next source of this name.
            let _ = self.instance.remove();
        }
    }
}
