//! An allow list and a deny list of values.

use crate::error::Error;

/// Two lists for one field of a flow. An item of `matching` must match, unless that list is empty. No item of
/// `not_matching` may match.
///
/// A field that a flow does not have (the port of a ping) matches no item.
///
/// ```
/// use mermin_core::filter::{AddressPattern, Rule};
///
/// let rule: Rule<AddressPattern> = Rule::matching(["10.0.0.0/8"])?.except(["10.0.0.1"])?;
/// assert_eq!((rule.matching.len(), rule.not_matching.len()), (1, 1));
/// # Ok::<(), mermin_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule<T> {
    /// Allowed values; empty for any.
    pub matching: Vec<T>,
    /// Forbidden values; they take precedence over `matching`.
    pub not_matching: Vec<T>,
}

impl<T> Default for Rule<T> {
    fn default() -> Self {
        Self {
            matching: Vec::new(),
            not_matching: Vec::new(),
        }
    }
}

impl<T> Rule<T> {
    /// Creates a rule that allows these items, given as values or as text.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`](crate::ErrorKind::InvalidOption) for text that is not a valid item.
    pub fn matching<I>(items: I) -> Result<Self, Error>
    where
        I: IntoIterator<Item: TryInto<T>>,
        Error: From<<I::Item as TryInto<T>>::Error>,
    {
        Ok(Self {
            matching: gather(items)?,
            ..Self::default()
        })
    }

    /// Creates a rule that forbids these items, given as values or as text.
    ///
    /// # Errors
    /// Those of [`matching`](Self::matching).
    pub fn not_matching<I>(items: I) -> Result<Self, Error>
    where
        I: IntoIterator<Item: TryInto<T>>,
        Error: From<<I::Item as TryInto<T>>::Error>,
    {
        Self::default().except(items)
    }

    /// Adds values to the deny list.
    ///
    /// # Errors
    /// Those of [`matching`](Self::matching).
    pub fn except<I>(mut self, items: I) -> Result<Self, Error>
    where
        I: IntoIterator<Item: TryInto<T>>,
        Error: From<<I::Item as TryInto<T>>::Error>,
    {
        self.not_matching.extend(gather(items)?);
        Ok(self)
    }

    /// Returns true if both lists are empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.matching.is_empty() && self.not_matching.is_empty()
    }

    /// Returns true if the rule admits a field. `fits` returns true if the field's value matches an item.
    pub(super) fn admits(&self, fits: impl Fn(&T) -> bool) -> bool {
        (self.matching.is_empty() || self.matching.iter().any(&fits))
            && !self.not_matching.iter().any(fits)
    }
}

fn gather<T, I>(items: I) -> Result<Vec<T>, Error>
where
    I: IntoIterator<Item: TryInto<T>>,
    Error: From<<I::Item as TryInto<T>>::Error>,
{
    let items: Result<Vec<T>, _> = items.into_iter().map(TryInto::try_into).collect();
    Ok(items?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(matching: &[u8], not_matching: &[u8], fact: Option<u8>) -> bool {
        let rule = Rule {
            matching: matching.to_vec(),
            not_matching: not_matching.to_vec(),
        };
        rule.admits(|item| fact == Some(*item))
    }

    #[test]
    fn one_match_admits_and_deny_wins() {
        for (matching, not_matching, fact, admitted) in [
            (&[][..], &[][..], Some(1), true),
            (&[], &[], None, true),
            (&[1, 2], &[], Some(2), true),
            (&[1, 2], &[], Some(3), false),
            (&[1, 2], &[], None, false),
            (&[], &[1, 2], Some(2), false),
            (&[], &[1, 2], Some(3), true),
            (&[], &[1, 2], None, true),
            (&[1, 2], &[2], Some(2), false),
            (&[1, 2], &[2], Some(1), true),
        ] {
            assert_eq!(
                admits(matching, not_matching, fact),
                admitted,
                "{matching:?} but not {not_matching:?}: {fact:?}"
            );
        }
    }
}
