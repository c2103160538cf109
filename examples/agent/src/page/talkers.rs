//! The pairs of ends with most traffic.

use std::cmp::Reverse;

use mermin_core::flow::Protocol;
use serde::Serialize;

use super::{
    model::{Pair, Snapshot, Sums},
    row::{Label, Row, Scale},
};

/// Number of pairs that are listed for each order.
const MOST: usize = 50;

/// The pairs that are first in one of the orders in which the page lists them, and all others as one sum.
#[derive(Debug, Serialize)]
pub(super) struct Talkers {
    listed: Vec<Talker>,
    /// Number of pairs that are not listed.
    other_pairs: usize,
    others: Row,
}

#[derive(Debug, Serialize)]
struct Talker {
    source: Label,
    destination: Label,
    protocol: String,
    port: Option<u16>,
    #[serde(flatten)]
    row: Row,
}

/// Names of both ends, protocol and port: pairs of the same names are one row.
type Key = (u32, u32, Protocol, Option<u16>);

impl Talkers {
    pub(super) fn new(snapshot: &Snapshot, scale: Scale) -> Self {
        let mut pairs: Vec<(Key, Sums)> = Vec::with_capacity(snapshot.pairs.len());
        for (pair, sums) in &snapshot.pairs {
            pairs.push((key(pair), *sums));
        }
        pairs.sort_unstable_by_key(|((source, destination, protocol, port), _)| {
            (*source, *destination, protocol.0, *port)
        });
        pairs.dedup_by(|(key, sums), (kept, sum)| {
            let is_same = key == kept;
            if is_same {
                *sum += *sums;
            }
            is_same
        });
        let is_first = first(&pairs);
        let (mut listed, mut other_pairs, mut others) = (Vec::new(), 0, Sums::default());
        for (((source, destination, protocol, port), sums), is_first) in pairs.iter().zip(is_first)
        {
            if is_first {
                listed.push(Talker {
                    source: snapshot.ends.name(*source).into(),
                    destination: snapshot.ends.name(*destination).into(),
                    protocol: protocol.to_string(),
                    port: *port,
                    row: Row::new(sums, scale),
                });
            } else {
                other_pairs += 1;
                others += *sums;
            }
        }
        Self {
            listed,
            other_pairs,
            others: Row::new(&others, scale),
        }
    }
}

fn key(pair: &Pair) -> Key {
    let (source, destination) = (pair.source.own, pair.destination.own);
    (source, destination, pair.protocol, pair.port)
}

/// Returns for each pair if it is among the first by one of the orders.
fn first(pairs: &[(Key, Sums)]) -> Vec<bool> {
    let mut is_first = vec![pairs.len() <= MOST; pairs.len()];
    if pairs.len() <= MOST {
        return is_first;
    }
    let orders: [fn(&Sums) -> u64; 7] = [
        |it| it.new.octets,
        |it| it.new.packets,
        |it| it.total.octets,
        |it| it.total.packets,
        |it| it.flows,
        |it| it.retransmissions,
        |it| it.dropped,
    ];
    for order in orders {
        let mut ranks: Vec<_> = pairs
            .iter()
            .enumerate()
            .map(|(place, (_, sums))| (Reverse(order(sums)), place))
            .collect();
        let (firsts, ..) = ranks.select_nth_unstable(MOST);
        // Pairs with a count of 0 are first in nothing: without a loss, all have it.
        let counted = firsts.iter().filter(|(Reverse(count), _)| *count != 0);
        for (_, place) in counted {
            is_first[*place] = true;
        }
    }
    is_first
}
