//! Arguments that select the source.

use std::{ffi::OsString, path::PathBuf};

use lexopt::Arg;
use mermin_config::Config;
use mermin_core::{FlowSource, FlowSourceBuilder};

use crate::{
    Result, environment,
    remarks::{unused, warnings},
};

/// The source: `--interface PATTERN..` (without it, all interfaces that are up), `--pcap FILE`, `--config FILE`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Names, globs, regular expressions between slashes.
    pub interfaces: Vec<String>,
    /// A capture file.
    pub pcap: Option<PathBuf>,
    /// An HCL file. Other arguments override it.
    pub config: Option<PathBuf>,
}

/// A flag of [`Source`] that takes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flag {
    /// `--interface`, `-i`.
    Interface,
    /// `--pcap`.
    Pcap,
    /// `--config`, `-c`.
    Config,
}

impl Source {
    /// The flags in a usage line.
    pub const USAGE: &str = "(--interface PATTERN.. | --pcap FILE) [--config FILE]";

    /// Returns the flag for an argument; `None` for other arguments.
    #[must_use]
    pub fn flag(argument: &Arg<'_>) -> Option<Flag> {
        Some(match argument {
            Arg::Short('i') | Arg::Long("interface") => Flag::Interface,
            Arg::Long("pcap") => Flag::Pcap,
            Arg::Short('c') | Arg::Long("config") => Flag::Config,
            _ => return None,
        })
    }

    /// Sets the value of a flag.
    pub fn set(&mut self, flag: Flag, value: OsString) {
        match flag {
            Flag::Interface => self.interfaces.push(value.to_string_lossy().into_owned()),
            Flag::Pcap => self.pcap = Some(value.into()),
            Flag::Config => self.config = Some(value.into()),
        }
    }

    /// Takes from the environment what the arguments leave open: `MERMIN_INTERFACE`, patterns with spaces between them, or
    /// `MERMIN_PCAP`, and `MERMIN_CONFIG_PATH`. An empty variable counts as absent.
    pub fn or_environment(&mut self, variable: impl Fn(&str) -> Option<OsString>) {
        let value = |name| environment::value(&variable, name);
        if self.interfaces.is_empty() && self.pcap.is_none() {
            let patterns = value("MERMIN_INTERFACE").unwrap_or_default();
            let patterns = patterns.to_string_lossy();
            self.interfaces = patterns.split_whitespace().map(str::to_owned).collect();
            self.pcap = value("MERMIN_PCAP").map(Into::into);
        }
        if self.config.is_none() {
            self.config = value("MERMIN_CONFIG_PATH").map(Into::into);
        }
    }

    /// Checks that the arguments do not exclude each other.
    ///
    /// # Errors
    /// Interfaces together with a capture.
    pub fn check(&self) -> Result<()> {
        if self.pcap.is_some() && !self.interfaces.is_empty() {
            return Err("cannot capture on interfaces and read a file at once: choose `--interface` (`MERMIN_INTERFACE`) or `--pcap` (`MERMIN_PCAP`)".into());
        }
        Ok(())
    }

    /// True for a capture in a file. The writer of a pipe may be live, and loses packets while nobody reads.
    #[must_use]
    pub fn is_regular_file(&self) -> bool {
        self.pcap.as_ref().is_some_and(|path| path.is_file())
    }

