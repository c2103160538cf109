//! Errors, in words an operator can act on.

use std::{borrow::Cow, convert::Infallible, error::Error as StdError, fmt};

/// Kinds of errors; open to new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An option or its combination with others cannot be.
    InvalidOption,
    /// The process lacks a privilege that a trial showed to be missing.
    PermissionDenied,
    /// Another source owns the instance.
    InUse,
    /// The kernel lacks something that nothing can stand in for.
    Unsupported,
    /// A named interface does not exist, or none fits and none is waited for ([`hot_plug`] is off).
    ///
    /// [`hot_plug`]: crate::FlowSourceBuilder::hot_plug
    NoInterface,
    /// The kernel refused the program.
    Verifier,
    /// Memory, file descriptors or another limit ran out.
    Exhausted,
    /// A system call failed in a way that has no kind of its own.
    System,
    /// The capture thread panicked; the text is the panic's.
    Panicked,
    /// The source has ended.
    Closed,
    /// A sink refused flows.
    Sink,
    /// A capture file is cut, damaged, or no capture; the text says at which byte.
    InvalidCapture,
}

/// An error of this crate, as wide as a pointer: `cannot <verb> <object>`, with the system call's own words as
/// [`source`](StdError::source) and a remedy to type where there is one.
///
/// `{}` gives that phrase alone. `{:?}` gives all of it in words, so a `main` that returns it tells people what to do; `{:#?}` gives
/// its fields.
///
/// ```
/// # use std::error::Error as _;
/// let error = "eth[".parse::<mermin_core::Pattern>().unwrap_err();
/// let mut words = error.to_string();
/// if let Some(source) = error.source() {
///     words += &format!("\n  because: {source}");
/// }
/// if let Some(remedy) = error.remedy() {
///     words += &format!("\n  what to do: {remedy}");
/// }
/// assert_eq!(format!("{error:?}"), words);
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    remedy: Option<Cow<'static, str>>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            remedy: None,
            source: None,
        }))
    }

    pub(crate) fn with_remedy(mut self, remedy: impl Into<Cow<'static, str>>) -> Self {
        self.0.remedy = Some(remedy.into());
        self
    }

    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The remedy: a sentence, often with something to type.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        self.0.remedy.as_deref()
    }
}

/// For conversions that cannot fail among those that can.
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

/// `main` prints this of an error it returns: people read it.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return f
                .debug_struct("Error")
                .field("kind", &self.0.kind)
                .field("message", &self.0.message)
                .field("remedy", &self.0.remedy)
                .field("source", &self.0.source)
                .finish();
        }
        write!(f, "{self}")?;
        let mut next = self.source();
        while let Some(cause) = next {
            write!(f, "\n  because: {cause}")?;
            next = cause.source();
        }
        match self.remedy() {
            Some(remedy) => write!(f, "\n  what to do: {remedy}"),
            None => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word_and_names_its_cause() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        let cause = std::io::Error::from_raw_os_error(1);
        let error = Error::new(ErrorKind::PermissionDenied, "cannot load the program")
            .with_remedy("run as root")
            .with_source(cause);
        assert_eq!(error.to_string(), "cannot load the program");
        assert_eq!(error.remedy(), Some("run as root"));
        assert!(error.source().is_some());
        assert_eq!(
            format!("{error:?}"),
            "cannot load the program\n  because: Operation not permitted (os error 1)\n  what to do: run as root"
        );
        assert!(format!("{error:#?}").contains("PermissionDenied"));
    }
}
