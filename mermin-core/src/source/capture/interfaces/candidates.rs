//! Lists the interfaces that could be attached to, before anything is loaded.

use std::rc::Rc;

use super::{links::LinkMonitor, selection::Selection};
use crate::{
    attach::{AttachOptions, Hooks, pinned_hooks::PinnedHooks},
    error::Error,
    iface::{netns::Entered, select::Selector},
    source::options::Options,
};

/// The hooks and links of one network namespace, and the selection.
pub(in crate::source::capture) struct Candidates {
    pub(super) hooks: Hooks,
    pub(super) options: AttachOptions,
    pub(super) links: LinkMonitor,
    pub(super) selection: Selection,
    /// The namespace, if it has a path that can disappear.
    pub(super) namespace: Option<Entered>,
}

impl Candidates {
    /// Moves the calling thread to the chosen network namespace, subscribes to notifications of its links, and lists
    /// them.
    pub(in crate::source::capture) fn open(
        options: &Options,
        selector: Selector,
    ) -> Result<Self, Error> {
        let namespace = options.netns.enter()?;
        let hooks = Hooks::open()?.owned();
        let links = LinkMonitor::open(hooks.netlink(), options.test_hooks.notifications)?;
        let selection = Selection::new(selector, !options.no_hot_plug, links.links());
        Ok(Self {
            hooks,
            options: options.attach.clone(),
            links,
            selection,
            namespace,
        })
    }

    /// Checks the selection against the present links.
    pub(in crate::source::capture) fn check(&self) -> Result<(), Error> {
        self.selection.check(&self.links.list())
    }

    /// Takes over links and filters of an earlier process, and pins new ones, from now on.
    pub(in crate::source::capture) fn set_pinned_hooks(&mut self, hooks: Rc<PinnedHooks>) {
        self.hooks.set_pinned_hooks(hooks);
    }
}
