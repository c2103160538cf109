//! The selection of links.

use super::{degradations, links::Gone};
use crate::{
    error::Error,
    iface::{Interface, select::Selector, watch::Links},
    source::capture::registry::InterfaceRegistry,
};

/// The patterns of the options.
#[derive(Debug)]
pub(in crate::source::capture) struct Selection {
    pub(super) selector: Selector,
    /// Links with a later generation are ignored.
    pub(super) newest: u64,
}

impl Selection {
    /// Creates a selection. With `hot_plug`, missing interfaces may appear later.
    pub(super) fn new(selector: Selector, hot_plug: bool, links: &Links) -> Self {
        let newest = if hot_plug {
            u64::MAX
        } else {
            links.generation()
        };
        Self { selector, newest }
    }

    /// Returns true if interfaces that appear later are watched.
    pub(super) fn is_hot_plug(&self) -> bool {
        self.newest == u64::MAX
    }

    /// Checks the selection against the present links.
    pub(super) fn check(&self, list: &[Interface]) -> Result<(), Error> {
        self.selector.check(list, self.newest == u64::MAX)
    }

    /// Returns true if a link that disappeared was selected.
    pub(super) fn wanted(&self, gone: &Gone) -> bool {
        let link = &gone.link;
        link.generation <= self.newest && self.selector.wants(gone.scope, &link.interface, false)
    }

    /// Reports the patterns that match no interface now.
    pub(super) fn report(&self, list: &[Interface], registry: &InterfaceRegistry) {
        let degradations = degradations::selection(&self.selector, list);
        registry.selected(&degradations, degradations::unused(&self.selector, list));
    }
}
