//! The patterns of an option. They are parsed once; the first error is kept until the source is opened.

use super::Pattern;
use crate::error::Error;

/// Valid patterns, and the first error.
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

    /// Returns the valid patterns.
    pub(crate) fn list(&self) -> &[Pattern] {
        &self.list
    }

    /// Returns true if the option has no pattern.
    #[cfg(any(feature = "pcap", test))]
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty() && self.refused.is_none()
    }

    /// # Errors
    /// The first error.
    pub(crate) fn checked(&self) -> Result<Vec<Pattern>, Error> {
        match &self.refused {
            None => Ok(self.list.clone()),
            Some(error) => Err(error.clone()),
        }
    }
}

/// Two errors are equal if their texts are equal.
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
    fn first_refusal_is_kept_until_taken() {
        let patterns = Patterns::gather(["eth0", "eth[", "/(/"]);
        assert!(!patterns.is_empty());
        assert_eq!(patterns.list().len(), 1);
        let error = patterns.checked().unwrap_err().to_string();
        assert!(error.contains("`eth[`"), "{error}");
        assert_eq!(patterns, patterns.clone());
        assert_ne!(patterns, Patterns::gather(["eth0"]));
    }
}
