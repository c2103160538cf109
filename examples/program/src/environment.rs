//! Variables of the environment that stand in for arguments.

use std::ffi::OsString;

use crate::Result;

/// A line about the variables for the help of a program.
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
/// A value that is not UTF-8, and the errors of `parse`, with the name of the variable.
pub fn parsed<T>(
    variable: impl Fn(&str) -> Option<OsString>,
    name: &str,
    parse: impl FnOnce(&str) -> Result<T>,
) -> Result<Option<T>> {
    let Some(value) = value(variable, name) else {
        return Ok(None);
    };
    let parsed = match value.to_str() {
        Some(text) => parse(text),
        None => Err("it is not UTF-8".into()),
    };
    parsed
        .map(Some)
        .map_err(|error| format!("in `{name}`: {error}").into())
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

    use super::*;

    #[test]
    fn invalid_variable_is_named() {
        let number = |value: &[u8]| {
            let value = OsStr::from_bytes(value).to_owned();
            parsed(|_| Some(value.clone()), "A", |text| Ok(text.parse::<u8>()?))
                .map_err(|error| error.to_string())
        };
        assert_eq!(number(b"7"), Ok(Some(7)));
        assert_eq!(number(b""), Ok(None));
        let words = Err("in `A`: invalid digit found in string".to_owned());
        assert_eq!(number(b"x"), words);
        assert_eq!(number(b"\xff"), Err("in `A`: it is not UTF-8".to_owned()));
    }
}
