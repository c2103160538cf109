//! Metrics of the program around the exporter.

use std::fmt;

use super::{
    family::{Family, Labels, Number, counter, gauge},
    text::Text,
};

/// A metric of the program around the exporter, and its samples. [`Watch::metrics`](crate::Watch::metrics) adds it to the page.
///
/// ```
/// use mermin_prometheus::Metric;
///
/// let reloads = Metric::counter("mermin_agent_reloads", "Reloads of the configuration, by outcome")
///     .sample([("outcome", "applied")], 3)
///     .sample([("outcome", "refused")], 0);
/// # let _ = reloads;
/// ```
#[derive(Clone, Debug)]
#[must_use = "give it to the page"]
pub struct Metric {
    family: Family,
    samples: Vec<(Labels, u64)>,
}

impl Metric {
    /// Creates a metric that decreases only when the program restarts. `name` is without `_total`; `help` is one sentence.
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        Self::new(counter(name, help))
    }

    /// Creates a metric that may decrease.
    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self::new(gauge(name, help))
    }

    const fn new(family: Family) -> Self {
        Self {
            family,
            samples: Vec::new(),
        }
    }

    /// Adds a sample. Its labels must differ from those of all other samples; labels without a value are left out.
    pub fn sample<V: fmt::Display>(
        mut self,
        labels: impl IntoIterator<Item = (&'static str, V)>,
        value: u64,
    ) -> Self {
        let labels = labels
            .into_iter()
            .fold(Labels::default(), |labels, (name, value)| {
                labels.with(name, value)
            });
        self.samples.push((labels, value));
        self
    }
}

pub(super) fn write(metrics: &[Metric], page: &mut Text) {
    for metric in metrics.iter().filter(|metric| !metric.samples.is_empty()) {
        let mut samples = page.family(metric.family);
        for (labels, value) in &metric.samples {
            samples.value(labels, Number::Whole(*value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::{Facts, Format};

    #[test]
    fn program_metrics_are_on_the_page_in_both_formats() {
        let metric = Metric::counter("a_reloads", "Reloads")
            .sample([("outcome", "applied")], 3)
            .sample([("outcome", "re\"fused")], 0);
        let facts = Facts {
            metrics: vec![metric, Metric::gauge("empty", "Has no samples")],
            ..Facts::default()
        };
        let text = facts.page(Format::Text);
        let wanted = "# TYPE a_reloads_total counter\n# HELP a_reloads_total Reloads\n\
                      a_reloads_total{outcome=\"applied\"} 3\na_reloads_total{outcome=\"re\\\"fused\"} 0\n";
        assert!(text.contains(wanted), "{text}");
        assert!(!text.contains("empty"), "{text}");
        let open = facts.page(Format::OpenMetrics);
        assert!(open.contains("# TYPE a_reloads counter\n"), "{open}");
        assert!(open.ends_with("# EOF\n"), "{open}");
    }
}
