//! Which links there are, kept from the kernel's notifications: a state machine without a socket.
//!
//! A link is an index and a generation: an index can come again for another link, a name at any time for any.

use std::collections::{BTreeMap, BTreeSet};

use super::{Interface, list};

/// Meaning of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A link is there, as it says: new or changed.
    There(Interface),
    /// The link of this index has gone: deleted, or moved to another network namespace.
    Gone(u32),
    /// A qdisc or a filter was deleted at the link of this index.
    Disturbed(u32),
}

/// A link that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// As it was last told.
    pub(crate) interface: Interface,
    /// Grows from link to link; a later link of the same index has a higher one.
    pub(crate) generation: u64,
}

/// All links of a network namespace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    by_index: BTreeMap<u32, Link>,
    generation: u64,
    /// Indexes of which a list told that they went, before the notifications did: those are still to come, and older ones
    /// before them.
    foretold: BTreeSet<u32>,
}

/// Reads a message of the groups of links and of traffic control. One that is no news of a whole link is none: bridges
/// tell of their ports in messages of the same types, and a port that leaves its bridge is still there.
pub(crate) fn read(kind: u16, payload: &[u8]) -> Option<Event> {
    const RTM_DELLINK: u16 = 17;
    const RTM_DELQDISC: u16 = 37;
    const RTM_DELTFILTER: u16 = 45;
    if let RTM_DELQDISC | RTM_DELTFILTER = kind {
        // `struct tcmsg` has the index where `struct ifinfomsg` does.
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
    /// Takes an event in, and returns the link that it ended, if any.
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

    /// Takes over a whole list, as after notifications were lost, and returns the links that are not in it.
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

    /// Makes the link of an index another one: what was attached to it shows that it was replaced unseen.
    pub(crate) fn renew(&mut self, index: u32) {
        if let Some(Link { interface, .. }) = self.by_index.remove(&index) {
            self.put(interface);
        }
    }

    pub(crate) fn get(&self, index: u32) -> Option<&Link> {
        self.by_index.get(&index)
    }

    /// In the order of their indexes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Link> {
        self.by_index.values()
    }

    /// The highest generation so far.
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

    /// `struct ifinfomsg` of an Ethernet device, and its name.
    fn message(family: u8, index: u8, flags: u8, name: &str) -> Vec<u8> {
        let mut message = vec![family, 0, 1, 0, index, 0, 0, 0, flags, 0, 0, 0, 0, 0, 0, 0];
        let length = u8::try_from(name.len() + 5).unwrap();
        message.extend([length, 0, 3, 0]);
        message.extend(name.as_bytes());
        message.push(0);
        message.resize(message.len().next_multiple_of(4), 0);
        message
    }

    fn told(links: &mut Links, kind: u16, index: u8, flags: u8, name: &str) -> Option<Link> {
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
    fn a_link_comes_up_is_renamed_goes_down_and_goes() {
        let mut links = Links::default();
        assert_eq!(told(&mut links, NEW, 7, 0, "veth0"), None);
        assert_eq!(seen(&links), [(7, "veth0", false, 1)]);
        told(&mut links, NEW, 7, UP, "veth0");
        told(&mut links, NEW, 7, UP, "eth0");
        assert_eq!(seen(&links), [(7, "eth0", true, 1)]);
        told(&mut links, NEW, 7, 0, "eth0");
        assert_eq!(seen(&links), [(7, "eth0", false, 1)]);
        let gone = told(&mut links, DELETED, 7, 0, "eth0").unwrap();
        assert_eq!((gone.generation, gone.interface.name.as_str()), (1, "eth0"));
        assert_eq!(told(&mut links, DELETED, 7, 0, "eth0"), None);
    }

    #[test]
    fn an_index_or_a_name_that_comes_again_is_another_link() {
        let mut links = Links::default();
        told(&mut links, NEW, 7, UP, "a");
        told(&mut links, DELETED, 7, UP, "a");
        told(&mut links, NEW, 7, UP, "a");
        assert_eq!(seen(&links), [(7, "a", true, 2)]);
        // The message that says that a name has gone to another link may come after the one that uses it.
        told(&mut links, NEW, 8, UP, "a");
        told(&mut links, NEW, 7, UP, "b");
        assert_eq!(seen(&links), [(7, "b", true, 2), (8, "a", true, 3)]);
    }

    #[test]
    fn a_port_that_leaves_its_bridge_is_still_there() {
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
    fn a_qdisc_or_filter_that_is_deleted_disturbs_its_link() {
        let tcmsg = [0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 255, 255];
        for (kind, expected) in [(36, None), (37, Some(7)), (44, None), (45, Some(7))] {
            assert_eq!(read(kind, &tcmsg), expected.map(Event::Disturbed), "{kind}");
        }
        assert_eq!(read(45, &tcmsg[..7]), None);
    }

    #[test]
    fn a_list_after_lost_messages_says_what_went_meanwhile() {
        let mut links = Links::default();
        for (index, name) in [(1, "lo"), (7, "a"), (8, "b")] {
            told(&mut links, NEW, index, UP, name);
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
        // A notification still on its way is older than the list: no ghost comes of it.
        told(&mut links, NEW, 7, UP, "a");
        assert_eq!(told(&mut links, DELETED, 7, UP, "a"), None);
        assert!(links.get(7).is_none());
        told(&mut links, NEW, 7, UP, "e");
        assert_eq!(links.get(7).unwrap().generation, 5);
        // Where the notification was lost, the next list does away with the expectation.
        let list = |links: &Links| links.iter().map(|link| link.interface.clone()).collect();
        let mut without: Vec<Interface> = list(&links);
        without.retain(|at| at.index != 7);
        links.replace(without.clone());
        links.replace(without);
        told(&mut links, NEW, 7, UP, "f");
        assert_eq!(links.get(7).unwrap().generation, 6);
        links.renew(8);
        assert_eq!(links.get(8).unwrap().generation, 7);
    }
}
