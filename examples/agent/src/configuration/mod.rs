//! Decisions about a configuration file, without any action: what the agent will do, or why the file is refused.

mod cluster;
mod keys;
mod memory;
mod metadata;
mod plan;
mod receiver;

use std::{
    env,
    path::{Path, PathBuf},
};

use mermin_config::{Config, Diagnostic, Loaded};
use mermin_otlp::Resource;
use mermin_program::warnings;

pub(crate) use self::memory::{PODS, mebi};
pub use self::{
    cluster::ClusterPlan,
    memory::Memory,
    plan::{MetricsPlan, Plan},
    receiver::Receiver,
};

/// Facts about the host that a plan depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// The process runs in a pod of Kubernetes, which has its API server in `KUBERNETES_SERVICE_HOST`.
    pub in_pod: bool,
    /// The error in `OTEL_RESOURCE_ATTRIBUTES` or `OTEL_SERVICE_NAME`, if there is one.
    pub resource_error: Option<String>,
}

impl Host {
    /// Reads the environment of the process.
    #[must_use]
    pub fn here() -> Self {
        let resource = Resource::default().with_environment(|name| env::var(name).ok());
        Self {
            in_pod: env::var_os("KUBERNETES_SERVICE_HOST").is_some(),
            resource_error: resource.err().map(|error| error.to_string()),
        }
    }
}

/// A file whose keys all take effect.
#[derive(Debug)]
pub struct File {
    path: Option<PathBuf>,
    remarks: String,
    warnings: Vec<Diagnostic>,
    /// The agent's work by this file.
    pub plan: Plan,
}

/// All errors of a file. `Display` shows the faulty lines, which may have secrets: it is for a terminal.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The file cannot be read, or has errors.
    #[error(transparent)]
    Invalid(#[from] mermin_config::Error),
    /// The agent does not act on some keys.
    #[error("{}", .0.join("\n\n"))]
    Unusable(Vec<String>),
}

impl Refused {
    /// Returns all errors for logs and probes: positions, messages and remedies, without lines of the file.
    #[must_use]
    pub fn without_excerpts(&self) -> String {
        match self {
            Self::Invalid(error) => error.without_excerpts(),
            Self::Unusable(_) => self.to_string(),
        }
    }
}

impl File {
    /// Reads a file, or takes all defaults without one.
    ///
    /// # Errors
    /// An unreadable file, errors in it, and keys on which the agent does not act.
    pub fn read(path: Option<&Path>) -> Result<Self, Refused> {
        let loaded = match path {
            Some(path) => Config::from_path(path)?,
            None => "".parse()?,
        };
        Self::of(path, &loaded, &Host::here())
    }

    /// Decides about a file that was read.
    ///
    /// # Errors
    /// Keys on which the agent does not act.
    pub fn of(path: Option<&Path>, loaded: &Loaded, host: &Host) -> Result<Self, Refused> {
        let remarks = warnings(loaded);
        let name = path.map_or_else(
            || "configuration".to_owned(),
            |path| path.display().to_string(),
        );
        let plan = Plan::new(loaded, host).map_err(|problems| {
            let named = problems.into_iter().map(|it| format!("{name}: {it}"));
            Refused::Unusable(named.collect())
        })?;
        Ok(Self {
            path: path.map(Path::to_owned),
            remarks,
            warnings: loaded.warnings.clone(),
            plan,
        })
    }

    /// Returns the path, if there is a file.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns the name for messages.
    #[must_use]
    pub fn name(&self) -> String {
        self.path
            .as_ref()
            .map_or_else(|| "defaults".to_owned(), |path| path.display().to_string())
    }

    /// Returns the file as it is in effect after a reload: with the former plan's values of what takes a restart.
    pub(crate) fn after(self, former: &Plan) -> Self {
        Self {
            plan: former.with_changes(self.plan),
            ..self
        }
    }

    /// Returns warnings about keys without effect for logs: without lines of the file, which may have secrets.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.warnings
            .iter()
            .map(Diagnostic::without_excerpt)
            .collect()
    }

    /// Returns warnings about keys without effect for a terminal, each followed by an empty line.
    #[must_use]
    pub fn remarks(&self) -> &str {
        &self.remarks
    }
}
