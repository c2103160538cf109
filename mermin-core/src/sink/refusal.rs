//! Errors by which a sink controls the retry of a batch.

use std::{error::Error, fmt, time::Duration};

use super::BoxError;

/// Decision about the retry of a refused batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Repeat {
    /// Do not retry: the receiver cannot read the batch, or rejects its content.
    Never,
    /// The receiver asks for a retry no sooner than after this time.
    After(Duration),
}

/// An error of a sink that controls the retry of the batch. After any other error the batch is retried with back-off.
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
    /// A refusal that no retry can change.
    pub fn permanent(cause: impl Into<BoxError>) -> Self {
        Self {
            repeat: Repeat::Never,
            cause: cause.into(),
        }
    }

    /// A refusal after which the receiver accepts a retry, no sooner than after `patience`.
    pub fn repeat_after(patience: Duration, cause: impl Into<BoxError>) -> Self {
        Self {
            repeat: Repeat::After(patience),
            cause: cause.into(),
        }
    }

    /// The decision about the retry.
    #[must_use]
    pub fn repeat(&self) -> Repeat {
        self.repeat
    }

    /// The [`Repeat`] of an error that is a refusal, or that has a refusal among its causes.
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
