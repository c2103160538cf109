//! Compares wanted and watched interfaces and returns the steps between them, without any action.

use super::{
    LinkLayer,
    select::Selector,
    watch::{Link, Links},
};

/// The state of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InterfaceState {
    /// Programs are attached.
    Watched,
    /// Programs are detached, and the flows are being closed. Nothing is attached to this index until they are closed.
    Leaving,
    /// Attaching failed.
    Refused {
        /// True if the source should try again now.
        retry: bool,
    },
}

/// An interface that the source knows, and the state it has there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownInterface<'a> {
    pub(crate) index: u32,
    pub(crate) generation: u64,
    pub(crate) name: &'a str,
    /// The first header of its packets, as it was when the programs were attached.
    pub(crate) link: LinkLayer,
    pub(crate) state: InterfaceState,
}

/// A step for the interface with this index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Its name has changed.
    Rename(u32),
    /// Attach to it.
    Attach(u32),
    /// Detach from it and close its flows.
    Detach(u32),
    /// Forget it: attaching failed, and it no longer exists or is no longer wanted.
    Forget(u32),
}

/// Compares the links that exist with the interfaces in `kept`, both sorted by index, and returns the steps. Links of a
/// generation (see [`Link`]) above `newest` are not watched: without hot-plug, `newest` is the latest generation at the
/// start.
pub(crate) fn steps<'a>(
    selector: &Selector,
    links: &Links,
    newest: u64,
    kept: impl IntoIterator<Item = KnownInterface<'a>>,
) -> Vec<Step> {
    let wants = wants(selector, links, newest);
    let mut steps = Vec::new();
    let mut ends = Vec::new();
    let mut kept = kept.into_iter().peekable();
    // Both lists are sorted by index.
    for link in links.iter() {
        let index = link.interface.index;
        while let Some(gone) = kept.next_if(|kept| kept.index < index) {
            ends.extend(end(&gone));
        }
        match kept.next_if(|kept| kept.index == index) {
            None if wants(link, false) => steps.push(Step::Attach(index)),
            None => {}
            Some(known) => match known.state {
                InterfaceState::Leaving => {}
                // A bond gets another type with its first member, and a TUN device by `TUNSETLINK`.
                InterfaceState::Watched
                    if known.generation == link.generation
                        && known.link == link.interface.link
                        && wants(link, true) =>
                {
                    if known.name != link.interface.name {
                        steps.push(Step::Rename(index));
                    }
                }
                InterfaceState::Watched => ends.push(Step::Detach(index)),
                InterfaceState::Refused { retry } if wants(link, false) => {
                    if retry || known.generation != link.generation {
                        steps.push(Step::Attach(index));
                    }
                }
                InterfaceState::Refused { .. } => ends.push(Step::Forget(index)),
            },
        }
    }
    ends.extend(kept.filter_map(|gone| end(&gone)));
    steps.extend(ends);
    steps
}

/// Returns true if an interface whose flows are being closed is wanted again: it is attached to once they are closed.
pub(crate) fn is_awaited<'a>(
    selector: &Selector,
    links: &Links,
    newest: u64,
    kept: impl IntoIterator<Item = KnownInterface<'a>>,
) -> bool {
    let wants = wants(selector, links, newest);
    let is_wanted = |index| {
        let mut links = links.iter();
        links.any(|link| link.interface.index == index && wants(link, false))
    };
    let mut leaving = kept
        .into_iter()
        .filter(|kept| kept.state == InterfaceState::Leaving);
    leaving.any(|kept| is_wanted(kept.index))
}

/// Returns a function that is true for a link to watch; its second argument is true if the link is watched now.
fn wants(selector: &Selector, links: &Links, newest: u64) -> impl Fn(&Link, bool) -> bool {
    let scope = selector.scope(links.iter().map(|link| &link.interface));
    move |link, watched| {
        link.generation <= newest && selector.wants(scope, &link.interface, watched)
    }
}

