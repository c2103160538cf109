//! Temporality of sums.

/// Temporality of the sums of metrics (OpenTelemetry, metrics data model, Temporality).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Temporality {
    /// Since the start of the exporter. A lost point does no harm, because the next one includes it.
    #[default]
    Cumulative,
    /// Since the previous point. A series without new flows takes no memory. A point without a response is sent again
    /// unchanged, with the same times, before any newer one.
    Delta,
}

impl Temporality {
    /// Parses `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`, in any case. `lowmemory` means delta for counters
    /// of events, which all sums here are.
    pub(crate) fn by_word(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "cumulative" => Some(Self::Cumulative),
            "delta" | "lowmemory" => Some(Self::Delta),
            _ => None,
        }
    }

    /// Returns `AggregationTemporality` of the protocol.
    pub(crate) const fn number(self) -> u64 {
        match self {
            Self::Delta => 1,
            Self::Cumulative => 2,
        }
    }
}
