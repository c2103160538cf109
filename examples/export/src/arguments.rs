//! Arguments of the command line.

use std::{env, ffi::OsString, time::Duration};

use lexopt::prelude::{Long, Short, ValueExt as _};
use mermin_config::Config;
use mermin_core::sink::Overflow;
use mermin_export::Target;
#[cfg(feature = "otlp")]
use mermin_program::check_seed;
use mermin_program::{ENVIRONMENT, Result, Source, buffer_of, check_overflow, parsed};

/// Returns the help.
pub(crate) fn usage() -> String {
    format!(
        "\
usage: mermin-export {} --to TARGET..

targets:
{}
options:
  --buffer RECORDS         records that may wait for each target in memory (65536);
                           0: in the kernel's table of flows, until the slowest target has them
                           (not for Parquet files)
  --overflow POLICY        policy for a full buffer: block, drop-newest, drop-oldest (block)
  --close-within SECONDS   time limit for closing (30)

{ENVIRONMENT}
MERMIN_TO may have several targets with spaces between them. MERMIN_BUFFER, MERMIN_OVERFLOW and MERMIN_CLOSE_WITHIN
stand in for the options. The keys are `to`, `buffer` and `overflow` of `export \"flows\"`, and `shutdown_timeout`. Without
`--to`, the collector of `export \"traces\" otlp` is another target, with a buffer of its own.
At the end, a table has a line for each target. The exit status is 1 if a record was dropped or not delivered.",
        Source::USAGE,
        mermin_export::usage()
    )
}

pub(crate) struct Arguments {
    pub(crate) source: Source,
    pub(crate) targets: Vec<Target>,
    buffer: Option<usize>,
    overflow: Option<Overflow>,
    close_within: Option<Duration>,
}

impl Arguments {
    /// Parses the arguments. `None` for a request for help.
    pub(crate) fn parse() -> Result<Option<Self>> {
        Self::from(lexopt::Parser::from_env(), |name| env::var_os(name))
    }

