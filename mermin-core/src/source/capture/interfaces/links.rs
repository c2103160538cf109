//! Links of the kernel: the list, and the notifications that update it.

use std::{collections::BTreeSet, os::fd::AsFd};

use crate::{
    error::{Error, ErrorKind},
    iface::{
        Interface, list,
        select::{Scope, Selector},
        watch::{self, Event, Link, Links},
    },
    sys::netlink::{Monitor, Netlink, is_loss},
};

/// `RTNLGRP_LINK`.
const LINK_GROUP: u32 = 1;
/// `RTNLGRP_TC`.
const TRAFFIC_CONTROL_GROUP: u32 = 4;
/// Largest number of notifications handled before other work of the thread.
const AT_ONCE: usize = 256;

/// A link that disappeared.
#[derive(Debug)]
pub(super) struct Gone {
    pub(super) link: Link,
    /// The selection's scope before that.
    pub(super) scope: Scope,
}

/// The links of one network namespace.
pub(super) struct LinkMonitor {
    monitor: Monitor,
    links: Links,
    /// Links changed since the last comparison with the selection.
    changed: bool,
    /// Notifications were lost, so the list must be read again.
    lost: bool,
    /// Interfaces at which qdiscs or filters were deleted. These may be the source's own filters.
    disturbed: BTreeSet<u32>,
    /// Traffic control notifications are subscribed. They are frequent on some hosts, and only needed for filters.
    hears_tc: bool,
    buffer: Vec<u8>,
}

impl LinkMonitor {
    /// Subscribes to notifications of links and then lists the links, in the calling thread's network namespace.
    /// `room` is the socket's receive buffer in octets.
    pub(super) fn open(netlink: &Netlink, room: usize) -> Result<Self, Error> {
        let monitor = Monitor::open(LINK_GROUP, room).map_err(|error| {
            Error::new(ErrorKind::System, "cannot listen for changes of interfaces")
                .with_source(error)
        })?;
        let mut links = Links::default();
        links.replace(list::links(netlink)?);
        Ok(Self {
            monitor,
            links,
            changed: false,
            lost: false,
            disturbed: BTreeSet::new(),
            hears_tc: false,
            buffer: Vec::new(),
        })
    }

    /// Returns a descriptor that is readable when a link changes. It wakes the capture thread.
    pub(super) fn events(&self) -> &impl AsFd {
        &self.monitor
    }

    pub(super) fn links(&self) -> &Links {
        &self.links
    }

    pub(super) fn list(&self) -> Vec<Interface> {
        self.links
            .iter()
            .map(|link| link.interface.clone())
            .collect()
    }

    /// Reads notifications. Returns the links that disappeared.
    pub(super) fn read_notifications(&mut self, selector: &Selector) -> Vec<Gone> {
        let mut gone = Vec::new();
        let mut buffer = std::mem::take(&mut self.buffer);
        for _ in 0..AT_ONCE {
            let mut events = Vec::new();
            let read = self.monitor.read(&mut buffer, |kind, payload| {
                events.extend(watch::read(kind, payload));
            });
            match read {
                Ok(true) => {
                    for event in events {
                        gone.extend(self.apply(event, selector));
                    }
                }
                Ok(false) => break,
                // The list has the present state, whatever the notifications are.
                Err(error) => {
                    self.lost = true;
                    if !is_loss(&error) {
                        break;
                    }
                }
            }
        }
        self.buffer = buffer;
        gone
    }

    fn apply(&mut self, event: Event, selector: &Selector) -> Option<Gone> {
        if let Event::Disturbed(index) = event {
            self.disturbed.insert(index);
            return None;
        }
        self.changed = true;
        // The scope before the event. It compares every pattern with every link, and most events do not need it.
        let scope = matches!(event, Event::Gone(_)).then(|| self.scope(selector));
        let (scope, link) = scope.zip(self.links.apply(event))?;
        Some(Gone { link, scope })
    }

    /// Replaces the list. Returns the links that are not in it.
    pub(super) fn resync(&mut self, list: Vec<Interface>, selector: &Selector) -> Vec<Gone> {
        let scope = self.scope(selector);
        self.changed = true;
        let gone = self.links.replace(list).into_iter();
        gone.map(|link| Gone { link, scope }).collect()
    }

    fn scope(&self, selector: &Selector) -> Scope {
        selector.scope(self.links.iter().map(|link| &link.interface))
    }

    /// Subscribes to notifications of filters, once this source has a filter.
    pub(super) fn subscribe_tc(&mut self) {
        if !self.hears_tc {
            // If the kernel refuses, only the periodic check finds deleted filters.
            self.hears_tc = self.monitor.join(TRAFFIC_CONTROL_GROUP).is_ok();
        }
    }

    /// Marks the interface of an index as another one, although no notification said so.
    pub(super) fn renew(&mut self, index: u32) {
        self.links.renew(index);
        self.changed = true;
    }

    /// Returns true if links changed since the last call.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Returns true if the list must be read again.
    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    /// Clears the request to read the list. If reading fails now, the next check reads it.
    pub(super) fn relist(&mut self) {
        self.lost = false;
    }

    /// Returns the interfaces at which qdiscs or filters were deleted since the last call.
    pub(super) fn take_disturbed(&mut self) -> BTreeSet<u32> {
        std::mem::take(&mut self.disturbed)
    }
}
