//! Iterator over the attributes of one flow.

use std::{collections::VecDeque, iter::FusedIterator, time::SystemTime};

use super::{
    lists::{Numbers, Texts},
    name::Name,
    render::Short,
    value::Value,
    visit::{Part, visit_part},
    visitor::Visit,
};
use crate::flow::{AddedAttribute, Flow};

/// Iterator over the known attributes of one flow, as names and values, in the order of [`ALL`](super::ALL). Those that the
/// application [added](Flow::added_attributes) come last.
///
/// ```
/// use std::time::SystemTime;
///
/// use mermin_core::flow::{Endpoint, Flow, FlowId, Interface, Protocol, Value};
///
/// let end = |host, port| Endpoint::new([192, 0, 2, host], port);
/// let flow = Flow::new(
///     FlowId::from_u128(7),
///     Protocol::TCP,
///     end(1, 50_000),
///     end(2, 443),
///     Interface::new(2, "eth0"),
///     SystemTime::now(),
/// );
/// let (name, value) = flow.attributes().next().unwrap();
/// assert_eq!((name, value), ("flow.id", Value::Text("00000000000000000000000000000007".into())));
/// let ports: Vec<_> = flow.attributes().filter(|(name, _)| name.ends_with(".port")).collect();
/// assert_eq!(ports, [("source.port", Value::Number(50_000)), ("destination.port", Value::Number(443))]);
/// ```
///
/// `for_each` is faster than `next`: it allocates nothing, while `next` collects several attributes at a time.
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing unless they are consumed"]
pub struct Attributes<'a> {
    flow: &'a Flow,
    community_id_seed: u16,
    /// Attributes of the part before [`next_part`](Self::next_part) that are still to be returned.
    gathered: VecDeque<(&'a str, Value<'a>)>,
    /// Index into [`Part::ALL`].
    next_part: usize,
}

impl Flow {
    /// Returns the known attributes of this record, as names and values, in the order of [`ALL`](super::ALL), then those
    /// that the application [added](Self::added_attributes).
    ///
    /// See [`Attributes`] for an example.
    pub const fn attributes(&self) -> Attributes<'_> {
        Attributes {
            flow: self,
            community_id_seed: 0,
            gathered: VecDeque::new(),
            next_part: 0,
        }
    }
}

impl Attributes<'_> {
    /// Sets the seed of `flow.community_id`, 0 by default. Call it before the first item is taken.
    pub fn community_id_seed(mut self, seed: u16) -> Self {
        self.community_id_seed = seed;
        self
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(found) = self.gathered.pop_front() {
                return Some(found);
            }
            let part = *Part::ALL.get(self.next_part)?;
            self.next_part += 1;
            let gathered = &mut self.gathered;
            visit_part(
                self.flow,
                self.community_id_seed,
                part,
                &mut Each(|item| gathered.push_back(item)),
            );
        }
    }

    /// Visits the attributes directly, without the queue.
    fn for_each<F: FnMut(Self::Item)>(self, mut f: F) {
        self.gathered.into_iter().for_each(&mut f);
        for part in Part::ALL.into_iter().skip(self.next_part) {
            visit_part(self.flow, self.community_id_seed, part, &mut Each(&mut f));
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let added = self.flow.added_attributes.iter();
        let added: usize = added.map(|list| list.len()).sum();
        (self.gathered.len(), Some(super::ALL.len() + added))
    }
}

impl FusedIterator for Attributes<'_> {}

/// Receives names and values as pairs.
struct Each<F>(F);

impl<'a, F: FnMut((&'a str, Value<'a>))> Visit<'a> for Each<F> {
    fn text(&mut self, name: &'static Name, text: &'a str) {
        self.0((name.text, Value::Text(text.into())));
    }

    fn word(&mut self, name: &'static Name, word: &'static str) {
        self.text(name, word);
    }

    fn short(&mut self, name: &'static Name, text: Short) {
        self.0((name.text, Value::Text(text.into())));
    }

    fn number(&mut self, name: &'static Name, number: u64) {
        self.0((name.text, Value::Number(number)));
    }

    fn time(&mut self, name: &'static Name, time: SystemTime) {
        self.0((name.text, Value::Time(time)));
    }

    fn texts(&mut self, name: &'static Name, texts: Texts<'a>) {
        self.0((name.text, Value::Texts(texts)));
    }

    fn numbers(&mut self, name: &'static Name, numbers: Numbers<'a>) {
        self.0((name.text, Value::Numbers(numbers)));
    }

    fn added(&mut self, added: &'a AddedAttribute) {
        self.0((added.name(), added.value()));
    }
}
