//! Stores acknowledgements.

use std::fmt;

use crate::flow::FlowId;

/// Stores that the outstanding record of a flow has arrived. A flow has at most one outstanding record.
pub(super) trait Acknowledge: fmt::Debug + Send + Sync {
    fn acknowledge(&self, id: FlowId);
}
