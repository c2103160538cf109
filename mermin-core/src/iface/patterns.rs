//! A list of patterns as an option is given it: parsed once, and the first that cannot be kept for when the source is opened.

use super::Pattern;
use crate::error::Error;

/// Patterns, and why one that was given is none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patterns {
    list: Vec<Pattern>,
    refused: Option<Error>,
}

impl Patterns {
    pub(crate) fn gather<I>(patterns: I) -> Self
    where
        I: IntoIterator<Item: TryInto<Pattern>>,
        Error: From<<I::Item as TryInto<Pattern>>::Error>,
    {
        let mut gathered = Self::default();
        for pattern in patterns {
            match pattern.try_into() {
                Ok(pattern) => gathered.list.push(pattern),
                Err(error) => {
                    gathered.refused.get_or_insert(error.into());
                }
            }
        }
        gathered
    }

    /// Those that can be.
    pub(crate) fn list(&self) -> &[Pattern] {
        &self.list
    }

    /// True if none was given.
    #[cfg(any(feature = "pcap", test))]
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty() && self.refused.is_none()
    }

    /// # Errors
    /// The first refusal.
    pub(crate) fn checked(&self) -> Result<Vec<Pattern>, Error> {
        match &self.refused {
            None => Ok(self.list.clone()),
            Some(error) => Err(error.clone()),
        }
    }
}

/// Two refusals are the same when they are in the same words.
impl PartialEq for Patterns {
    fn eq(&self, other: &Self) -> bool {
        let words = |it: &Self| it.refused.as_ref().map(Error::to_string);
        self.list == other.list && words(self) == words(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_refusal_is_kept_until_it_is_asked_for() {
        let patterns = Patterns::gather(["eth0", "eth[", "/(/"]);
        assert!(!patterns.is_empty());
        assert_eq!(patterns.list().len(), 1);
        let error = patterns.checked().unwrap_err().to_string();
        assert!(error.contains("`eth[`"), "{error}");
        assert_eq!(patterns, patterns.clone());
        assert_ne!(patterns, Patterns::gather(["eth0"]));
    }
}
