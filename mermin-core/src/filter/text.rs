//! Common to items of all kinds: text that is none is refused in the same words.

use crate::{
    error::{Error, ErrorKind},
    iface::glob::Glob,
};

/// Why text is no item, and what to write.
pub(super) type TextFault = (String, String);

/// The error for `text`, which should have been a `what`.
pub(super) fn refused(what: &str, text: &str, (fault, remedy): TextFault) -> Error {
    Error::new(
        ErrorKind::InvalidOption,
        format!("cannot use the {what} `{text}`: {fault}"),
    )
    .with_remedy(remedy)
}

/// Reads a glob.
pub(super) fn glob(text: &str) -> Result<Glob, TextFault> {
    Glob::parse(text).map_err(|fault| {
        let (fault, remedy) = fault.words();
        (fault.to_owned(), remedy.to_owned())
    })
}

/// Conversions from text, for lists that take it.
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