    /// Opens the options as [`open`](Self::open) does, for a program that acts on none of the application's keys.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn builder(&self, program: &str) -> Result<FlowSourceBuilder> {
        Ok(self.open(program, &[])?.0)
    }

    /// Reads the file, if there is one, and prints warnings about keys without effect in `program` on standard error.
    /// `used` are the keys of the application on which the program acts.
    ///
    /// # Errors
    /// Those of [`check`](Self::check), and all errors of the file.
    pub fn open(
        &self,
        program: &str,
        used: &[&str],
    ) -> Result<(FlowSourceBuilder, Option<Config>)> {
        self.check()?;
        let config = match &self.config {
            Some(path) => {
                let loaded = Config::from_path(path)?;
                eprint!("{}{}", warnings(&loaded), unused(program, used, &loaded));
                Some(loaded.config)
            }
            None => None,
        };
        let builder = self.over(config.as_ref());
        Ok((builder, config))
    }

    /// Arguments override the file.
    fn over(&self, config: Option<&Config>) -> FlowSourceBuilder {
        let of = |builder: fn(&Config) -> FlowSourceBuilder| {
            config.map_or_else(FlowSource::builder, builder)
        };
        if let Some(path) = &self.pcap {
            return of(Config::source_of_captures).pcap(path);
        }
        let builder = of(Config::source);
        if self.interfaces.is_empty() {
            return builder;
        }
        // Named interfaces replace those of the file.
        builder
            .interfaces(self.interfaces.iter().cloned())
            .fallback_to_all(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Source {
        let mut source = Source::default();
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next().unwrap() {
            let flag = Source::flag(&argument).unwrap();
            source.set(flag, parser.value().unwrap());
        }
        source
    }

    #[test]
    fn each_argument_sets_its_option() {
        let source = parse(&["-i", "eth0", "--interface=wg*", "--config", "a.hcl"]);
        assert_eq!(source.interfaces, ["eth0", "wg*"]);
        assert_eq!(source.config, Some("a.hcl".into()));
        assert_eq!(parse(&["--pcap", "a.pcap"]).pcap, Some("a.pcap".into()));
        assert_eq!(Source::flag(&Arg::Long("to")), None);
    }

    #[test]
    fn interfaces_and_capture_file_exclude_each_other() {
        let error = parse(&["-i", "eth0", "--pcap", "a.pcap"]).check();
        let said = error.unwrap_err().to_string();
        assert!(
            said.ends_with("choose `--interface` (`MERMIN_INTERFACE`) or `--pcap` (`MERMIN_PCAP`)"),
            "{said}"
        );
    }

    #[test]
    fn environment_has_what_the_arguments_leave_open() {
        let of = |arguments: &[&str], variables: &[(&str, &str)]| {
            let mut source = parse(arguments);
            source.or_environment(|name| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| value.into())
            });
            source
        };
        let patterns = ("MERMIN_INTERFACE", " eth* wg0 ");
        let (pcap, config) = (("MERMIN_PCAP", "a.pcap"), ("MERMIN_CONFIG_PATH", "a.hcl"));
        let source = of(&[], &[patterns, config]);
        assert_eq!(source, parse(&["-i", "eth*", "-i", "wg0", "-c", "a.hcl"]));
        assert_eq!(of(&[], &[pcap]), parse(&["--pcap", "a.pcap"]));
        assert!(of(&[], &[patterns, pcap]).check().is_err());
        for arguments in [
            ["-i", "eth0", "-c", "b.hcl"],
            ["--pcap", "b.pcap", "-c", "b.hcl"],
        ] {
            assert_eq!(of(&arguments, &[patterns, pcap, config]), parse(&arguments));
        }
        let empty = [
            ("MERMIN_INTERFACE", ""),
            ("MERMIN_PCAP", ""),
            ("MERMIN_CONFIG_PATH", ""),
        ];
        assert_eq!(of(&[], &empty), Source::default());
    }

    #[test]
    fn only_a_regular_file_can_wait() {
        let of = |path: &str| parse(&["--pcap", path]).is_regular_file();
        assert!(of(concat!(env!("CARGO_MANIFEST_DIR"), "/src/source.rs")));
        assert!(!of("/dev/null") && !of("/nowhere/a.pcap"));
        assert!(!parse(&["-i", "eth0"]).is_regular_file());
    }

    #[test]
    fn missing_file_is_an_error() {
        let error = parse(&["--config", "/nowhere/a.hcl"]).builder("it");
        let error = error.unwrap_err().to_string();
        assert!(error.contains("/nowhere/a.hcl"), "{error}");
    }
}
