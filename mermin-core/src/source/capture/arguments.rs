//! Arguments of a capture thread.

use std::sync::Arc;

use crate::{
    iface::select::Selector,
    source::{control::Control, options::Options, queue::Queue},
};

/// Valid options, and the thread's side of the channels to the public side.
pub(in crate::source) struct CaptureArguments {
    pub(in crate::source) options: Options,
    pub(in crate::source) selector: Selector,
    pub(in crate::source) control: Arc<Control>,
    pub(in crate::source) queue: Arc<Queue>,
}
