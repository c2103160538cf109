//! Tracks links from the kernel's notifications: a state machine without a socket.
//!
//! An index and a generation identify a link. The kernel reuses an index for another link, and names can change at
//! any time.

use std::collections::{BTreeMap, BTreeSet};

use super::{Interface, list};

/// A parsed notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The link is new or has changed.
    There(Interface),
    /// The link of this index no longer exists in this network namespace: it was deleted or moved.
    Gone(u32),
    /// A qdisc or a filter was deleted at the link of this index.
    Disturbed(u32),
}

/// A link that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// Its latest state.
    pub(crate) interface: Interface,
    /// Increases from link to link; a later link of the same index has a higher one.
    pub(crate) generation: u64,
}

/// All links of a network namespace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    by_index: BTreeMap<u32, Link>,
    generation: u64,
    /// Indexes of links that were missing in the list, while the notification of their removal is still to come. Until
    /// it has come, notifications for such an index are outdated.
    foretold: BTreeSet<u32>,
}

/// Parses a message about links or traffic control. Returns `None` for a message about a role of a link: bridges
/// report their ports with the same message types, and a port that leaves its bridge still exists.
pub(crate) fn read(kind: u16, payload: &[u8]) -> Option<Event> {
    const RTM_DELLINK: u16 = 17;
    const RTM_DELQDISC: u16 = 37;
    const RTM_DELTFILTER: u16 = 45;
    if let RTM_DELQDISC | RTM_DELTFILTER = kind {
        // `struct tcmsg` has the index at the offset of `struct ifinfomsg`.
        return payload
            .get(4..)
            .and_then(<[u8]>::first_chunk)
            .map(|index| Event::Disturbed(u32::from_ne_bytes(*index)));
    }
    let header = list::header(payload)?;
    if kind == RTM_DELLINK && header.family == list::AF_UNSPEC {
        return Some(Event::Gone(header.index));
    }
    list::read(kind, payload).map(Event::There)
}

impl Links {
    /// Applies an event; returns the link that it ended, if any.
    pub(crate) fn apply(&mut self, event: Event) -> Option<Link> {
        match event {
            Event::There(interface) if self.foretold.contains(&interface.index) => None,
            Event::There(interface) => {
                self.put(interface);
                None
            }
            Event::Gone(index) if self.foretold.remove(&index) => None,
            Event::Gone(index) => self.by_index.remove(&index),
            Event::Disturbed(_) => None,
        }
    }

    fn put(&mut self, interface: Interface) {
        if let Some(known) = self.by_index.get_mut(&interface.index) {
            known.interface = interface;
            return;
        }
        self.generation += 1;
        let link = Link {
            generation: self.generation,
            interface,
        };
        self.by_index.insert(link.interface.index, link);
    }

    /// Applies a complete list, after notifications were lost; returns the links that are not in it.
    pub(crate) fn replace(&mut self, list: Vec<Interface>) -> Vec<Link> {
        let mut before = std::mem::take(&mut self.by_index);
        for interface in list {
            if let Some(known) = before.remove(&interface.index) {
                self.by_index.insert(interface.index, known);
            }
            self.put(interface);
        }
        self.foretold = before.keys().copied().collect();
        before.into_values().collect()
    }

    /// Gives the link of an index a new generation, because another link has taken the index. No notification said so,
    /// but the attached programs show it.
    pub(crate) fn renew(&mut self, index: u32) {
        if let Some(Link { interface, .. }) = self.by_index.remove(&index) {
            self.put(interface);
        }
    }

    pub(crate) fn get(&self, index: u32) -> Option<&Link> {
        self.by_index.get(&index)
    }

