//! Where flows go. A kind of target is a file here, a row in [`KINDS`], and a feature of the package.

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

use std::sync::{Arc, atomic::AtomicU64};

use mermin_core::{
    Handle,
    sink::{Batching, BoxSink, FlowSink, Meter},
};

use mermin_program::without_user;

use crate::Result;

/// A kind of target.
pub(crate) struct Kind {
    /// Before the first `:` of a target, each.
    pub(crate) schemes: &'static [&'static str],
    /// For `--help`: a line for each form, the form and what it is.
    pub(crate) usage: &'static [(&'static str, &'static str)],
    /// Understands a target, and starts nothing yet.
    pub(crate) parse: fn(&str) -> Result<Target>,
}

/// The kinds this was built with.
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

/// Schemes whose features are off by default, and the features.
const OFF: [(&str, &str); 2] = [("kafka", "kafka"), ("s3", "s3")];

/// A target that was understood.
pub(crate) struct Target {
    /// As its line in the final table is called: without secrets.
    pub(crate) name: String,
    /// Starts what exports to it.
    pub(crate) start: Box<dyn FnOnce() -> Result<Started>>,
}

impl Target {
    pub(crate) fn new(
        name: impl Into<String>,
        start: impl FnOnce() -> Result<Started> + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            start: Box::new(start),
        }
    }

    /// # Errors
    /// No kind has its scheme, or its kind does not understand it.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let scheme = text.split(':').next().unwrap_or(text);
        let mut kinds = KINDS.iter();
        let Some(kind) = kinds.find(|kind| kind.schemes.contains(&scheme)) else {
            let shown = without_user(text);
            if let Some((_, feature)) = OFF.iter().find(|(known, _)| *known == scheme) {
                return Err(format!(
                    "cannot export to `{shown}`: this program was built without it: type `cargo build --release -p mermin-export \
                     --features {feature}`"
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

/// A started exporter, and its interest in the others.
pub(crate) struct Started {
    pub(crate) sink: BoxSink,
    /// How it wants records.
    pub(crate) batching: Batching,
    /// Called when the source is open, with the meters of all targets by name.
    pub(crate) opened: Option<Opened>,
    /// How many records it may have twice, and what helps.
    pub(crate) doubled: Option<(Arc<AtomicU64>, &'static str)>,
}

pub(crate) type Opened = Box<dyn FnOnce(&Handle, &[(String, Meter)])>;

impl Started {
    pub(crate) fn new(sink: impl FlowSink + 'static) -> Self {
        Self {
            sink: BoxSink::new(sink),
            batching: Batching::default(),
            opened: None,
            doubled: None,
        }
    }

    /// Calls this when the source is open.
    #[cfg(feature = "prometheus")]
    pub(crate) fn opened(
        mut self,
        call: impl FnOnce(&Handle, &[(String, Meter)]) + 'static,
    ) -> Self {
        self.opened = Some(Box::new(call));
        self
    }

    /// Counts here what it may have twice.
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

/// The forms of all targets, for `--help`.
pub(crate) fn usage() -> String {
    let lines = KINDS.iter().flat_map(|kind| kind.usage);
    lines.fold(String::new(), |text, (form, what)| {
        text + &format!("  {form:<26} {what}\n")
    })
}
