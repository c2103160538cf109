//! The map: groups of ends, and the traffic between them.

use std::{cmp::Reverse, collections::HashMap};

use serde::Serialize;

use super::{
    model::{Amount, Snapshot, Sums},
    row::{Label, Row, Scale},
};

/// Largest number of groups on the map, besides the one of all others.
const MOST: usize = 24;

/// The groups with most traffic, and who talks to whom. All other groups are one, whose number is that of the nodes.
#[derive(Debug, Serialize)]
pub(super) struct Map {
    nodes: Vec<Label>,
    /// Number of groups that are not listed.
    other_nodes: usize,
    edges: Vec<Edge>,
}

#[derive(Debug, Serialize)]
struct Edge {
    /// Place of the node that began the flows.
    from: usize,
    to: usize,
    #[serde(flatten)]
    row: Row,
}

impl Map {
    pub(super) fn new(snapshot: &Snapshot, scale: Scale) -> Self {
        let mut edges: HashMap<[u32; 2], Sums> = HashMap::new();
        for (pair, sums) in &snapshot.pairs {
            let ends = [pair.source.group, pair.destination.group];
            *edges.entry(ends).or_default() += *sums;
        }
        // Traffic of the edges of each group; that within it counts once.
        let mut groups: HashMap<u32, Sums> = HashMap::new();
        for ([from, to], sums) in &edges {
            *groups.entry(*from).or_default() += *sums;
            if from != to {
                *groups.entry(*to).or_default() += *sums;
            }
        }
        let all = groups.len();
        let mut groups: Vec<_> = groups.into_iter().collect();
        let rank = |(number, sums): &(u32, Sums)| {
            let traffic: [Amount; 2] = [sums.new, sums.total];
            (Reverse(traffic), *number)
        };
        if groups.len() > MOST {
            groups.select_nth_unstable_by_key(MOST, rank);
            groups.truncate(MOST);
        }
        // A group has the same place while it is there, as far as others do not come and go.
        let name = |number: u32| snapshot.ends.name(number);
        groups.sort_by(|(one, _), (other, _)| {
            let key = |number| {
                let name = name(number);
                (name.namespace(), name)
            };
            key(*one).cmp(&key(*other))
        });
        let places: HashMap<u32, usize> = groups.iter().map(|it| it.0).zip(0..).collect();
        let place = |number| places.get(number).copied().unwrap_or(groups.len());
        let mut drawn: HashMap<[usize; 2], Sums> = HashMap::new();
        for ([from, to], sums) in &edges {
            *drawn.entry([place(from), place(to)]).or_default() += *sums;
        }
        let mut drawn: Vec<_> = drawn.into_iter().collect();
        drawn.sort_unstable_by_key(|(ends, sums)| (Reverse(sums.total), *ends));
        Self {
            other_nodes: all - groups.len(),
            nodes: groups
                .iter()
                .map(|(number, _)| name(*number).into())
                .collect(),
            edges: drawn
                .iter()
                .map(|([from, to], sums)| Edge {
                    from: *from,
                    to: *to,
                    row: Row::new(sums, scale),
                })
                .collect(),
        }
    }
}
