//! The result of a check of the file: nothing, or an item of the stream.

use crate::{Error, Loaded};

/// The last item.
#[derive(Debug, PartialEq, Eq)]
enum LastItem {
    /// This content, valid or not.
    Content(Vec<u8>),
    /// The error of reading it.
    Unreadable(String),
}

#[derive(Debug)]
pub(super) struct State(LastItem);

impl State {
    /// Creates the state after a file was read.
    pub(super) fn new(content: Vec<u8>) -> Self {
        Self(LastItem::Content(content))
    }

    /// Returns the item for the present content. `None` if it was already returned.
    pub(super) fn next(
        &mut self,
        read: Result<Vec<u8>, Error>,
        load: impl FnOnce(&[u8]) -> Result<Loaded, Error>,
    ) -> Option<Result<Loaded, Error>> {
        let now = match &read {
            Ok(content) => LastItem::Content(content.clone()),
            Err(error) => LastItem::Unreadable(error.to_string()),
        };
        if now == self.0 {
            return None;
        }
        self.0 = now;
        Some(read.and_then(|content| load(&content)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[test]
    fn unchanged_state_is_reported_once() {
        let load = |content: &[u8]| Config::load("f", content, &|_| None);
        let gone = || Err(Config::load("f", b"x", &|_| None).unwrap_err());
        let mut state = State::new(b"a".to_vec());
        assert!(state.next(Ok(b"a".to_vec()), load).is_none());
        assert!(state.next(Ok(b"".to_vec()), load).unwrap().is_ok());
        assert!(state.next(gone(), load).unwrap().is_err());
        assert!(state.next(gone(), load).is_none());
        assert!(state.next(Ok(b"".to_vec()), load).unwrap().is_ok());
        assert!(state.next(Ok(b"wrong".to_vec()), load).unwrap().is_err());
        assert!(state.next(Ok(b"wrong".to_vec()), load).is_none());
    }
}
