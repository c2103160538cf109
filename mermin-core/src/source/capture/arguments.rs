//! The work that a capture thread is started with.

use std::sync::Arc;

use crate::{
    iface::select::Selector,
    source::{control::Control, options::Options, queue::Queue},
};

/// Options that were found valid, and the ends of what the public side holds.
pub(in crate::source) struct CaptureArguments {
    pub(in crate::source) options: Options,
    pub(in crate::source) selector: Selector,
    pub(in crate::source) control: Arc<Control>,
    pub(in crate::source) queue: Arc<Queue>,
}
