//! An option that has no effect.

use std::{borrow::Cow, fmt};

/// An option that has no effect with the current attach mechanism or interfaces. It is no error under
/// [`strict`](crate::FlowSourceBuilder::strict), because nothing is lost. `Display` prints the message.
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
    /// The builder's name of the option.
    pub option: Cow<'static, str>,
    /// The reason why it has no effect, in words for people.
    pub message: Cow<'static, str>,
}

impl Notice {
    /// Creates a notice about an option.
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
