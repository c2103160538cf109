//! Chooses the text format for a scraper.

/// A format of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Prometheus' text format 0.0.4.
    Text,
    /// `OpenMetrics` 1.0.0, which has exemplars and units.
    OpenMetrics,
}

impl Format {
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// Chooses a format by an `Accept` header (RFC 9110 section 12.5.1): `OpenMetrics` if its quality is at least
    /// that of text. Protobuf, which Prometheus lists first for native histograms, is not supported.
    pub(crate) fn wanted(accept: &str) -> Self {
        let weight = |kind: &str| {
            let ranges = accept.split(',').filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                if !parts.next()?.eq_ignore_ascii_case(kind) {
                    return None;
                }
                let mut weight = 1.0_f32;
                for parameter in parts {
                    match parameter.split_once('=') {
                        Some(("q", q)) => weight = q.parse().unwrap_or(0.0),
                        // Other versions of OpenMetrics than 1.0.0 differ.
                        Some(("version", version))
                            if kind == OPEN_METRICS && version.trim_matches('"') != "1.0.0" =>
                        {
                            return None;
                        }
                        _ => {}
                    }
                }
                Some(weight)
            });
            ranges.fold(0.0, f32::max)
        };
        let open = weight(OPEN_METRICS);
        if open > 0.0 && open >= weight("text/plain") {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }
}

const OPEN_METRICS: &str = "application/openmetrics-text";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openmetrics_is_negotiated() {
        for (accept, expected) in [
            ("", Format::Text),
            ("*/*", Format::Text),
            ("text/plain", Format::Text),
            ("application/openmetrics-text", Format::OpenMetrics),
            // Prometheus 2.42.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Format::OpenMetrics,
            ),
            // Prometheus 2.42 with native histograms.
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,\
                 application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5",
                Format::OpenMetrics,
            ),
            ("application/openmetrics-text; version=0.0.1", Format::Text),
            ("application/openmetrics-text;q=0, text/plain", Format::Text),
            (
                "application/openmetrics-text;q=0.4, text/plain;q=0.5",
                Format::Text,
            ),
            ("application/openmetrics-text;q=x", Format::Text),
        ] {
            assert_eq!(Format::wanted(accept), expected, "{accept}");
        }
    }
}
