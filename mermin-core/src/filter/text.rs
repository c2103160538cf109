//! Errors for invalid text, shared by all kinds of items.

use crate::{
    error::{Error, ErrorKind},
    iface::glob::Glob,
};

/// The reason why a text is invalid, and the remedy.
pub(super) type TextFault = (String, String);

/// Returns the error for `text`, which is not a valid `what`.
pub(super) fn refused(what: &str, text: &str, (fault, remedy): TextFault) -> Error {
    Error::new(
        ErrorKind::InvalidOption,
        format!("cannot use the {what} `{text}`: {fault}"),
    )
    .with_remedy(remedy)
}

/// Parses a glob.
pub(super) fn glob(text: &str) -> Result<Glob, TextFault> {
    Glob::parse(text).map_err(|fault| {
        let (fault, remedy) = fault.words();
        (fault.to_owned(), remedy.to_owned())
    })
}

/// Conversions from text, for functions that take lists of items.
macro_rules! from_text {
    ($($({$parameter:ident: $bound:ident})? $type:ty;)*) => {$(
        impl$(<$parameter: $bound>)? TryFrom<&str> for $type {
            type Error = crate::error::Error;

            fn try_from(text: &str) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl$(<$parameter: $bound>)? TryFrom<String> for $type {
            type Error = crate::error::Error;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }
    )*};
}

pub(super) use from_text;
