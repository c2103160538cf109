//! Values that many objects have in common are stored once.

use std::{hash::Hash, sync::Arc};

use hashbrown::HashSet;

/// Shared values: namespaces, nodes, images, lists of labels. Those that no object uses any more are dropped when there are
/// twice as many as after the last time.
#[derive(Debug)]
pub(super) struct Pool<T: ?Sized> {
    all: HashSet<Arc<T>>,
    prune_at: usize,
}

/// Number of values below which none is dropped.
const FEW: usize = 4_096;

impl<T: ?Sized> Default for Pool<T> {
    fn default() -> Self {
        Self {
            all: HashSet::new(),
            prune_at: 0,
        }
    }
}

impl<T: Hash + Eq> Pool<T> {
    /// Returns the shared value.
    pub(super) fn share_value(&mut self, value: T) -> Arc<T> {
        match self.all.get(&value) {
            Some(known) => Arc::clone(known),
            None => self.add(value.into()),
        }
    }
}

impl<T: ?Sized + Hash + Eq> Pool<T>
where
    for<'a> Arc<T>: From<&'a T>,
{
    /// Returns the shared value.
    pub(super) fn share(&mut self, value: &T) -> Arc<T> {
        match self.all.get(value) {
            Some(known) => Arc::clone(known),
            None => self.add(value.into()),
        }
    }
}

impl<T: ?Sized + Hash + Eq> Pool<T> {
    fn add(&mut self, value: Arc<T>) -> Arc<T> {
        if self.all.len() >= self.prune_at.max(FEW) {
            self.all.retain(|value| Arc::strong_count(value) > 1);
            self.prune_at = 2 * self.all.len();
        }
        self.all.insert(Arc::clone(&value));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_one_and_unused_ones_go() {
        let mut texts = Pool::default();
        let kept = texts.share("kube-system");
        assert!(Arc::ptr_eq(&kept, &texts.share("kube-system")));
        for number in 0..10 * FEW {
            texts.share(number.to_string().as_str());
        }
        assert!(texts.all.len() <= FEW + 1, "{}", texts.all.len());
        assert!(Arc::ptr_eq(&kept, &texts.share("kube-system")));
    }
}
