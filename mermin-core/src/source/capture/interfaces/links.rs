//! Links from the kernel: notifications, and the list that they update.

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
/// Notifications taken before the rest of the thread's work has its turn.
const AT_ONCE: usize = 256;

/// A link that went.
#[derive(Debug)]
pub(super) struct Gone {
    pub(super) link: Link,
    /// The selection's scope before it went.
    pub(super) scope: Scope,
}

/// The links of one network namespace.
pub(super) struct LinkMonitor {
    monitor: Monitor,
    links: Links,
    /// Links changed since they were last compared with the selection.
    changed: bool,
    /// Notifications were lost: the list must be read again.
    lost: bool,
    /// Qdiscs or filters were deleted at these: ours may be among them.
    disturbed: BTreeSet<u32>,
    /// Notifications of traffic control are subscribed to as well: they are many on some hosts, and needed only for
    /// filters.
    hears_tc: bool,
    buffer: Vec<u8>,
}

impl LinkMonitor {
    /// Subscribes to notifications of links and then lists them, in the calling thread's network namespace. The
    /// argument is the socket's receive buffer, in bytes.
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

    /// Readable when a link changes: wakes the capture thread.
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

    /// Takes notifications in. Returns the links that went.
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
                // Whatever the notification is, the list has the present state.
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
        // Of the moment before; it goes by every pattern over every link, and of most events is not asked.
        let scope = matches!(event, Event::Gone(_)).then(|| self.scope(selector));
        let (scope, link) = scope.zip(self.links.apply(event))?;
        Some(Gone { link, scope })
    }

    /// Takes over a list that was read again. Returns the links that are not in it.
    pub(super) fn resync(&mut self, list: Vec<Interface>, selector: &Selector) -> Vec<Gone> {
        let scope = self.scope(selector);
        self.changed = true;
        let gone = self.links.replace(list).into_iter();
        gone.map(|link| Gone { link, scope }).collect()
    }

    fn scope(&self, selector: &Selector) -> Scope {
        selector.scope(self.links.iter().map(|link| &link.interface))
    }

    /// Subscribes to notifications of filters, once this source has any.
    pub(super) fn subscribe_tc(&mut self) {
        if !self.hears_tc {
            // If the kernel refuses, the periodic check has to do.
            self.hears_tc = self.monitor.join(TRAFFIC_CONTROL_GROUP).is_ok();
        }
    }

    /// The interface of an index is another one, though no notification said so.
    pub(super) fn renew(&mut self, index: u32) {
        self.links.renew(index);
        self.changed = true;
    }

    /// True if links changed since the last call.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// True if the list must be read again.
    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    /// The list is about to be read. One that is refused now is read at the next look.
    pub(super) fn relist(&mut self) {
        self.lost = false;
    }

    /// Interfaces at which qdiscs or filters were deleted since the last call.
    pub(super) fn take_disturbed(&mut self) -> BTreeSet<u32> {
        std::mem::take(&mut self.disturbed)
    }
}
