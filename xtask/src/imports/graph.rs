//! Cycles in a graph.

use std::collections::{BTreeMap, BTreeSet};

/// Targets of the edges of each node.
pub(super) type Graph = BTreeMap<String, BTreeSet<String>>;

/// Returns the strongly connected components with two nodes or more, the largest first.
pub(super) fn circles(graph: &Graph) -> Vec<BTreeSet<String>> {
    let reach: BTreeMap<&str, BTreeSet<&str>> = graph
        .keys()
        .map(|from| (from.as_str(), reachable(graph, from)))
        .collect();
    let leads = |from: &str, to: &str| reach.get(from).is_some_and(|all| all.contains(to));
    let mut circles = BTreeSet::new();
    for &node in reach.keys().filter(|node| leads(node, node)) {
        let circle: BTreeSet<String> = reach
            .keys()
            .filter(|other| leads(node, other) && leads(other, node))
            .map(|&other| other.to_owned())
            .collect();
        circles.insert(circle);
    }
    let mut circles: Vec<_> = circles.into_iter().filter(|it| it.len() > 1).collect();
    circles.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
    circles
}

/// Returns all nodes reachable from a node; the node itself only through a cycle.
fn reachable<'a>(graph: &'a Graph, from: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut next: Vec<&str> = graph
        .get(from)
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    while let Some(node) = next.pop() {
        if found.insert(node) {
            next.extend(graph.get(node).into_iter().flatten().map(String::as_str));
        }
    }
    found
}

/// Builds a graph of these edges.
#[cfg(test)]
pub(super) fn graph(arrows: &[(&str, &str)]) -> Graph {
    let mut graph = Graph::new();
    for (from, to) in arrows {
        graph
            .entry((*from).to_owned())
            .or_default()
            .insert((*to).to_owned());
    }
    graph
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn import_cycles_are_separated() {
        let arrows = [
            ("a", "b"),
            ("b", "a"),
            ("b", "c"),
            ("c", "d"),
            ("d", "e"),
            ("e", "c"),
            ("f", "a"),
        ];
        let found = circles(&graph(&arrows));
        let names: Vec<String> = found
            .iter()
            .map(|circle| circle.iter().cloned().collect::<String>())
            .collect();
        assert_eq!(names, ["cde", "ab"]);
    }

    #[test]
    fn one_way_and_self_imports_are_no_cycle() {
        assert!(circles(&graph(&[("a", "b"), ("b", "c"), ("a", "c"), ("c", "c")])).is_empty());
    }
}
