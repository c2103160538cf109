//! Work of a source when a record has arrived.

use std::fmt;

use crate::flow::FlowId;

/// Notes that the record of a flow that is on its way has arrived. A flow has one on its way at a time.
pub(super) trait Receive: fmt::Debug + Send + Sync {
    fn acknowledge(&self, id: FlowId);
}
