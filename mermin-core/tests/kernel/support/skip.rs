//! A test that cannot run here, for a reason that is printed.

/// The panic of such a test.
pub(crate) struct Skip {
    pub(crate) reason: String,
    /// True if it is for want of a kind of device, which another kernel has: those tests are run in a machine of their own.
    pub(crate) lacks_device: bool,
}

/// Ends the test as skipped.
pub(crate) fn skip(reason: impl Into<String>) -> ! {
    // Unlike a panic, this prints nothing by itself.
    std::panic::resume_unwind(Box::new(Skip {
        reason: reason.into(),
        lacks_device: false,
    }))
}

/// Ends the test as skipped because this kernel has no such device.
pub(crate) fn skip_for_device(reason: impl Into<String>) -> ! {
    std::panic::resume_unwind(Box::new(Skip {
        reason: reason.into(),
        lacks_device: true,
    }))
}
