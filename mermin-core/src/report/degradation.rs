//! Something given up, in a form that a program can read and a person can act on.

use std::{borrow::Cow, fmt, sync::Arc};

/// A feature that is given up or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Feature {
    /// Attaching by TCX.
    Tcx,
    /// Watching an interface, or one direction of it.
    Interface,
    /// A pattern that matches no interface.
    Pattern,
    /// Staying at a hook.
    Hook,
    /// Standing before or behind a named program.
    TcxOrder,
    /// Seeing what an interface receives or sends.
    Traffic,
    /// Waiting for grace periods by membarrier(2).
    Membarrier,
    /// Outliving the process.
    Pinning,
    /// Going on where a former process stopped.
    Restart,
}

impl Feature {
    /// Its name in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcx => "tcx",
            Self::Interface => "interface",
            Self::Pattern => "pattern",
            Self::Hook => "hook",
            Self::TcxOrder => "tcx order",
            Self::Traffic => "traffic",
            Self::Membarrier => "membarrier",
            Self::Pinning => "pinning",
            Self::Restart => "restart",
        }
    }
}

/// One thing that is not as it could be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Degradation {
    /// The feature that is given up.
    pub feature: Feature,
    /// The interface concerned, if it is one alone.
    pub interface: Option<Arc<str>>,
    /// Why.
    pub cause: Cow<'static, str>,
    /// The substitute.
    pub instead: Cow<'static, str>,
    /// The cost of that.
    pub cost: Cow<'static, str>,
    /// The remedy.
    pub remedy: Cow<'static, str>,
}

impl Degradation {
    /// One that concerns no interface alone; set [`interface`](Self::interface) where it does. Each text is half a sentence, as
    /// in the example.
    ///
    /// ```
    /// use mermin_core::{Degradation, report::Feature};
    ///
    /// let degradation = Degradation::new(
    ///     Feature::Tcx,
    ///     "the kernel has no TCX",
    ///     "filters are used",
    ///     "they run behind the programs of others",
    ///     "use Linux 6.6",
    /// );
    /// assert_eq!(
    ///     degradation.to_string(),
    ///     "tcx: the kernel has no TCX; filters are used; they run behind the programs of others; to change that, use Linux 6.6"
    /// );
    /// ```
    #[must_use]
    pub fn new(
        feature: Feature,
        cause: impl Into<Cow<'static, str>>,
        instead: impl Into<Cow<'static, str>>,
        cost: impl Into<Cow<'static, str>>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            feature,
            interface: None,
            cause: cause.into(),
            instead: instead.into(),
            cost: cost.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Degradation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.feature.as_str())?;
        if let Some(interface) = &self.interface {
            write!(f, " on `{interface}`")?;
        }
        write!(
            f,
            ": {}; {}; {}; to change that, {}",
            self.cause, self.instead, self.cost, self.remedy
        )
    }
}
