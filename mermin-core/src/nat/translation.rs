//! Decides which addresses a flow has on the other side of a translation, without any action.

use super::{message::Entry, tuple::Tuple};
use crate::flow::{Endpoint, Nat, NatSeen};

/// The result for a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tracked {
    /// No entry has its tuple.
    Not,
    /// Its addresses are not translated.
    Unchanged,
    Translated(Nat),
}

/// Returns the translation of a flow from `flow.source` to `flow.destination`. `entry` returns the entry with a tuple, in either
/// direction of the entry.
///
/// # Errors
/// The first one of `entry`.
pub(crate) fn translation<E>(
    flow: &Tuple,
    mut entry: impl FnMut(&Tuple) -> Result<Option<Entry>, E>,
) -> Result<Tracked, E> {
    let back = flow.reversed();
    // An entry with the flow's own tuple goes first. One without a translation has both tuples.
    for (asked, seen) in [(*flow, NatSeen::Before), (back, NatSeen::After)] {
        if let Some(other) = entry(&asked)?.and_then(|entry| entry.opposite(&asked)) {
            // The opposite tuple is that of the answer: it comes from where the asked packet arrives.
            let (source, destination) = match seen {
                NatSeen::Before => (other.destination, other.source),
                NatSeen::After => (other.source, other.destination),
            };
            return Ok(tracked(flow, source, destination, seen));
        }
    }
    Ok(Tracked::Not)
}

fn tracked(flow: &Tuple, source: Endpoint, destination: Endpoint, seen: NatSeen) -> Tracked {
    let nat = Nat {
        source: (source != flow.source).then_some(source),
        destination: (destination != flow.destination).then_some(destination),
        seen,
    };
    match nat {
        Nat {
            source: None,
            destination: None,
            ..
        } => Tracked::Unchanged,
        nat => Tracked::Translated(nat),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::flow::Protocol;

    fn end(host: u8, port: u16) -> Endpoint {
        Endpoint::new([10, 0, 0, host], port)
    }

    fn tuple(source: Endpoint, destination: Endpoint) -> Tuple {
        Tuple::with_ports(Protocol::TCP, source, destination).unwrap()
    }

    /// Looks the tuple up as the kernel does.
    fn look(flow: Tuple, entry: Entry) -> Tracked {
        let has = |asked: &Tuple| [entry.original, entry.reply].contains(asked);
        let found = translation(&flow, |asked| {
            Ok::<_, Infallible>(has(asked).then_some(entry))
        });
        found.unwrap()
    }

    /// A client's connection to a service, which the host sends to a backend from its own address.
    #[test]
    fn each_side_has_the_other_ones_addresses() {
        let [client, service, own, backend] =
            [end(1, 4000), end(2, 80), end(3, 5000), end(4, 8080)];
        let entry = Entry {
            original: tuple(client, service),
            reply: tuple(backend, own),
        };
        let expected = |source, destination, seen| {
            Tracked::Translated(Nat {
                source: Some(source),
                destination: Some(destination),
                seen,
            })
        };
        for (flow, found) in [
            (
                tuple(client, service),
                expected(own, backend, NatSeen::Before),
            ),
            // The capture began during the connection: the server's packet was the first.
            (
                tuple(service, client),
                expected(backend, own, NatSeen::After),
            ),
            (
                tuple(own, backend),
                expected(client, service, NatSeen::After),
            ),
            (
                tuple(backend, own),
                expected(service, client, NatSeen::Before),
            ),
        ] {
            assert_eq!(look(flow, entry), found, "{flow:?}");
        }
        assert_eq!(look(tuple(client, backend), entry), Tracked::Not);
    }

    #[test]
    fn unchanged_end_is_absent() {
        let [client, service, backend] = [end(1, 4000), end(2, 80), end(4, 8080)];
        let entry = Entry {
            original: tuple(client, service),
            reply: tuple(backend, client),
        };
        let nat = Nat {
            destination: Some(backend),
            ..Nat::new(NatSeen::Before)
        };
        assert_eq!(look(entry.original, entry), Tracked::Translated(nat));
        let plain = Entry {
            reply: entry.original.reversed(),
            ..entry
        };
        assert_eq!(look(plain.original, plain), Tracked::Unchanged);
        assert_eq!(look(plain.reply, plain), Tracked::Unchanged);
    }

    #[test]
    fn refusal_ends_the_look_up() {
        let flow = tuple(end(1, 1), end(2, 2));
        let mut asked = 0;
        let result = translation(&flow, |_| {
            asked += 1;
            Err("refused")
        });
        assert_eq!((result, asked), (Err("refused"), 1));
    }
}