    /// Returns the links sorted by index.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Link> {
        self.by_index.values()
    }

    /// Returns the highest generation so far.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: u16 = 16;
    const DELETED: u16 = 17;
    const UP: u8 = 1;

    /// Builds `struct ifinfomsg` of an Ethernet device with a name.
    fn message(family: u8, index: u8, flags: u8, name: &str) -> Vec<u8> {
        let mut message = vec![family, 0, 1, 0, index, 0, 0, 0, flags, 0, 0, 0, 0, 0, 0, 0];
        let length = u8::try_from(name.len() + 5).unwrap();
        message.extend([length, 0, 3, 0]);
        message.extend(name.as_bytes());
        message.push(0);
        message.resize(message.len().next_multiple_of(4), 0);
        message
    }

    fn apply(links: &mut Links, kind: u16, index: u8, flags: u8, name: &str) -> Option<Link> {
        let event = read(kind, &message(0, index, flags, name)).unwrap();
        links.apply(event)
    }

    fn seen(links: &Links) -> Vec<(u32, &str, bool, u64)> {
        links
            .iter()
            .map(
                |Link {
                     interface,
                     generation,
                 }| {
                    (
                        interface.index,
                        interface.name.as_str(),
                        interface.up,
                        *generation,
                    )
                },
            )
            .collect()
    }

    #[test]
    fn link_is_followed_from_its_addition_to_its_removal() {
        let mut links = Links::default();
        assert_eq!(apply(&mut links, NEW, 7, 0, "veth0"), None);
        assert_eq!(seen(&links), [(7, "veth0", false, 1)]);
        apply(&mut links, NEW, 7, UP, "veth0");
        apply(&mut links, NEW, 7, UP, "eth0");
        assert_eq!(seen(&links), [(7, "eth0", true, 1)]);
        apply(&mut links, NEW, 7, 0, "eth0");
        assert_eq!(seen(&links), [(7, "eth0", false, 1)]);
        let gone = apply(&mut links, DELETED, 7, 0, "eth0").unwrap();
        assert_eq!((gone.generation, gone.interface.name.as_str()), (1, "eth0"));
        assert_eq!(apply(&mut links, DELETED, 7, 0, "eth0"), None);
    }

    #[test]
    fn reused_index_or_name_is_another_link() {
        let mut links = Links::default();
        apply(&mut links, NEW, 7, UP, "a");
        apply(&mut links, DELETED, 7, UP, "a");
        apply(&mut links, NEW, 7, UP, "a");
        assert_eq!(seen(&links), [(7, "a", true, 2)]);
        // The notification that a name moved to another link may arrive after the one that uses the name.
        apply(&mut links, NEW, 8, UP, "a");
        apply(&mut links, NEW, 7, UP, "b");
        assert_eq!(seen(&links), [(7, "b", true, 2), (8, "a", true, 3)]);
    }

    #[test]
    fn port_that_leaves_its_bridge_is_still_listed() {
        const AF_BRIDGE: u8 = 7;
        assert_eq!(read(DELETED, &message(AF_BRIDGE, 7, UP, "veth0")), None);
        assert_eq!(read(NEW, &message(AF_BRIDGE, 7, UP, "veth0")), None);
        assert_eq!(
            read(DELETED, &message(0, 7, UP, "veth0")),
            Some(Event::Gone(7))
        );
        assert_eq!(read(DELETED, &[0; 8]), None);
    }

    #[test]
    fn deleted_qdisc_or_filter_marks_its_link() {
        let tcmsg = [0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 255, 255];
        for (kind, expected) in [(36, None), (37, Some(7)), (44, None), (45, Some(7))] {
            assert_eq!(read(kind, &tcmsg), expected.map(Event::Disturbed), "{kind}");
        }
        assert_eq!(read(45, &tcmsg[..7]), None);
    }

    #[test]
    fn resync_reports_interfaces_removed_meanwhile() {
        let mut links = Links::default();
        for (index, name) in [(1, "lo"), (7, "a"), (8, "b")] {
            apply(&mut links, NEW, index, UP, name);
        }
        let mut list: Vec<Interface> = links.iter().map(|link| link.interface.clone()).collect();
        list.remove(1);
        list[1].name = "c".to_owned();
        list.push(Interface {
            index: 9,
            name: "d".to_owned(),
            ..list[0].clone()
        });
        let gone = links.replace(list);
        assert_eq!(gone.len(), 1);
        assert_eq!(gone[0].interface.name, "a");
        assert_eq!(
            seen(&links),
            [(1, "lo", true, 1), (8, "c", true, 3), (9, "d", true, 4)]
        );
        // An outdated notification must not add a link that no longer exists.
        apply(&mut links, NEW, 7, UP, "a");
        assert_eq!(apply(&mut links, DELETED, 7, UP, "a"), None);
        assert!(links.get(7).is_none());
        apply(&mut links, NEW, 7, UP, "e");
        assert_eq!(links.get(7).unwrap().generation, 5);
        // If the notification was lost, the next list ends the wait for it.
        let list = |links: &Links| links.iter().map(|link| link.interface.clone()).collect();
        let mut without: Vec<Interface> = list(&links);
        without.retain(|at| at.index != 7);
        links.replace(without.clone());
        links.replace(without);
        apply(&mut links, NEW, 7, UP, "f");
        assert_eq!(links.get(7).unwrap().generation, 6);
        links.renew(8);
        assert_eq!(links.get(8).unwrap().generation, 7);
    }
}
