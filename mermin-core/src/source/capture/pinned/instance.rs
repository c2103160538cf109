//! The pins of an instance, and what happens to them when the source ends.

use std::{path::PathBuf, rc::Rc, sync::Arc};

use crate::{
    attach::pinned_hooks::{OnDrop, PinnedHooks},
    bpf::pin::{instance::Instance, lock::Lock},
};

/// The pins of an instance, and the decision to keep or remove them on drop.
#[derive(Debug)]
pub(in crate::source::capture) struct PinnedInstance {
    /// `None` if the pins are another process's.
    pub(super) instance: Option<Instance>,
    pub(super) lock: Arc<Lock>,
    /// The pinned programs at hooks, with a decision of their own: while the source captures, a program that is detached is removed.
    hooks: Rc<PinnedHooks>,
    /// The present decision for the pins.
    on_drop: OnDrop,
    /// The source captures, and nothing has ended it.
    captures: bool,
    /// The decision for a closed or dropped source, which the option `persist` sets.
    on_close: OnDrop,
    /// The decision for an opening that failed or was cancelled: the pins of an instance that was found stay, those of a new
    /// instance are removed.
    on_no_open: OnDrop,
}

impl PinnedInstance {
    /// Creates it for a new instance or one that was `found`. Until [`begin`](Self::begin), a failure removes what is new. At
    /// hooks that had a program of the instance, the new program may have replaced it, and stays: it counts in the same maps.
    pub(super) fn new(instance: Instance, hooks: PinnedHooks, persists: bool, found: bool) -> Self {
        let on_no_open = if found { OnDrop::Keep } else { OnDrop::Remove };
        let mut new = Self {
            lock: instance.lock(),
            instance: Some(instance),
            hooks: Rc::new(hooks),
            on_drop: on_no_open,
            captures: false,
            on_close: on_close(persists),
            on_no_open,
        };
        new.cancel_open();
        new
    }

    /// Creates it for an instance whose pins are another process's. A failure leaves everything to the next process.
    pub(super) fn passed(lock: Lock, hooks: PinnedHooks, persists: bool) -> Self {
        hooks.set_on_drop(OnDrop::Keep);
        Self {
            instance: None,
            lock: Arc::new(lock),
            hooks: Rc::new(hooks),
            on_drop: OnDrop::Keep,
            captures: false,
            on_close: on_close(persists),
            on_no_open: OnDrop::Keep,
        }
    }

    /// Leaves everything to another process.
    pub(super) fn leave(&mut self) {
        self.set_on_drop(OnDrop::Keep);
    }

    /// Returns the directory of the pins, if they are this process's.
    pub(super) fn path(&self) -> Option<PathBuf> {
        self.instance.as_ref().map(Instance::path)
    }

    pub(in crate::source::capture) fn hooks(&self) -> Rc<PinnedHooks> {
        Rc::clone(&self.hooks)
    }

    /// Returns the lock of the instance's owner.
    pub(in crate::source::capture) fn lock(&self) -> Arc<Lock> {
        Arc::clone(&self.lock)
    }

    /// Marks the begin of capturing. From now on a failure leaves everything to the next process; only detaching
    /// removes programs.
    pub(in crate::source::capture) fn begin(&mut self) {
        self.on_drop = OnDrop::Keep;
        self.captures = true;
        self.hooks.set_on_drop(OnDrop::Remove);
    }

    /// Applies the decision for a closed or dropped source.
    pub(in crate::source::capture) fn close(&mut self) {
        self.set_on_drop(self.on_close);
    }

    /// Applies the decision for a source that was not opened, or that nobody received.
    pub(in crate::source::capture) fn cancel_open(&mut self) {
        self.set_on_drop(self.on_no_open);
        if self.on_no_open == OnDrop::Keep {
            self.hooks.keep_found();
        }
    }

    /// Decides about programs at hooks, before everything is dropped. A source that fails while it captures leaves them.
    pub(in crate::source::capture) fn settle_hooks(&self) {
        if self.captures {
            self.hooks.set_on_drop(OnDrop::Keep);
        }
    }

    /// Returns true if flows continue when the source is closed.
    pub(in crate::source::capture) fn persists(&self) -> bool {
        self.on_close == OnDrop::Keep
    }

    fn set_on_drop(&mut self, on_drop: OnDrop) {
        self.on_drop = on_drop;
        self.captures = false;
        self.hooks.set_on_drop(on_drop);
    }
}

fn on_close(persists: bool) -> OnDrop {
    if persists {
        OnDrop::Keep
    } else {
        OnDrop::Remove
    }
}

impl Drop for PinnedInstance {
    fn drop(&mut self) {
        if self.on_drop == OnDrop::Remove
            && let Some(instance) = &self.instance
        {
            // A failure has no receiver here. The next source of this name removes the rest.
            let _ = instance.remove();
        }
    }
}
