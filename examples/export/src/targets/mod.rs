//! Targets of flows. Each kind of target has a file here, a row in [`KINDS`], and a feature of the package.

mod json;
mod json_file;

#[cfg(feature = "ipfix")]
mod ipfix;
#[cfg(feature = "kafka")]
mod kafka;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(feature = "prometheus")]
mod prometheus;
#[cfg(feature = "s3")]
mod s3;

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use mermin_core::{
    Handle,
    sink::{Batching, BoxSink, FlowSink, Meter},
};

use mermin_program::without_user;

use crate::Result;

/// A kind of target.
pub(crate) struct Kind {
    /// Text before the first `:` of a target.
    pub(crate) schemes: &'static [&'static str],
    /// Lines for `--help`: each form and its meaning.
    pub(crate) usage: &'static [(&'static str, &'static str)],
    /// Parses a target without starting anything.
    pub(crate) parse: fn(&str) -> Result<Target>,
}

/// The kinds in this build.
const KINDS: &[Kind] = &[
    #[cfg(feature = "ipfix")]
    ipfix::KIND,
    #[cfg(feature = "otlp")]
    otlp::KIND,
    #[cfg(feature = "prometheus")]
    prometheus::KIND,
    #[cfg(feature = "nats")]
    nats::KIND,
    #[cfg(feature = "kafka")]
    kafka::KIND,
    json::KIND,
    #[cfg(feature = "parquet")]
    parquet::KIND,
    #[cfg(feature = "s3")]
    s3::KIND,
];

/// Schemes whose features are off by default, and these features.
const OFF: [(&str, &str); 2] = [("kafka", "kafka"), ("s3", "s3")];

/// A parsed target. Nothing of it runs before [`start`](Self::start) is called.
///
/// ```
/// use mermin_export::Target;
///
/// let target = Target::parse("json:flows.json")?;
/// assert_eq!(target.name, "json:flows.json");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Target {
    /// Its name in the table that is printed at the end, without secrets.
    pub name: String,
    /// Starts its exporter.
    pub start: Box<dyn FnOnce() -> Result<Started>>,
    /// Each batch becomes a file or an object, so records have to be collected before it.
    needs_buffer: bool,
    /// Closing waits so long for its receiver.
    linger: Duration,
}

impl Target {
    /// Creates it with a function that starts its exporter.
    pub fn new(name: impl Into<String>, start: impl FnOnce() -> Result<Started> + 'static) -> Self {
        Self {
            name: name.into(),
            start: Box::new(start),
            needs_buffer: false,
            linger: Duration::ZERO,
        }
    }

    /// A target whose closing waits so long for its receiver.
    #[cfg(feature = "prometheus")]
    pub(crate) fn lingers(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }

    /// Checks that the time limit of closing leaves room for the wait of its closing.
    ///
    /// # Errors
    /// A `linger` that the limit would cut, as if records were left.
    pub fn check_closing(&self, close_within: Duration) -> Result<()> {
        if !self.linger.is_zero() && self.linger >= close_within {
            return Err(format!(
                "cannot wait {:?} for a last scrape at `{}`, because closing ends after {close_within:?}: make `linger` shorter, or the \
                 time limit of closing longer",
                self.linger, self.name
            )
            .into());
        }
        Ok(())
    }

    /// A target that makes a file or an object of each batch.
    #[cfg(feature = "parquet")]
    pub(crate) fn of_files(mut self) -> Self {
        self.needs_buffer = true;
        self
    }

    /// Checks that it can do with a buffer for this many records.
    ///
    /// # Errors
    /// No buffer, for a target that makes a file or an object of each batch.
    pub fn check_buffer(&self, buffer: usize) -> Result<()> {
        if buffer == 0 && self.needs_buffer {
            return Err(format!(
                "cannot export to `{}` without a buffer, which collects the records of a file: give it room for 1 record or more, or \
                 export there with `mermin-parquet`, which keeps records in the kernel until they are in a file",
                self.name
            )
            .into());
        }
        Ok(())
    }

    /// Returns the collector of `export "traces" otlp`, if the file has one.
    #[cfg(feature = "otlp")]
    #[must_use]
    pub fn of_traces(config: &mermin_config::Config) -> Option<Self> {
        otlp::of_traces(config)
    }