    fn from(
        mut parser: lexopt::Parser,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Option<Self>> {
        let mut arguments = Self {
            source: Source::default(),
            targets: Vec::new(),
            buffer: None,
            overflow: None,
            close_within: None,
        };
        while let Some(argument) = parser.next()? {
            if let Some(flag) = Source::flag(&argument) {
                arguments.source.set(flag, parser.value()?);
                continue;
            }
            match argument {
                Long("to") => {
                    let target = parser.value()?.string()?;
                    arguments.targets.push(Target::parse(&target)?);
                }
                Long("buffer") => arguments.buffer = Some(records(parser.value()?)?),
                Long("overflow") => arguments.overflow = Some(policy(parser.value()?)?),
                Long("close-within") => arguments.close_within = Some(seconds(parser.value()?)?),
                Short('h') | Long("help") => return Ok(None),
                _ => return Err(argument.unexpected().into()),
            }
        }
        arguments.or_environment(variable)?;
        arguments.source.check()?;
        if arguments.targets.is_empty() && arguments.source.config.is_none() {
            return Err("cannot export without a target: give `--to json:flows.json`".into());
        }
        Ok(Some(arguments))
    }

    /// Takes from the environment what the arguments leave open.
    fn or_environment(&mut self, variable: impl Fn(&str) -> Option<OsString>) -> Result<()> {
        self.source.or_environment(&variable);
        if self.targets.is_empty() {
            let targets = |value: OsString| -> Result<Vec<Target>> {
                let text = value.string()?;
                text.split_whitespace().map(Target::parse).collect()
            };
            self.targets = parsed(&variable, "MERMIN_TO", targets)?.unwrap_or_default();
        }
        if self.buffer.is_none() {
            self.buffer = parsed(&variable, "MERMIN_BUFFER", records)?;
        }
        if self.overflow.is_none() {
            self.overflow = parsed(&variable, "MERMIN_OVERFLOW", policy)?;
        }
        if self.close_within.is_none() {
            self.close_within = parsed(&variable, "MERMIN_CLOSE_WITHIN", seconds)?;
        }
        Ok(())
    }

    /// Makes the plan: options of the command line override those of a file. Targets are not combined: targets on the
    /// command line replace those of the file.
    ///
    /// # Errors
    /// An invalid target in the file, no target at all, or a buffer that does not fit.
    pub(crate) fn plan(self, config: Option<&Config>) -> Result<Plan> {
        let flows = config.map(|config| config.export().flows());
        let mut targets = self.targets;
        if targets.is_empty() {
            let named = flows.map_or(&[][..], |flows| flows.to());
            targets = named
                .iter()
                .map(|it| Target::parse(it))
                .collect::<Result<_>>()?;
            #[cfg(feature = "otlp")]
            if let Some((config, target)) =
                config.and_then(|config| Some((config, Target::of_traces(config)?)))
            {
                check_seed(config, !targets.is_empty())?;
                targets.push(target);
            }
        }
        if targets.is_empty() {
            return Err(
                "cannot export without a target: give `--to json:flows.json`, or `to` in `export \"flows\"` of the file".into(),
            );
        }
        for (at, target) in targets.iter().enumerate() {
            if targets[..at].iter().any(|other| other.name == target.name) {
                // Each of two writers removes an incomplete piece by truncating the file, and would remove the other's
                // lines with it; a topic would have all records twice.
                return Err(
                    format!("cannot export to `{}` twice: name it once", target.name).into(),
                );
            }
        }
        let (buffer, overflow) = buffer_of(config);
        let buffer = self.buffer.unwrap_or(buffer);
        let overflow = self.overflow.unwrap_or(overflow);
        let close_within = config.map(|config| config.shutdown_timeout().get());
        check_overflow(buffer, overflow)?;
        let close_within = self.close_within.or(close_within);
        let close_within = close_within.unwrap_or(Duration::from_secs(30));
        for target in &targets {
            target.check_buffer(buffer)?;
            target.check_closing(close_within)?;
        }
        Ok(Plan {
            targets,
            buffer,
            overflow,
            close_within,
        })
    }
}

/// The result of arguments and file.
pub(crate) struct Plan {
    pub(crate) targets: Vec<Target>,
    pub(crate) buffer: usize,
    pub(crate) overflow: Overflow,
    pub(crate) close_within: Duration,
}

#[expect(clippy::needless_pass_by_value, reason = "`parsed` gives a value")]
fn records(value: OsString) -> Result<usize> {
    Ok(value.parse()?)
}

#[expect(clippy::needless_pass_by_value, reason = "`parsed` gives a value")]
fn seconds(value: OsString) -> Result<Duration> {
    Ok(Duration::from_secs(value.parse()?))
}

fn policy(value: OsString) -> Result<Overflow> {
    Ok(match value.string()?.as_str() {
        "block" => Overflow::Block,
        "drop-newest" => Overflow::DropNewest,
        "drop-oldest" => Overflow::DropOldest,
        other => return Err(format!("cannot use `{other}` as a policy").into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str], variables: &[(&str, &str)]) -> std::result::Result<Plan, String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.into())
        };
        let arguments = Arguments::from(lexopt::Parser::from_args(words), variable);
        let plan = arguments.and_then(|arguments| arguments.unwrap().plan(None));
        plan.map_err(|error| error.to_string())
    }

    #[test]
    fn environment_has_what_the_arguments_leave_open() {
        let variables = [
            ("MERMIN_TO", "json:a  json:b"),
            ("MERMIN_BUFFER", "7"),
            ("MERMIN_OVERFLOW", "drop-oldest"),
            ("MERMIN_CLOSE_WITHIN", "3"),
        ];
        let names = |plan: &Plan| -> Vec<String> {
            let names = plan.targets.iter().map(|target| target.name.clone());
            names.collect()
        };
        let plan = parse(&[], &variables).unwrap();
        assert_eq!(names(&plan), ["json:a", "json:b"]);
        assert_eq!((plan.buffer, plan.overflow), (7, Overflow::DropOldest));
        assert_eq!(plan.close_within, Duration::from_secs(3));
        let words = [
            "--to=json:c",
            "--buffer=8",
            "--overflow=block",
            "--close-within=4",
        ];
        let plan = parse(&words, &variables).unwrap();
        assert_eq!(names(&plan), ["json:c"]);
        assert_eq!((plan.buffer, plan.overflow), (8, Overflow::Block));
        assert_eq!(plan.close_within, Duration::from_secs(4));
        for (name, _) in &variables {
            let error = parse(&[], &[(name, "x")]).err().unwrap();
            assert!(error.starts_with(&format!("in `{name}`: ")), "{error}");
        }
    }
}
