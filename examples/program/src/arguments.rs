//! The arguments of a program that has one target.

use std::{error::Error, ffi::OsString, str::FromStr};

use lexopt::{
    Arg::{self, Long, Short},
    Parser, ValueExt as _,
};

use crate::{Result, Source, environment::parsed};

/// Reads the arguments of [`Source`] and `--to TARGET`, takes what they leave open from the environment (`MERMIN_TO` is the
/// target), and converts them with `done`. `None` for a request for help. `other` may handle further arguments; if it returns a value, reading ends.
///
/// # Errors
/// An unknown argument, a missing or invalid value, sources that exclude each other; also the errors of `done`.
pub fn arguments<T, A>(
    mut parser: Parser,
    variable: impl Fn(&str) -> Option<OsString>,
    other: impl Fn(&Arg<'_>) -> Option<A>,
    done: impl FnOnce(Source, Option<T>) -> Result<A>,
) -> Result<Option<A>>
where
    T: FromStr<Err: Error + 'static>,
{
    let (mut source, mut target) = (Source::default(), None);
    let parse = |value: OsString| -> Result<T> { Ok(value.string()?.parse()?) };
    while let Some(argument) = parser.next()? {
        if let Some(flag) = Source::flag(&argument) {
            source.set(flag, parser.value()?);
            continue;
        }
        match argument {
            Long("to") if target.is_some() => {
                return Err("name one target: `--to` is there twice".into());
            }
            Long("to") => target = Some(parse(parser.value()?)?),
            Short('h') | Long("help") => return Ok(None),
            _ => match other(&argument) {
                Some(asked) => return Ok(Some(asked)),
                None => return Err(argument.unexpected().into()),
            },
        }
    }
    source.or_environment(&variable);
    source.check()?;
    if target.is_none() {
        target = parsed(variable, "MERMIN_TO", parse)?;
    }
    done(source, target).map(Some)
}

#[cfg(test)]
mod tests {
    use std::num::ParseIntError;

    use super::*;

    fn read(words: &[&str]) -> std::result::Result<Option<(Source, Option<u8>)>, String> {
        let other = |argument: &Arg<'_>| {
            matches!(argument, Long("version")).then(|| (Source::default(), Some(1)))
        };
        let done = |source, target: Option<u8>| Ok((source, target));
        let parser = Parser::from_args(words);
        arguments(parser, |_| None, other, done).map_err(|error| error.to_string())
    }

    #[test]
    fn target_and_source_arguments_are_both_read() {
        let (source, target) = read(&["-i", "eth0", "--to", "7"]).unwrap().unwrap();
        assert_eq!(
            (&source.interfaces[..], target),
            (&["eth0".to_owned()][..], Some(7))
        );
        assert_eq!(read(&["--pcap", "a"]).unwrap().unwrap().1, None);
    }

    #[test]
    fn target_of_the_environment_is_used_without_an_argument() {
        let read = |words: &[&str], to: &'static str| {
            let variable = |name: &str| (name == "MERMIN_TO").then(|| to.into());
            let done = |_, target: Option<u8>| Ok(target);
            let read = arguments(Parser::from_args(words), variable, |_| None, done);
            read.map(Option::unwrap).map_err(|error| error.to_string())
        };
        assert_eq!(read(&[], "7"), Ok(Some(7)));
        assert_eq!(read(&[], ""), Ok(None));
        assert_eq!(read(&["--to", "8"], "x"), Ok(Some(8)));
        let words = "in `MERMIN_TO`: invalid digit found in string";
        assert_eq!(read(&[], "x"), Err(words.to_owned()));
    }

    #[test]
    fn help_and_version_end_parsing() {
        assert_eq!(read(&["--help", "--wrong"]), Ok(None));
        let taken = Some((Source::default(), Some(1)));
        assert_eq!(read(&["--version", "--wrong"]), Ok(taken));
    }

    #[test]
    fn target_that_is_not_unicode_is_refused() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

        let parser = Parser::from_args([OsStr::new("--to"), OsStr::from_bytes(b"a\xff")]);
        let done = |source, target: Option<String>| Ok((source, target));
        let error = arguments(parser, |_| None, |_| None, done).unwrap_err();
        assert!(error.to_string().contains("invalid unicode"), "{error}");
    }

    #[test]
    fn invalid_argument_is_named() {
        let number: ParseIntError = "x".parse::<u8>().unwrap_err();
        for (words, why) in [
            (&["--wrong"][..], "invalid option '--wrong'"),
            (&["--to"], "missing argument for option '--to'"),
            (&["--to", "x"], &number.to_string()),
            (
                &["--to", "1", "--to", "1"],
                "name one target: `--to` is there twice",
            ),
            (
                &["--pcap", "a", "-i", "b"],
                "cannot capture on interfaces and read a file at once: choose `--interface` (`MERMIN_INTERFACE`) or `--pcap` (`MERMIN_PCAP`)",
            ),
        ] {
            assert_eq!(read(words), Err(why.to_owned()));
        }
    }
}
