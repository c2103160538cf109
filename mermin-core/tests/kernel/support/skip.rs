//! A test that cannot run here, for a reason that is printed.

/// What unwinds from such a test.
pub(crate) struct Skip(pub(crate) String);

/// Ends the test as skipped.
pub(crate) fn skip(reason: impl Into<String>) -> ! {
    // Unlike a panic this says nothing by itself.
    std::panic::resume_unwind(Box::new(Skip(reason.into())))
}
