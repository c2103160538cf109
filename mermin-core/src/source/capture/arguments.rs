//! Arguments of a capture thread.

use std::sync::Arc;

use crate::{
    bpf::pin::lock::HeldBy,
    iface::select::Selector,
    source::{control::Control, handover::Handover, options::Options, queue::Queue},
};

/// Valid options, and the thread's ends of the channels to `FlowSource` and `Handle`.
pub(in crate::source) struct CaptureArguments {
    pub(in crate::source) options: Options,
    pub(in crate::source) selector: Selector,
    pub(in crate::source) control: Arc<Control>,
    pub(in crate::source) queue: Arc<Queue>,
    pub(in crate::source) purpose: Purpose,
}

/// The process that captures.
#[derive(Debug)]
pub(in crate::source) enum Purpose {
    /// This process opens and captures.
    Capture,
    /// This process opens for another process.
    Prepare,
    /// This process captures what another process prepared. `None` once that was taken.
    Passed(Option<Handover>),
}

impl Purpose {
    pub(super) fn lock_held_by(&self) -> HeldBy {
        match self {
            Self::Prepare => HeldBy::Descriptor,
            Self::Capture | Self::Passed(_) => HeldBy::Thread,
        }
    }
}
