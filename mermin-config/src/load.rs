//! Loads a configuration from a file.

use std::{env, path::Path, str::FromStr};

use crate::{
    Config, Diagnostic, Error,
    diagnostic::Problem,
    evaluate::Environment,
    file::{self, Allowed},
    node::{self, Kind, Node},
    schema::{ConfigValue as _, HclValue, Reader, print::print, read::MOST as MOST_GATHERED},
    text::{Source, limits, parse, yaml},
};

/// Largest number of errors, and of warnings, reported for a file. The number of further ones is reported.
const MOST: usize = 100;

/// A configuration and the warnings about its file.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Warnings in file order: keys that have no effect, or not the intended one.
    pub warnings: Vec<Diagnostic>,
    /// Keys of the file for the application ([`Effect::Application`](crate::Effect)), as named in the reference. An
    /// application can warn about those that it does not use.
    pub for_application: Vec<String>,
}

impl Config {
    /// Reads a file, with the environment of the process. A pipe may be silent for five seconds. A device or a socket
    /// is an error.
    ///
    /// # Errors
    /// An unreadable file, or all errors in it.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Loaded, Error> {
        let path = path.as_ref();
        let octets = file::read(path, Allowed::Pipes)?;
        Self::load(&path.to_string_lossy(), &octets, &process_environment)
    }

    /// Reads a file as [`from_path`](Self::from_path) does, at a reload: a pipe is an error, because what was read of it before is gone.
    ///
    /// # Errors
    /// Those of `from_path`, and a pipe.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Loaded, Error> {
        let path = path.as_ref();
        let octets = file::read(path, Allowed::Files)?;
        Self::load(&path.to_string_lossy(), &octets, &process_environment)
    }

    /// Reads the content of a file. `name` is its name in messages; `environment` looks up a variable for `env`.
    ///
    /// # Errors
    /// All errors in the content.
    pub fn load(
        name: &str,
        octets: &[u8],
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Loaded, Error> {
        let mut source = Source {
            name: name.to_owned(),
            text: String::new(),
        };
        let text =
            limits::text(octets).map_err(|problem| Error::new(vec![problem.locate(&source)]))?;
        text.clone_into(&mut source.text);
        let (config, reader) = check(text, environment);
        if !reader.problems.is_empty()
            && let Some(problem) = yaml::problem(text)
        {
            return Err(Error::new(vec![problem.locate(&source)]));
        }
        match config {
            Some(config) if reader.problems.is_empty() => Ok(Loaded {
                config,
                warnings: diagnostics(reader.warnings, &source, "warnings"),
                for_application: reader.for_application,
            }),
            _ => Err(Error::new(diagnostics(reader.problems, &source, "errors"))),
        }
    }
}

impl Config {
    /// Returns the whole configuration as text, with defaults and the meaning of each key. Reading the text gives the
    /// same configuration. The text contains secrets.
    #[must_use]
    pub fn to_hcl(&self) -> String {
        printed(&self.write())
    }

    /// Returns the same text with `(hidden)` for each secret: for logs and reports of problems.
    ///
    /// ```
    /// use mermin_config::Config;
    ///
    /// let config: Config = "export \"traces\" { otlp = { auth = { bearer = \"t0ken\" } } }".parse()?;
    /// assert!(config.to_hcl().contains("t0ken"));
    /// assert!(!config.to_hcl_without_secrets().contains("t0ken"));
    /// # Ok::<(), mermin_config::Error>(())
    /// ```
    #[must_use]
    pub fn to_hcl_without_secrets(&self) -> String {
        printed(&self.write().without_secrets())
    }
}

fn printed(config: &HclValue) -> String {
    match config {
        HclValue::Section(fields) => print(&Config::info(), fields),
        _ => String::new(),
    }
}

impl FromStr for Loaded {
    type Err = Error;

    /// Reads as [`Config::load`] does, with the environment of the process.
    fn from_str(text: &str) -> Result<Self, Error> {
        Config::load("configuration", text.as_bytes(), &process_environment)
    }
}

impl FromStr for Config {
    type Err = Error;

    /// Reads as [`Config::load`] does, with the environment of the process and without the warnings.
    fn from_str(text: &str) -> Result<Self, Error> {
        Loaded::from_str(text).map(|loaded| loaded.config)
    }
}

/// Returns a variable of the process, if it is UTF-8.
pub(crate) fn process_environment(name: &str) -> Option<String> {
    // `getenv` cannot look up such names.
    let asks = !name.is_empty() && !name.contains(['=', '\0']);
    asks.then(|| env::var(name).ok()).flatten()
}

/// Reads a text. If a part is invalid, it reads the rest.
fn check(text: &str, environment: Environment<'_>) -> (Option<Config>, Reader) {
    let parsed = parse::parse(text);
    let mut reader = Reader::default();
    let config = parsed.body.and_then(|body| {
        let entries = node::tree(&body, environment, &mut reader.problems);
        let root = Node {
            span: 0..0,
            kind: Kind::Table(entries),
            computed: false,
        };
        Config::read(&root, &mut reader)
    });
    reader.problems.extend(parsed.problems);
    (config, reader)
}

/// Returns problems in the order of the file.
fn diagnostics(mut problems: Vec<Problem>, source: &Source, what: &str) -> Vec<Diagnostic> {
    problems.sort_by_key(Problem::offset);
    let more = problems.len().saturating_sub(MOST);
    // Further ones were not collected.
    let least = if problems.len() >= MOST_GATHERED {
        "at least "
    } else {
        ""
    };
    problems.truncate(MOST);
    if more > 0 {
        problems.push(Problem::whole(format!("{least}{more} more {what}")));
    }
    problems
        .into_iter()
        .map(|problem| problem.locate(source))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::schema::arbitrary::Entropy;

    fn again(config: &Config) -> Config {
        let written = config.to_hcl();
        match Config::load("again.hcl", written.as_bytes(), &|_| None) {
            Ok(loaded) => loaded.config,
            Err(error) => panic!("{error}\n{written}"),
        }
    }

    #[test]
    fn defaults_round_trip_and_equal_an_empty_file() {
        assert_eq!(again(&Config::default()), Config::default());
        let empty = Config::load("empty.hcl", b"", &|_| None).unwrap();
        assert_eq!(empty.config, Config::default());
        assert!(empty.warnings.is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 64,
            max_shrink_iters: 200,
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn any_configuration_round_trips(octets in prop::collection::vec(any::<u8>(), 0..2_000)) {
            let config = Config::arbitrary(&mut Entropy(&octets));
            let read = again(&config);
            prop_assert_eq!(read.to_hcl(), config.to_hcl());
            prop_assert!(read == config);
        }

        #[test]
        fn any_text_parses_or_is_an_error(text in r#"([a-z"=\[\]{}$%<-]| |\n|env\(|span|tcp_timeout|/\*|//|<<E|\\|"5s")*"#) {
            let _ = Config::load("any.hcl", text.as_bytes(), &|_| None);
        }
    }
}
