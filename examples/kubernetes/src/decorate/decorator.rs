//! Adds the attributes of both ends to flows.

use std::{fmt, sync::Arc};

use hashbrown::HashMap;
use mermin_core::{Flow, flow::AddedAttribute};

use super::{list::Lists, name::Side, settings::Settings};
use crate::index::{End, Found, Index};

/// Lists that are kept for flows of the same ends, some 1.5 kB each.
const MOST: usize = 8_192;

/// Adds names of Kubernetes objects to flows.
///
/// Flows of the same objects share a list of attributes, so that a flow of known ends costs two look-ups and no text.
pub struct Decorator {
    lists: Lists,
    known: HashMap<Key, Arc<[AddedAttribute]>>,
    surroundings: u64,
}

/// All that the attributes of an end follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    side: Side,
    /// Revisions of pod, node, service, ingress and gateway; 0 where there is none.
    revisions: [u64; 5],
    container: Option<usize>,
    network: Option<usize>,
}

impl Key {
    fn new(side: Side, found: &Found<'_>, network: Option<usize>) -> Self {
        let pod = found.pod.map_or(0, |it| it.revision);
        let service = found.service.map_or(0, |it| it.revision);
        let of_place = |place: Option<&crate::index::Place>| place.map_or(0, |it| it.revision);
        let [node, ingress, gateway] = [found.node, found.ingress, found.gateway].map(of_place);
        Self {
            side,
            revisions: [pod, node, service, ingress, gateway],
            container: found.container,
            network,
        }
    }
}

impl Decorator {
    /// Creates a decorator.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            lists: Lists::new(settings),
            known: HashMap::new(),
            surroundings: 0,
        }
    }

    /// Adds the attributes of both ends, as far as the index knows them. Returns the number of ends that it knows.
    pub fn decorate(&mut self, index: &Index, flow: &mut Flow) -> usize {
        let [source, destination] = End::both(flow);
        let mut known = 0;
        let lists = [
            self.of(index, Side::Source, &source, &mut known),
            self.of(index, Side::Destination, &destination, &mut known),
        ];
        if lists.iter().any(Option::is_some) {
            let before = flow.added_attributes.iter().cloned();
            flow.added_attributes = before.chain(lists.into_iter().flatten()).collect();
        }
        known
    }

    /// Returns the attributes of an end, and counts it if the index knows it.
    fn of(
        &mut self,
        index: &Index,
        side: Side,
        end: &End<'_>,
        known: &mut usize,
    ) -> Option<Arc<[AddedAttribute]>> {
        let found = index.find_end(end);
        let network = self.lists.network(end.address);
        *known += usize::from(!found.is_none());
        if found.is_none() && network.is_none() {
            return None;
        }
        // Owners, namespaces and the like change seldom, and which lists have them is not known.
        if self.surroundings != index.surroundings() || self.known.len() >= MOST {
            self.known.clear();
            self.surroundings = index.surroundings();
        }
        let key = Key::new(side, &found, network);
        if let Some(known) = self.known.get(&key) {
            return Some(Arc::clone(known));
        }
        let list = self.lists.of(index, side, &found, network);
        self.known.insert(key, Arc::clone(&list));
        Some(list)
    }
}

impl fmt::Debug for Decorator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decorator")
            .field("known", &self.known.len())
            .finish_non_exhaustive()
    }
}
