//! An option without effect: nothing is given up by it.

use std::{borrow::Cow, fmt};

/// An option that has no effect as programs are attached now, or with the interfaces there are. Not an error under
/// [`strict`](crate::FlowSourceBuilder::strict), because nothing is lost by it. Displays as its message.
///
/// ```
/// use mermin_core::report::Notice;
///
/// let notice = Notice::new("exclude", "the exclude pattern `tap*` fits no interface there is now");
/// assert_eq!(notice.option, "exclude");
/// assert_eq!(notice.to_string(), "the exclude pattern `tap*` fits no interface there is now");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Notice {
    /// The builder's name for it.
    pub option: Cow<'static, str>,
    /// Its effect, and the reason, in words for people.
    pub message: Cow<'static, str>,
}

impl Notice {
    /// A notice about an option.
    #[must_use]
    pub fn new(
        option: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            option: option.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
