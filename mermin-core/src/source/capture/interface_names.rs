//! Names of the interfaces that are watched or have flows. An index can be reused while flows of its previous interface are
//! in the table.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::bpf::pin::interfaces::Interfaces;

/// An interface that has or had an index.
#[derive(Debug)]
struct IndexHolder {
    /// Flows that began at this time or later belong to it, up to the time of the next one (monotonic ns).
    since: u64,
    name: Arc<str>,
}

/// Names of interfaces by index.
#[derive(Debug, Default)]
pub(super) struct InterfaceNames {
    /// The latest comes last.
    holders: BTreeMap<u32, Vec<IndexHolder>>,
    /// The same data for the next process.
    kept: Option<Interfaces>,
}

impl InterfaceNames {
    /// Creates the names from those of an earlier process.
    pub(super) fn new(kept: Option<Interfaces>) -> Self {
        let mut holders: BTreeMap<u32, Vec<IndexHolder>> = BTreeMap::new();
        for known in kept.iter().flat_map(Interfaces::all) {
            let of_index = holders.entry(known.index).or_default();
            let place = of_index.partition_point(|at| at.since <= known.since);
            let holder = IndexHolder {
                since: known.since,
                name: known.name.into(),
            };
            of_index.insert(place, holder);
        }
        Self { holders, kept }
    }

    /// Stores another interface of an index from `now` on (monotonic ns), before attaching to it. Returns false if
    /// the next process will not find its name.
    pub(super) fn begin(&mut self, index: u32, now: u64, name: &Arc<str>) -> bool {
        // Without a next process, all flows of one interface end before the next one begins.
        let since = if self.kept.is_some() { now } else { 0 };
        let of_index = self.holders.entry(index).or_default();
        of_index.push(IndexHolder {
            since,
            name: Arc::clone(name),
        });
        self.keep(index)
    }

    /// Sets the name of the present interface of an index.
    pub(super) fn rename(&mut self, index: u32, name: &Arc<str>) -> bool {
        let Some(latest) = self.holders.get_mut(&index).and_then(|all| all.last_mut()) else {
            return self.begin(index, 0, name);
        };
        if latest.name == *name {
            return true;
        }
        latest.name = Arc::clone(name);
        self.keep(index)
    }

    /// Stores the latest interface of an index for the next process again, if there was no room before.
    pub(super) fn keep(&self, index: u32) -> bool {
        let latest = self.holders.get(&index).and_then(|all| all.last());
        let kept = self.kept.as_ref().zip(latest);
        kept.is_none_or(|(kept, latest)| kept.put(index, latest.since, &latest.name))
    }

    /// Removes the present interface of an index. Its flows have their last records, but the next process may deliver
    /// them again.
    pub(super) fn end(&mut self, index: u32) {
        if let Some(of_index) = self.holders.get_mut(&index) {
            of_index.pop();
            if of_index.is_empty() {
                self.holders.remove(&index);
            }
        }
    }

    /// Returns the name of the interface of a flow that began at this time.
    pub(super) fn of(&self, index: u32, began: u64) -> Option<&Arc<str>> {
        self.holder(index, began).map(|holder| &holder.name)
    }

    /// Returns true if another interface has had the index since a flow began.
    pub(super) fn is_former(&self, index: u32, began: u64) -> bool {
        let latest = self.holders.get(&index).and_then(|all| all.last());
        latest.is_some_and(|latest| latest.since > began)
    }

    /// Forgets all interfaces except the latest one of each `watched` index, and those with a flow (given by index and
    /// start).
    pub(super) fn tidy(
        &mut self,
        watched: &BTreeSet<u32>,
        flows: impl Iterator<Item = (u32, u64)>,
    ) {
        let Some(kept) = &self.kept else { return };
        let mut needed: BTreeSet<(u32, u64)> = flows
            .filter_map(|(index, began)| Some((index, self.holder(index, began)?.since)))
            .collect();
        let latest = |index: &u32| Some((*index, self.holders.get(index)?.last()?.since));
        needed.extend(watched.iter().filter_map(latest));
        kept.retain(|index, since| needed.contains(&(index, since)));
        self.holders.retain(|index, all| {
            all.retain(|holder| needed.contains(&(*index, holder.since)));
            !all.is_empty()
        });
    }

    fn holder(&self, index: u32, began: u64) -> Option<&IndexHolder> {
        let of_index = self.holders.get(&index)?;
        of_index.iter().rev().find(|holder| holder.since <= began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> Arc<str> {
        Arc::from(name)
    }

    #[test]
    fn unpinned_index_has_one_name_at_a_time() {
        let mut names = InterfaceNames::default();
        assert!(names.begin(7, 100, &name("eth0")));
        assert_eq!(names.of(7, 1).map(|name| &**name), Some("eth0"));
        assert!(!names.is_former(7, 1));
        assert!(names.rename(7, &name("wan")));
        assert_eq!(names.of(7, 1).map(|name| &**name), Some("wan"));
        names.end(7);
        assert_eq!(names.of(7, 1), None);
        assert_eq!(names.of(8, 1), None);
    }

    #[test]
    fn flow_is_of_the_interface_that_had_its_index_when_it_began() {
        let Ok(map) = crate::bpf::pin::interfaces::create() else {
            assert!(std::env::var_os("MERMIN_REQUIRE_KERNEL").is_none());
            return eprintln!("skipped: no map can be made");
        };
        let open = || Interfaces::open(std::os::fd::AsFd::as_fd(&map)).unwrap();
        let mut names = InterfaceNames::new(Some(open()));
        assert!(names.begin(7, 100, &name("a")));
        assert!(names.begin(7, 200, &name("b")));
        assert!(names.rename(7, &name("c")));
        for names in [&names, &InterfaceNames::new(Some(open()))] {
            let of = |began| names.of(7, began).map(ToString::to_string);
            let found = [99, 100, 199, 200].map(of);
            let expected = [None, Some("a"), Some("a"), Some("c")];
            assert_eq!(found, expected.map(|name| name.map(str::to_owned)));
            assert_eq!(
                [199, 200].map(|began| names.is_former(7, began)),
                [true, false]
            );
        }
        names.tidy(&[7].into(), [(7, 150)].into_iter());
        assert_eq!(open().all().count(), 2);
        names.tidy(&[7].into(), [(7, 250)].into_iter());
        assert_eq!(open().all().count(), 1);
        names.tidy(&BTreeSet::new(), [].into_iter());
        assert_eq!((open().all().count(), names.of(7, 250)), (0, None));
    }
}