    /// Parses the text of `--to`. The environment has credentials and options of some kinds.
    ///
    /// # Errors
    /// An unknown scheme, or a text that is invalid for its kind.
    pub fn parse(text: &str) -> Result<Self> {
        let scheme = text.split(':').next().unwrap_or(text);
        let mut kinds = KINDS.iter();
        let Some(kind) = kinds.find(|kind| kind.schemes.contains(&scheme)) else {
            let shown = without_user(text);
            if let Some((_, feature)) = OFF.iter().find(|(known, _)| *known == scheme) {
                return Err(format!(
                    "cannot export to `{shown}`: this program was built without it: build it with `--features {feature}`"
                )
                .into());
            }
            let known: Vec<&str> = KINDS
                .iter()
                .flat_map(|kind| kind.schemes)
                .copied()
                .collect();
            return Err(format!(
                "cannot export to `{shown}`: a target begins with one of {}, and a colon",
                known.join(", ")
            )
            .into());
        };
        (kind.parse)(text)
    }
}

/// A started exporter, and what it needs from the program.
pub struct Started {
    /// Its exporter. It neither retries nor buffers, unless `is_buffered`.
    pub sink: BoxSink,
    /// Its exporter has retries and a buffer of its own.
    pub is_buffered: bool,
    /// Batching of its records.
    pub batching: Batching,
    /// Called when the source is open, and when the targets change, with the meters of all targets by name.
    pub opened: Option<Opened>,
    /// Number of records that the target may have received twice, and how to avoid that.
    pub doubled: Option<(Arc<AtomicU64>, &'static str)>,
}

/// Gets the handle of the source, and the meters of all targets by name.
pub type Opened = Box<dyn Fn(&Handle, &[(String, Meter)]) + Send>;

impl Started {
    /// Creates it with the default batching.
    pub fn new(sink: impl FlowSink + 'static) -> Self {
        Self {
            sink: BoxSink::new(sink),
            is_buffered: false,
            batching: Batching::default(),
            opened: None,
            doubled: None,
        }
    }

    /// Sets a function to call when the source is open.
    #[cfg(feature = "prometheus")]
    pub(crate) fn opened(
        mut self,
        call: impl Fn(&Handle, &[(String, Meter)]) + Send + 'static,
    ) -> Self {
        self.opened = Some(Box::new(call));
        self
    }

    /// Sets the counter of records that it may have twice.
    #[cfg(any(feature = "kafka", feature = "nats"))]
    pub(crate) fn doubled(mut self, count: Arc<AtomicU64>, remedy: &'static str) -> Self {
        self.doubled = Some((count, remedy));
        self
    }

    #[cfg(feature = "parquet")]
    pub(crate) fn batch(mut self, batching: Batching) -> Self {
        self.batching = batching;
        self
    }
}

/// Returns the forms of all targets, for `--help`.
#[must_use]
pub fn usage() -> String {
    let lines = KINDS.iter().flat_map(|kind| kind.usage);
    lines.fold(String::new(), |text, (form, what)| {
        text + &format!("  {form:<26} {what}\n")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Several programs have these targets, so the remedy names none of them.
    #[test]
    fn target_of_a_feature_that_is_off_names_the_feature() {
        for (scheme, feature) in OFF {
            let is_on = KINDS.iter().any(|kind| kind.schemes.contains(&scheme));
            let error = Target::parse(&format!("{scheme}://host/name")).err();
            let said = error.map_or_else(String::new, |error| error.to_string());
            let remedy = format!("build it with `--features {feature}`");
            assert!(is_on || said.ends_with(&remedy), "{said}");
        }
    }

    #[test]
    #[cfg(feature = "parquet")]
    fn target_of_files_needs_a_buffer() {
        let check = |text, buffer| Target::parse(text).unwrap().check_buffer(buffer);
        check("parquet:flows", 1).unwrap();
        check("json:flows.json", 0).unwrap();
        let said = check("parquet:flows", 0).unwrap_err().to_string();
        assert!(
            said.starts_with("cannot export to `parquet:flows` without a buffer"),
            "{said}"
        );
    }

    #[test]
    #[cfg(feature = "prometheus")]
    fn linger_is_shorter_than_closing() {
        let target = Target::parse("prometheus://?linger=60").unwrap();
        target.check_closing(Duration::from_secs(61)).unwrap();
        let said = target.check_closing(Duration::from_mins(1)).unwrap_err();
        let said = said.to_string();
        assert!(
            said.starts_with("cannot wait 60s for a last scrape at `prometheus://127.0.0.1:9464`"),
            "{said}"
        );
        let others = Target::parse("prometheus://").unwrap();
        others.check_closing(Duration::ZERO).unwrap();
    }
}