/// Returns the step for an interface that no longer exists.
fn end(gone: &KnownInterface<'_>) -> Option<Step> {
    match gone.state {
        InterfaceState::Watched => Some(Step::Detach(gone.index)),
        InterfaceState::Leaving => None,
        InterfaceState::Refused { .. } => Some(Step::Forget(gone.index)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iface::{example, watch::Event};

    const WATCHED: InterfaceState = InterfaceState::Watched;
    const LEAVING: InterfaceState = InterfaceState::Leaving;
    const REFUSED: InterfaceState = InterfaceState::Refused { retry: false };
    const DUE: InterfaceState = InterfaceState::Refused { retry: true };

    fn kept(index: u32, generation: u64, name: &str, state: InterfaceState) -> KnownInterface<'_> {
        KnownInterface {
            index,
            generation,
            name,
            link: LinkLayer::Ethernet,
            state,
        }
    }

    /// Builds links 1, 2, .. of generations 1, 2, ..
    fn links(links: &[(&str, bool)]) -> Links {
        let mut all = Links::default();
        for (index, (name, up)) in (1..).zip(links) {
            all.apply(Event::There(example(index, name, *up)));
        }
        all
    }

    #[test]
    fn each_interface_state_has_one_step() {
        let there = links(&[("lo", true), ("eth0", true), ("eth1", false)]);
        let up = Selector::default();
        for (before, expected) in [
            (vec![], vec![Step::Attach(2)]),
            (vec![kept(2, 2, "eth0", WATCHED)], vec![]),
            (vec![kept(2, 2, "old", WATCHED)], vec![Step::Rename(2)]),
            // Watched before it went down.
            (
                vec![kept(2, 2, "eth0", WATCHED), kept(3, 3, "eth1", WATCHED)],
                vec![],
            ),
            // Another link has its index. The flows of the old one are closed first.
            (vec![kept(2, 1, "eth0", WATCHED)], vec![Step::Detach(2)]),
            (vec![kept(2, 1, "eth0", LEAVING)], vec![]),
            (vec![kept(2, 2, "eth0", REFUSED)], vec![]),
            (vec![kept(2, 2, "eth0", DUE)], vec![Step::Attach(2)]),
            (vec![kept(2, 1, "eth0", REFUSED)], vec![Step::Attach(2)]),
            // Its packets begin with another header now.
            (
                vec![KnownInterface {
                    link: LinkLayer::Ip,
                    ..kept(2, 2, "eth0", WATCHED)
                }],
                vec![Step::Detach(2)],
            ),
            // Not wanted: loopback, and a link that is down.
            (
                vec![kept(1, 1, "lo", WATCHED), kept(2, 2, "eth0", WATCHED)],
                vec![Step::Detach(1)],
            ),
            (
                vec![kept(2, 2, "eth0", WATCHED), kept(3, 3, "eth1", REFUSED)],
                vec![Step::Forget(3)],
            ),
            // Interfaces that no longer exist, before, between and after existing ones. Attaching comes first.
            (
                vec![
                    kept(7, 4, "a", WATCHED),
                    kept(8, 5, "b", LEAVING),
                    kept(9, 6, "c", REFUSED),
                ],
                vec![Step::Attach(2), Step::Detach(7), Step::Forget(9)],
            ),
        ] {
            let found = steps(&up, &there, u64::MAX, before.clone());
            assert_eq!(found, expected, "{before:?}");
        }
    }

    #[test]
    fn without_hot_plug_later_interfaces_are_ignored() {
        let there = links(&[("lo", true), ("eth0", true), ("eth1", true)]);
        let up = Selector::default();
        assert_eq!(steps(&up, &there, 2, []), [Step::Attach(2)]);
        let again = kept(3, 2, "eth1", WATCHED);
        assert_eq!(steps(&up, &there, 1, [again]), [Step::Detach(3)]);
    }

    #[test]
    fn changed_selection_is_reconciled_like_other_changes() {
        let there = links(&[("lo", true), ("eth0", true), ("eth1", true)]);
        let selector = Selector {
            include: vec!["eth1".parse().unwrap()],
            ..Selector::default()
        };
        let before = [kept(2, 2, "eth0", WATCHED)];
        assert_eq!(
            steps(&selector, &there, u64::MAX, before),
            [Step::Attach(3), Step::Detach(2)]
        );
    }

    #[test]
    fn interface_that_leaves_is_awaited_if_it_is_wanted_again() {
        let there = links(&[("lo", true), ("eth0", true), ("eth1", true)]);
        let of = |index: u32| Selector {
            include: vec![format!("eth{index}").parse().unwrap()],
            ..Selector::default()
        };
        for (selector, newest, state, expected) in [
            (of(0), u64::MAX, LEAVING, true),
            (of(0), u64::MAX, WATCHED, false),
            (of(1), u64::MAX, LEAVING, false),
            (of(0), 0, LEAVING, false),
        ] {
            let before = [kept(2, 2, "eth0", state)];
            assert_eq!(is_awaited(&selector, &there, newest, before), expected);
        }
        let gone = [kept(9, 2, "eth0", LEAVING)];
        assert!(!is_awaited(&of(0), &there, u64::MAX, gone));
    }

    #[test]
    fn simultaneous_removals_give_one_step_each() {
        let there = links(&[("lo", true)]);
        let before = [
            kept(2, 2, "a", WATCHED),
            kept(3, 3, "b", WATCHED),
            kept(5, 4, "c", WATCHED),
        ];
        assert_eq!(
            steps(&Selector::default(), &there, u64::MAX, before),
            [Step::Detach(2), Step::Detach(3), Step::Detach(5)]
        );
    }
}
