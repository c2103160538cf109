//! Arguments of the command line.

use std::time::Duration;

use lexopt::prelude::{Long, Short, ValueExt as _};
use mermin_config::Config;
use mermin_core::sink::Overflow;
use mermin_export::{Target, check_overflow};
use mermin_program::{Result, Source};

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

Arguments replace keys of the file: `to`, `buffer` and `overflow` of `export \"flows\"`, and `shutdown_timeout`.
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
        let mut arguments = Self {
            source: Source::default(),
            targets: Vec::new(),
            buffer: None,
            overflow: None,
            close_within: None,
        };
        let mut parser = lexopt::Parser::from_env();
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
                Long("buffer") => arguments.buffer = Some(parser.value()?.parse()?),
                Long("overflow") => {
                    arguments.overflow = Some(match parser.value()?.string()?.as_str() {
                        "block" => Overflow::Block,
                        "drop-newest" => Overflow::DropNewest,
                        "drop-oldest" => Overflow::DropOldest,
                        other => return Err(format!("cannot use `{other}` as a policy").into()),
                    });
                }
                Long("close-within") => {
                    let seconds = parser.value()?.parse()?;
                    arguments.close_within = Some(Duration::from_secs(seconds));
                }
                Short('h') | Long("help") => return Ok(None),
                _ => return Err(argument.unexpected().into()),
            }
        }
        arguments.source.check()?;
        if arguments.targets.is_empty() && arguments.source.config.is_none() {
            return Err("cannot export without a target: give `--to json:flows.json`".into());
        }
        Ok(Some(arguments))
    }

    /// Overrides the options of a file. Targets are not combined: targets on the command line replace those of the
    /// file.
    ///
    /// # Errors
    /// An invalid target in the file, no target at all, or a buffer that does not fit.
    pub(crate) fn over(self, config: Option<&Config>) -> Result<Plan> {
        let flows = config.map(|config| config.export().flows());
        let mut targets = self.targets;
        if targets.is_empty() {
            let named = flows.map_or(&[][..], |flows| flows.to());
            targets = named
                .iter()
                .map(|it| Target::parse(it))
                .collect::<Result<_>>()?;
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
        let buffer = flows.and_then(|flows| usize::try_from(flows.buffer().get()).ok());
        let overflow = flows.map(|flows| flows.overflow().into());
        let close_within = config.map(|config| config.shutdown_timeout().get());
        let buffer = self.buffer.or(buffer).unwrap_or(65_536);
        let overflow = self.overflow.or(overflow).unwrap_or(Overflow::Block);
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

/// Keys of a file on which the program acts.
pub(crate) const KEYS: [&str; 4] = [
    "export \"flows\".to",
    "export \"flows\".buffer",
    "export \"flows\".overflow",
    "shutdown_timeout",
];

/// The result of arguments and file.
pub(crate) struct Plan {
    pub(crate) targets: Vec<Target>,
    pub(crate) buffer: usize,
    pub(crate) overflow: Overflow,
    pub(crate) close_within: Duration,
}
