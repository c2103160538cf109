//! Gives flows the names of Kubernetes objects.

use std::sync::Arc;

use mermin_core::Flow;
use mermin_kubernetes::Decorator;

use super::Decoration;

/// Flows that are decorated before the objects may change again.
const AT_ONCE: usize = 64;

/// The purpose for which flows are decorated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Their ends are counted, known and unknown.
    Records,
    /// Nothing is counted: these flows have records later.
    View,
}

/// A decoration, and the lists of attributes that it gave so far. Without one, flows have no names.
#[derive(Default)]
pub(crate) struct Names(Option<(Arc<Decoration>, Decorator)>);

impl Names {
    /// Takes over a decoration, if it is another one.
    pub(crate) fn follow(&mut self, decoration: Option<Arc<Decoration>>) {
        let is_same = match (&self.0, &decoration) {
            (Some((known, _)), Some(now)) => Arc::ptr_eq(known, now),
            (None, None) => true,
            _ => false,
        };
        if !is_same {
            self.0 = decoration.map(|it| {
                let decorator = Decorator::new(it.settings.clone());
                (it, decorator)
            });
        }
    }

    /// Adds the attributes of both ends to each flow.
    pub(crate) fn decorate(&mut self, flows: &mut [Flow], purpose: Purpose) {
        let Some((decoration, decorator)) = &mut self.0 else {
            return;
        };
        let cluster = &decoration.cluster;
        for some in flows.chunks_mut(AT_ONCE) {
            match purpose {
                Purpose::Records => cluster.decorate(decorator, some),
                Purpose::View => cluster.read(|index| {
                    for flow in some {
                        decorator.decorate(index, flow);
                    }
                }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use mermin_core::sink::testing::flows;
    use mermin_kubernetes::{Cluster, Extract, Settings};

    use super::*;

    #[test]
    fn only_ends_of_records_are_counted() {
        let cluster = Cluster::new(Extract::default());
        let mut names = Names::default();
        let decoration = Decoration {
            cluster: cluster.clone(),
            settings: Settings::default(),
        };
        let count = || cluster.ends().known + cluster.ends().unknown;
        let mut flows = flows(100);
        names.decorate(&mut flows, Purpose::Records);
        assert_eq!(count(), 0);
        names.follow(Some(Arc::new(decoration)));
        names.decorate(&mut flows, Purpose::View);
        assert_eq!(count(), 0);
        names.decorate(&mut flows, Purpose::Records);
        assert_eq!(count(), 2 * flows.len() as u64);
    }
}
