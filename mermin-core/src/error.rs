//! Errors of this crate, with remedies for operators.

use std::{borrow::Cow, convert::Infallible, error::Error as StdError, fmt, sync::Arc};

/// Kinds of errors. Later versions may add kinds.
///
/// ```
/// use mermin_core::{ErrorKind, Pattern};
///
/// let error = "eth[".parse::<Pattern>().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidOption);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An option is invalid, alone or in combination with others.
    InvalidOption,
    /// The process lacks a privilege.
    PermissionDenied,
    /// Another source owns the instance.
    InUse,
    /// The kernel lacks a feature that has no fallback.
    Unsupported,
    /// A named interface does not exist, or no interface matches while [`hot_plug`] is off.
    ///
    /// [`hot_plug`]: crate::FlowSourceBuilder::hot_plug
    NoInterface,
    /// The kernel refused the program.
    Verifier,
    /// Memory, file descriptors or another limit ran out.
    Exhausted,
    /// A system call failed for a reason that no other kind covers.
    System,
    /// A thread of the source panicked; the error has the panic's text.
    Panicked,
    /// The source has ended.
    Closed,
    /// A sink refused records, could not be closed, or was not closed within the time limit.
    Sink,
    /// A capture file is truncated, damaged or in another format; the text has the offset.
    InvalidCapture,
}

/// An error of this crate, as wide as a pointer.
///
/// Its phrase is `cannot <verb> <object>`. [`source`](StdError::source) has the system call's own error, and
/// [`remedy`](Self::remedy) a command or an action where there is one. `{}` prints the phrase alone.
/// [`explain`](Self::explain) prints the phrase, the causes and the remedy; so does a `main` that returns
/// [`Explained`].
///
/// ```
/// let error = "eth[".parse::<mermin_core::Pattern>().unwrap_err();
/// assert_eq!(error.to_string(), "cannot use the interface pattern `eth[`: a bracket is not closed");
/// assert_eq!(error.remedy(), Some("close the set with `]`, or write `[[]` for the bracket itself"));
/// ```
#[derive(Clone, Debug)]
pub struct Error(Arc<Details>);

#[derive(Clone, Debug)]
struct Details {
    kind: ErrorKind,
    message: Cow<'static, str>,
    remedy: Option<Cow<'static, str>>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Creates an error with this phrase, for sinks and for tests of your own program.
    ///
    /// ```
    /// use mermin_core::{Error, ErrorKind};
    ///
    /// let error = Error::new(ErrorKind::PermissionDenied, "cannot load the kernel program")
    ///     .with_source(std::io::Error::from_raw_os_error(1))
    ///     .with_remedy("run it as root");
    /// assert_eq!(
    ///     error.explain().to_string(),
    ///     "cannot load the kernel program\n  because: Operation not permitted (os error 1)\n  what to do: run it as root"
    /// );
    /// ```
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Arc::new(Details {
            kind,
            message: message.into(),
            remedy: None,
            source: None,
        }))
    }

    /// Sets the remedy and replaces an earlier one.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<Cow<'static, str>>) -> Self {
        Arc::make_mut(&mut self.0).remedy = Some(remedy.into());
        self
    }

    /// Sets the cause and replaces an earlier one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Arc::make_mut(&mut self.0).source = Some(Arc::from(source.into()));
        self
    }

    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the remedy: a sentence, often with a command to type.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        self.0.remedy.as_deref()
    }

    /// Returns an object that prints the phrase, each cause and the remedy, one per line.
    #[must_use]
    pub fn explain(&self) -> Explained {
        Explained(self.clone())
    }
}

/// For functions that accept any `TryInto`: the error of a conversion that cannot fail is [`Infallible`].
impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// An [`Error`] that prints its phrase, its causes and its remedy, one per line. In a `main` that returns
/// `Result<_, Explained>`, `?` converts an [`Error`].
///
/// ```no_run
/// use futures::StreamExt;
/// use mermin_core::{Explained, FlowSource};
///
/// fn main() -> Result<(), Explained> {
///     futures::executor::block_on(async {
///         let mut flows = FlowSource::builder().interfaces(["eth7"]).open().await?;
///         while let Some(flow) = flows.next().await {
///             println!("{}", flow?);
///         }
///         Ok(())
///     })
/// }
/// ```
///
/// ```text
/// Error: cannot find the interface `eth7`
///   what to do: name one of those there are: lo, eth0
/// ```
#[derive(Clone)]
pub struct Explained(Error);

impl Explained {
    /// Returns the error inside.
    #[must_use]
    pub fn into_error(self) -> Error {
        self.0
    }
}

impl From<Error> for Explained {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = &self.0;
        write!(f, "{error}")?;
        let mut next = error.source();
        while let Some(cause) = next {
            write!(f, "\n  because: {cause}")?;
            next = cause.source();
        }
        match error.remedy() {
            Some(remedy) => write!(f, "\n  what to do: {remedy}"),
            None => Ok(()),
        }
    }
}

/// Prints the same text as `Display`, because the standard library prints an error of `main` with `Debug`.
impl fmt::Debug for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_is_one_word_and_names_its_cause() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        let cause = std::io::Error::from_raw_os_error(1);
        let error = Error::new(ErrorKind::PermissionDenied, "cannot load the program")
            .with_remedy("run as root")
            .with_source(cause);
        assert_eq!(error.to_string(), "cannot load the program");
        assert_eq!(error.remedy(), Some("run as root"));
        assert!(error.source().is_some());
        let explained = Explained::from(error.clone());
        let words = "cannot load the program\n  because: Operation not permitted (os error 1)\n  what to do: run as root";
        assert_eq!(format!("{explained}"), words);
        assert_eq!(format!("{explained:?}"), words);
        let debug = format!("{error:?}");
        assert!(
            debug.contains("PermissionDenied") && !debug.contains('\n'),
            "{debug}"
        );
    }

    #[test]
    fn changing_a_cloned_error_leaves_the_original() {
        let error = Error::new(ErrorKind::System, "cannot read");
        let other = error.clone().with_remedy("try again");
        assert_eq!((error.remedy(), other.remedy()), (None, Some("try again")));
    }
}
