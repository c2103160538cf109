//! A sink's word about trying again, in its error.

use std::{error::Error, fmt, time::Duration};

use super::BoxError;

/// The use of giving a refused batch again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Repeat {
    /// It is refused however often it is given: the receiver cannot read it, or does not want it.
    Never,
    /// The receiver asks for this much patience.
    After(Duration),
}

/// An error of a sink that says whether to give the batch again. Any other error means: again, by the back-off.
///
/// ```
/// use std::time::Duration;
/// use mermin_core::sink::{BoxError, Refusal};
///
/// fn answer(status: u16) -> Result<(), BoxError> {
///     match status {
///         200 => Ok(()),
///         503 => Err(Refusal::repeat_after(Duration::from_secs(5), "the receiver is busy").into()),
///         400 => Err(Refusal::permanent("the receiver cannot read the batch").into()),
///         _ => Err(format!("status {status}").into()),
///     }
/// }
/// # assert!(answer(400).is_err());
/// ```
#[derive(Debug)]
pub struct Refusal {
    repeat: Repeat,
    cause: BoxError,
}

impl Refusal {
    /// The batch is refused for good.
    pub fn permanent(cause: impl Into<BoxError>) -> Self {
        Self {
            repeat: Repeat::Never,
            cause: cause.into(),
        }
    }

    /// The receiver wants the batch again, no sooner than this.
    pub fn repeat_after(patience: Duration, cause: impl Into<BoxError>) -> Self {
        Self {
            repeat: Repeat::After(patience),
            cause: cause.into(),
        }
    }

    /// The use of giving the batch again.
    #[must_use]
    pub fn repeat(&self) -> Repeat {
        self.repeat
    }

    /// The word of an error that is or is caused by a refusal.
    #[must_use]
    pub fn of(error: &(dyn Error + 'static)) -> Option<Repeat> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(refusal) = error.downcast_ref::<Self>() {
                return Some(refusal.repeat);
            }
            next = error.source();
        }
        None
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl Error for Refusal {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}
