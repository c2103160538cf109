//! Lists of numbers.

use hcl_edit::Number;

use crate::{
    node::{Kind, Node},
    schema::{ConfigValue, HclValue, Reader, Shape},
};

/// Upper bounds of a histogram's buckets: finite and increasing, at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Buckets(Vec<f64>);

impl Buckets {
    /// Creates it, if the bounds are valid.
    #[must_use]
    pub fn new(bounds: Vec<f64>) -> Option<Self> {
        let finite = bounds.iter().all(|bound| bound.is_finite());
        let ascending = bounds.windows(2).all(|pair| pair[0] < pair[1]);
        (finite && ascending && !bounds.is_empty()).then_some(Self(bounds))
    }

    /// Returns the bounds.
    #[must_use]
    pub fn as_slice(&self) -> &[f64] {
        &self.0
    }
}

impl ConfigValue for Buckets {
    fn shape() -> Shape {
        Shape::leaf("list of numbers", "at least one, each above the one before")
    }

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let shape = Self::shape();
        let Kind::List(items) = &node.kind else {
            return reader.mismatch(node, &shape);
        };
        let mut bounds = Vec::new();
        for item in items {
            match &item.kind {
                Kind::Number(number) => bounds.push(number.as_f64()?),
                _ => return reader.mismatch(item, &shape),
            }
        }
        match Self::new(bounds) {
            Some(buckets) => Some(buckets),
            None => reader.invalid(node, "[..]", "they do not rise", &shape),
        }
    }

    fn write(&self) -> HclValue {
        let numbers = self.0.iter().filter_map(|bound| Number::from_f64(*bound));
        HclValue::List(
            numbers
                .map(|number| HclValue::Value(number.to_string()))
                .collect(),
        )
    }

    #[cfg(test)]
    fn arbitrary(entropy: &mut crate::schema::arbitrary::Entropy<'_>) -> Self {
        let mut bound = f64::from(entropy.octet()) / 7.0 - 9.0;
        let bounds = (0..=entropy.below(4)).map(|_| {
            bound += f64::from(entropy.octet()) / 13.0 + 0.001;
            bound
        });
        Self::new(bounds.collect()).unwrap()
    }
}
