//! Writes both text formats: [0.0.4](https://prometheus.io/docs/instrumenting/exposition_formats/) and `OpenMetrics`
//! 1.0.0. No crate writes both, with exemplars and exact 64-bit numbers, from existing counts.

use std::{fmt::Write as _, time::UNIX_EPOCH};

use super::{
    Format,
    family::{Escaped, Family, Kind, Labels, Number, Sample},
};
use crate::count::Exemplar;

pub(super) struct Text {
    format: Format,
    text: String,
}

impl Text {
    pub(super) fn new(format: Format) -> Self {
        Self {
            format,
            text: String::new(),
        }
    }

    /// Begins a family. All of its samples follow before the next family.
    pub(super) fn family(&mut self, family: Family) -> Samples<'_> {
        let Family { name, kind, help } = family;
        let open = self.format == Format::OpenMetrics;
        let (kind, total) = match kind {
            Kind::Counter => ("counter", "_total"),
            Kind::Gauge => ("gauge", ""),
        };
        // In the older format, the metric has the name of its samples.
        let suffix = if open { "" } else { total };
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "# TYPE {name}{suffix} {kind}");
        if let Some(unit) = family.unit().filter(|_| open) {
            let _ = writeln!(self.text, "# UNIT {name} {unit}");
        }
        let _ = write!(self.text, "# HELP {name}{suffix} ");
        let _ = Escaped(&mut self.text).write_str(help);
        self.text.push('\n');
        Samples {
            page: self,
            name,
            total,
        }
    }

    pub(super) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

/// Writes the samples of a family.
pub(super) struct Samples<'a> {
    page: &'a mut Text,
    name: &'static str,
    total: &'static str,
}

impl Samples<'_> {
    /// Writes a sample that has only labels and a value.
    pub(super) fn value(&mut self, labels: &Labels, value: Number) -> &mut Self {
        self.put(&Sample {
            labels,
            more: None,
            value,
            exemplar: None,
        })
    }

    pub(super) fn put(&mut self, sample: &Sample<'_>) -> &mut Self {
        let text = &mut self.page.text;
        let labels = sample.labels.as_str();
        text.push_str(self.name);
        text.push_str(self.total);
        if !labels.is_empty() || sample.more.is_some() {
            text.push('{');
            text.push_str(labels);
            if let Some((name, value)) = sample.more {
                let comma = if labels.is_empty() { "" } else { "," };
                let _ = write!(text, "{comma}{name}=\"{value}\"");
            }
            text.push('}');
        }
        let _ = write!(text, " {}", sample.value);
        if let Some(exemplar) = sample
            .exemplar
            .filter(|_| self.page.format == Format::OpenMetrics)
        {
            write_exemplar(text, exemplar);
        }
        text.push('\n');
        self
    }
}

/// Writes an exemplar. Its labels stay below the 128 characters that the specification allows.
fn write_exemplar(text: &mut String, exemplar: &Exemplar) {
    let _ = write!(
        text,
        " # {{flow_id=\"{}\",flow_community_id=\"{}\"}} {}",
        exemplar.flow, exemplar.community, exemplar.forward_octets
    );
    // A capture may have times before 1970, or none.
    if let Ok(time) = exemplar.at.duration_since(UNIX_EPOCH)
        && !time.is_zero()
    {
        let _ = write!(text, " {}.{:03}", time.as_secs(), time.subsec_millis());
    }
}
