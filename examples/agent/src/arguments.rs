//! Arguments of the command line.

use std::{env, path::PathBuf};

use lexopt::prelude::{Long, Short, Value, ValueExt as _};
use mermin_program::Result;

pub(crate) const USAGE: &str = "\
usage: mermin-agent COMMAND [options]

  run                 capture and export until SIGTERM or SIGINT
  check [FILE]        check the file, and start nothing
  doctor              try what capturing needs on this host, and say what is missing
  print-config        print the whole configuration with all defaults, without secrets

options:
  --config FILE, -c   the configuration, HCL (default: MERMIN_CONFIG_PATH; without it, all defaults)
  --json              doctor: print one JSON object
  -h, --help          print this text

MERMIN_LOG_LEVEL overrides `log_level` of the file: a level, or directives such as `info,mermin_agent=debug`.
SIGHUP reads the file again; with `auto_reload` the agent does when it changes.";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Run,
    Check,
    Doctor { json: bool },
    PrintConfig,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) command: Command,
    pub(crate) path: Option<PathBuf>,
}

impl Arguments {
    /// Parses the arguments of the process. `None` for a request for help.
    pub(crate) fn parse() -> Result<Option<Self>> {
        let path = env::var_os("MERMIN_CONFIG_PATH").filter(|path| !path.is_empty());
        Self::from(lexopt::Parser::from_env(), path.map(PathBuf::from))
    }

    fn from(mut parser: lexopt::Parser, preset: Option<PathBuf>) -> Result<Option<Self>> {
        let (mut command, mut path, mut json) = (None, None, false);
        while let Some(argument) = parser.next()? {
            match argument {
                Short('c') | Long("config") => path = Some(parser.value()?.into()),
                Long("json") => json = true,
                Short('h') | Long("help") => return Ok(None),
                Value(word) if command.is_none() => {
                    command = Some(match word.string()?.as_str() {
                        "run" => Command::Run,
                        "check" => Command::Check,
                        "doctor" => Command::Doctor { json: false },
                        "print-config" => Command::PrintConfig,
                        other => return Err(format!("there is no command `{other}`").into()),
                    });
                }
                Value(file) if command == Some(Command::Check) && path.is_none() => {
                    path = Some(file.into());
                }
                _ => return Err(argument.unexpected().into()),
            }
        }
        let command = match command {
            Some(Command::Doctor { .. }) => Command::Doctor { json },
            Some(_) if json => return Err("`--json` belongs to `doctor`".into()),
            Some(command) => command,
            None => return Err("say what to do: `mermin-agent run`".into()),
        };
        Ok(Some(Self {
            command,
            path: path.or(preset),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str], preset: Option<&str>) -> Result<Option<Arguments>> {
        let parser = lexopt::Parser::from_args(arguments);
        Arguments::from(parser, preset.map(PathBuf::from))
    }

    #[test]
    fn argument_overrides_the_path_of_the_environment() {
        for (arguments, path) in [
            (&["check", "a.hcl"][..], "a.hcl"),
            (&["run", "--config", "a.hcl"], "a.hcl"),
            (&["-c", "a.hcl", "doctor", "--json"], "a.hcl"),
            (&["run"], "preset.hcl"),
        ] {
            let parsed = parse(arguments, Some("preset.hcl")).unwrap().unwrap();
            assert_eq!(parsed.path, Some(path.into()), "{arguments:?}");
        }
        assert_eq!(parse(&["run"], None).unwrap().unwrap().path, None);
    }

    #[test]
    fn invalid_arguments_are_errors() {
        for arguments in [&[][..], &["stop"], &["run", "a.hcl"], &["run", "--json"]] {
            assert!(parse(arguments, None).is_err(), "{arguments:?}");
        }
        assert_eq!(parse(&["--help"], None).unwrap(), None);
    }
}
