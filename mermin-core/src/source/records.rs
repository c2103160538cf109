//! Records that were made before, to be given by a source.

use std::fmt;

use crate::{error::Error, flow::Flow};

/// Records to come, and perhaps the error that is the last item.
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

    /// Ends with this error.
    pub(super) fn fail_with(&mut self, error: Error) {
        self.failure = Some(error);
    }

    /// Some more, as long as there are any; then the end.
    pub(super) fn take(&mut self, most: usize) -> Option<Vec<Flow>> {
        let flows: Vec<_> = self.flows.by_ref().take(most).collect();
        (!flows.is_empty()).then_some(flows)
    }

    /// How it ends.
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
