//! Variables of the environment that stand in for arguments.

use std::ffi::OsString;

use crate::Result;

/// Lines about the variables for the help of a program.
pub const ENVIRONMENT: &str = "\
MERMIN_INTERFACE (patterns with spaces between them), MERMIN_PCAP, MERMIN_CONFIG_PATH and MERMIN_TO stand in
for absent arguments, and both replace keys of the file.";

/// Returns the value of a variable that is not empty.
pub(crate) fn value(variable: impl Fn(&str) -> Option<OsString>, name: &str) -> Option<OsString> {
    variable(name).filter(|value| !value.is_empty())
}

/// Returns what `parse` makes of the value of a variable that is not empty.
///
/// # Errors
/// Those of `parse`, with the name of the variable.
pub fn parsed<T>(
    variable: impl Fn(&str) -> Option<OsString>,
    name: &str,
    parse: impl FnOnce(OsString) -> Result<T>,
) -> Result<Option<T>> {
    let parsed = value(variable, name).map(parse).transpose();
    parsed.map_err(|error| format!("in `{name}`: {error}").into())
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

    use lexopt::ValueExt as _;

    use super::*;

    #[test]
    fn invalid_variable_is_named() {
        let number = |value: &[u8]| {
            let value = OsStr::from_bytes(value).to_owned();
            let parse = |value: OsString| -> Result<u8> { Ok(value.parse()?) };
            parsed(|_| Some(value.clone()), "A", parse).map_err(|error| error.to_string())
        };
        assert_eq!(number(b"7"), Ok(Some(7)));
        assert_eq!(number(b""), Ok(None));
        let words = "in `A`: cannot parse argument \"x\": invalid digit found in string";
        assert_eq!(number(b"x"), Err(words.to_owned()));
        let words = "in `A`: argument is invalid unicode: \"\\xFF\"";
        assert_eq!(number(b"\xff"), Err(words.to_owned()));
    }
}
