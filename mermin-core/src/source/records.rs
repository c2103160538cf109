//! The records of a replay.

use std::fmt;

use crate::{error::Error, flow::Flow};

/// Records to come, and the error that may be the last item.
pub(super) struct Records {
    flows: Box<dyn Iterator<Item = Flow> + Send>,
    failure: Option<Error>,
}

impl Records {
    pub(super) fn new<I>(flows: I) -> Self
    where
        I: IntoIterator<Item = Flow>,
        I::IntoIter: Send + 'static,
    {
        Self {
            flows: Box::new(flows.into_iter()),
            failure: None,
        }
    }

    /// Sets the error that ends the replay.
    pub(super) fn fail_with(&mut self, error: Error) {
        self.failure = Some(error);
    }

    /// Returns some more records; `None` at the end.
    pub(super) fn take(&mut self, most: usize) -> Option<Vec<Flow>> {
        let flows: Vec<_> = self.flows.by_ref().take(most).collect();
        (!flows.is_empty()).then_some(flows)
    }

    /// Returns the result that ends the replay.
    pub(super) fn end(self) -> Result<(), Error> {
        self.failure.map_or(Ok(()), Err)
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records")
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}
