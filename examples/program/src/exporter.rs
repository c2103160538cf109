//! A program with one exporter: its options by arguments, environment and file.

use std::{env, error::Error, process::ExitCode, str::FromStr};

use lexopt::Parser;
use mermin_config::Config;
use mermin_core::{
    FlowSourceBuilder,
    sink::{Batching, BoxSink, FlowSink, Overflow},
};

use crate::{
    ENVIRONMENT, Named, Result, Run, Source, arguments, buffer_of, check_overflow, entry,
    in_front_of, without_user,
};

/// Keys of a file on which programs with a buffer act.
pub const BUFFERED: [&str; 4] = [
    "export \"flows\".to",
    "shutdown_timeout",
    "export \"flows\".buffer",
    "export \"flows\".overflow",
];

/// How many of them concern every program with one exporter.
const WITHOUT_BUFFER: usize = 2;

/// A program with one exporter.
///
/// ```
/// use mermin_program::Program;
///
/// const PROGRAM: Program = Program {
///     name: "mermin-ipfix",
///     schemes: &["ipfix", "ipfix+tcp"],
///     example: Some("ipfix://collector:4739"),
///     is_buffered: true,
///     keys: &[],
/// };
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// Texts before the first `:` of its targets.
    pub schemes: &'static [&'static str],
    /// A target for the error if none is given. `None` for a program that needs none.
    pub example: Option<&'static str>,
    /// Records wait in a buffer before its exporter.
    pub is_buffered: bool,
    /// Further keys of a file on which it acts, or the beginnings of their names.
    pub keys: &'static [&'static str],
}

/// How a program exports.
#[derive(Debug)]
pub struct Export {
    /// Options of the source.
    pub builder: FlowSourceBuilder,
    /// Options of the export.
    pub run: Run,
    /// The file, if there is one.
    pub config: Option<Config>,
    buffer: usize,
    overflow: Overflow,
}

impl Export {
    /// Adds retries before the sink, and the buffer of a program that has one. It has room for 65,536 records and blocks when it is
    /// full, unless the file says otherwise.
    pub fn named(&self, name: impl Into<String>, sink: impl FlowSink + 'static) -> Named {
        let (sink, batching) = (BoxSink::new(sink), Batching::default());
        Named::new(
            name,
            in_front_of(sink, batching, self.buffer, self.overflow),
        )
    }

    /// Exports to the sink as [`Run::run`] does.
    ///
    /// # Errors
    /// Those of [`Run::run`].
    pub async fn to(self, sink: Named) -> Result<bool> {
        self.run.run(self.builder, vec![sink], |_| ()).await
    }
}

impl Program {
    /// Runs the program as [`entry`] does, with the arguments and the environment of this process.
    pub fn entry<T>(
        &self,
        usage: &str,
        run: impl FnOnce(Source, Option<T>) -> Result<bool>,
    ) -> ExitCode
    where
        T: FromStr<Err: Error + 'static>,
    {
        entry(
            &self.usage(usage),
            || self.arguments(),
            |(source, target)| run(source, target),
        )
    }

    /// Returns the source and the target by the arguments and the environment of this process. `None` for a request for help.
    ///
    /// # Errors
    /// Those of [`arguments`], and of [`check`](Self::check).
    fn arguments<T>(&self) -> Result<Option<(Source, Option<T>)>>
    where
        T: FromStr<Err: Error + 'static>,
    {
        let both = |source: Source, target: Option<T>| {
            self.check(&source, target.is_some())?;
            Ok((source, target))
        };
        let variable = |name: &str| env::var_os(name);
        arguments(Parser::from_env(), variable, |_| None, both)
    }

    /// Checks that there is a target, or a file that may have one.
    ///
    /// # Errors
    /// Neither of them, for a program that needs a target.
    pub fn check(&self, source: &Source, has_target: bool) -> Result<()> {
        match self.example {
            Some(example) if !has_target && source.config.is_none() => {
                Err(format!("cannot export without a target: give `--to {example}`").into())
            }
            _ => Ok(()),
        }
    }

    /// Returns the help of the program, with the variables of the environment.
    #[must_use]
    pub fn usage(&self, usage: &str) -> String {
        format!("{usage}\n\n{ENVIRONMENT}")
    }

    /// Opens the export of a program that needs a target, as [`open_with`](Self::open_with) does.
    ///
    /// # Errors
    /// Those of [`open_with`](Self::open_with), and no target.
    pub fn open<T>(&self, source: &Source, target: Option<T>) -> Result<(Export, T)>
    where
        T: FromStr<Err: Error + 'static>,
    {
        let (export, target) = self.open_with(source, target)?;
        let target = target.ok_or_else(|| {
            format!(
                "cannot export without a target: give `--to {}`, or `to` in `export \"flows\"` of the file",
                self.example.unwrap_or_default()
            )
        })?;
        Ok((export, target))
    }

