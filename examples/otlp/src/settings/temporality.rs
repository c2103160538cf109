//! The beginning of a sum.

/// The beginning of the sums of metrics (OpenTelemetry, metrics data model, Temporality).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Temporality {
    /// From when the exporter began. A point that is lost costs nothing: the next has all of it.
    #[default]
    Cumulative,
    /// From the point before. Nothing is kept of a series that got no flow. A point whose answer is lost is sent again as it was,
    /// with the same times, before any newer one.
    Delta,
}

impl Temporality {
    /// As `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE` names it, in capitals or not. `lowmemory` is delta for counters of
    /// events, and all sums here are such.
    pub(crate) fn by_word(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "cumulative" => Some(Self::Cumulative),
            "delta" | "lowmemory" => Some(Self::Delta),
            _ => None,
        }
    }

    /// `AggregationTemporality` of the protocol.
    pub(crate) const fn number(self) -> u64 {
        match self {
            Self::Delta => 1,
            Self::Cumulative => 2,
        }
    }
}
