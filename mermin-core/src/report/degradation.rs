//! A degradation, as data for programs and as text for people.

use std::{borrow::Cow, fmt, sync::Arc};

/// A feature that can be replaced by a fallback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Feature {
    /// Attaching by TCX.
    Tcx,
    /// Watching an interface, or one of its directions.
    Interface,
    /// Finding an interface for each pattern.
    Pattern,
    /// Staying attached at a hook.
    Hook,
    /// Running before or after a named program.
    TcxOrder,
    /// Seeing the packets that an interface receives or sends.
    Traffic,
    /// Waiting for grace periods by membarrier(2).
    Membarrier,
    /// Keeping state when the process ends.
    Pinning,
    /// Resuming flows of an earlier process.
    Restart,
    /// Finding the processes at both endpoints of flows.
    Process,
    /// Deciding the direction of a flow by listening ports.
    ListeningPorts,
    /// Finding the other side of translated flows.
    Nat,
    /// Analysing TCP.
    TcpAnalysis,
    /// Reading the kernel's values of TCP sockets.
    TcpSockets,
    /// Counting packets that the kernel drops.
    Drops,
    /// Reading names from payloads.
    Names,
    /// Keeping every flow, where the source may sample flows.
    Sampling,
}

impl Feature {
    /// Returns its name in reports.
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
            Self::Process => "process",
            Self::ListeningPorts => "listening ports",
            Self::Nat => "nat",
            Self::TcpAnalysis => "tcp analysis",
            Self::TcpSockets => "tcp sockets",
            Self::Drops => "drops",
            Self::Names => "names",
            Self::Sampling => "sampling",
        }
    }
}

/// A feature that was replaced by a fallback.
///
/// ```
/// use mermin_core::{Degradation, report::Feature};
///
/// /// True if the fallback misses packets.
/// fn misses_packets(degradation: &Degradation) -> bool {
///     matches!(degradation.feature, Feature::Interface | Feature::Hook)
/// }
/// # let it = |feature| Degradation::new(feature, "", "", "", "");
/// # assert!(misses_packets(&it(Feature::Hook)) && !misses_packets(&it(Feature::Tcx)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Degradation {
    /// The feature that was replaced.
    pub feature: Feature,
    /// The interface, if the degradation concerns only one.
    pub interface: Option<Arc<str>>,
    /// The cause.
    pub cause: Cow<'static, str>,
    /// The fallback.
    pub fallback: Cow<'static, str>,
    /// The effect of the fallback on the flows.
    pub impact: Cow<'static, str>,
    /// The remedy.
    pub remedy: Cow<'static, str>,
}

impl Degradation {
    /// Creates a degradation of the whole source. Set [`interface`](Self::interface) if it concerns only one. Each
    /// text is a clause, as in the example.
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
        fallback: impl Into<Cow<'static, str>>,
        impact: impl Into<Cow<'static, str>>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            feature,
            interface: None,
            cause: cause.into(),
            fallback: fallback.into(),
            impact: impact.into(),
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
            self.cause, self.fallback, self.impact, self.remedy
        )
    }
}