    /// Reads the file, if there is one. Its target of the program's own kind counts if `target` is `None`; the other targets are
    /// named on standard error, and are left out.
    ///
    /// # Errors
    /// Those of [`Source::open`], several targets of that kind, an invalid one, and a policy that does not fit the buffer.
    pub fn open_with<T>(&self, source: &Source, target: Option<T>) -> Result<(Export, Option<T>)>
    where
        T: FromStr<Err: Error + 'static>,
    {
        let used = if self.is_buffered {
            &BUFFERED[..]
        } else {
            &BUFFERED[..WITHOUT_BUFFER]
        };
        let (builder, config) = source.open(self.name, &[used, self.keys].concat())?;
        let (target, others) = match &config {
            Some(config) if target.is_none() => self.choose(config.export().flows().to())?,
            _ => (target, Vec::new()),
        };
        if !others.is_empty() {
            eprintln!("{} leaves out {}", self.name, others.join(", "));
        }
        let (buffer, overflow) = self.buffer(config.as_ref())?;
        let mut run = Run::default();
        if let Some(config) = &config {
            run.close_within = config.shutdown_timeout().get();
        }
        let export = Export {
            builder,
            run,
            config,
            buffer,
            overflow,
        };
        Ok((export, target))
    }

    /// Returns the target of the program's kind, and all others without secrets.
    fn choose<T>(&self, targets: &[String]) -> Result<(Option<T>, Vec<String>)>
    where
        T: FromStr<Err: Error + 'static>,
    {
        let is_own = |text: &&String| {
            let scheme = text.split(':').next().unwrap_or(text);
            self.schemes.contains(&scheme)
        };
        let (own, others): (Vec<_>, Vec<_>) = targets.iter().partition(is_own);
        if own.len() > 1 {
            return Err(format!(
                "cannot export to {} targets of `export \"flows\"`: choose one by `--to`, or use `mermin-export`",
                own.len()
            )
            .into());
        }
        let target = own.first().map(|text| text.parse()).transpose()?;
        Ok((
            target,
            others.into_iter().map(|it| without_user(it)).collect(),
        ))
    }

    fn buffer(&self, config: Option<&Config>) -> Result<(usize, Overflow)> {
        if !self.is_buffered {
            return Ok((0, Overflow::Block));
        }
        let (buffer, overflow) = buffer_of(config);
        check_overflow(buffer, overflow)?;
        Ok((buffer, overflow))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        sync::atomic::{AtomicU32, Ordering},
        time::Duration,
    };

    use super::*;

    const PROGRAM: Program = Program {
        name: "it",
        schemes: &["a", "a+tcp"],
        example: Some("a:1"),
        is_buffered: true,
        keys: &[],
    };

    /// Opens the export by a file of this text.
    fn open(
        program: Program,
        text: &str,
        target: Option<&str>,
    ) -> std::result::Result<(Export, String), String> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("mermin-program-{}-{number}.hcl", std::process::id());
        let path = env::temp_dir().join(name);
        fs::write(&path, text).unwrap();
        let source = Source {
            config: Some(path.clone()),
            ..Source::default()
        };
        let opened = program.open(&source, target.map(str::to_owned));
        fs::remove_file(path).unwrap();
        opened.map_err(|error| error.to_string())
    }

    #[test]
    fn target_of_the_own_kind_is_taken_from_the_file() {
        let file = "shutdown_timeout = \"3s\"\nexport \"flows\" {\n  to = [\"b:1\", \"a+tcp://c\"]\n  buffer = 7\n  overflow = \"drop-oldest\"\n}\n";
        let (export, target) = open(PROGRAM, file, None).unwrap();
        assert_eq!(target, "a+tcp://c");
        assert_eq!(export.run.close_within, Duration::from_secs(3));
        assert_eq!((export.buffer, export.overflow), (7, Overflow::DropOldest));
        assert_eq!(open(PROGRAM, file, Some("a:2")).unwrap().1, "a:2");
        let unbuffered = Program {
            is_buffered: false,
            ..PROGRAM
        };
        let (export, _) = open(unbuffered, file, None).unwrap();
        assert_eq!((export.buffer, export.overflow), (0, Overflow::Block));
        let (_, others) = PROGRAM
            .choose::<String>(&["b://me:hush@c".to_owned()])
            .unwrap();
        assert_eq!(others, ["b://..@c"]);
    }

    #[test]
    fn file_that_leaves_the_target_open_is_refused() {
        for (to, buffer, why) in [
            (
                "\"b:1\"",
                1,
                "cannot export without a target: give `--to a:1`, or",
            ),
            (
                "\"a:1\", \"a+tcp:1\"",
                1,
                "cannot export to 2 targets of `export \"flows\"`: choose one by `--to`",
            ),
            ("\"a:1\"", 0, "cannot drop records of a buffer without room"),
        ] {
            let text = format!(
                "export \"flows\" {{\n  to = [{to}]\n  buffer = {buffer}\n  overflow = \"drop-newest\"\n}}\n"
            );
            let error = open(PROGRAM, &text, None).unwrap_err();
            assert!(error.starts_with(why), "{error}");
        }
        let (_, target) = PROGRAM
            .open_with::<String>(&Source::default(), None)
            .unwrap();
        assert_eq!(target, None);
        let (export, _) = PROGRAM
            .open_with::<String>(&Source::default(), None)
            .unwrap();
        assert_eq!((export.buffer, export.overflow), (65_536, Overflow::Block));
    }

    #[test]
    fn target_or_file_has_to_be_given() {
        let source = |config: Option<&str>| Source {
            config: config.map(Into::into),
            ..Source::default()
        };
        let error = PROGRAM.check(&source(None), false).unwrap_err();
        let words = "cannot export without a target: give `--to a:1`";
        assert_eq!(error.to_string(), words);
        PROGRAM.check(&source(None), true).unwrap();
        PROGRAM.check(&source(Some("f")), false).unwrap();
    }
}
