//! Settings of the exporter.

use std::time::Duration;

use crate::count::Label;

/// Which series there are, and how long anything may take.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "give it to an exporter"]
pub struct Settings {
    pub(crate) labels: Vec<Label>,
    pub(crate) series: usize,
    pub(crate) pairs: usize,
    pub(crate) ttl: Duration,
    pub(crate) exemplars: bool,
    pub(crate) patience: Duration,
    pub(crate) connections: usize,
    pub(crate) linger: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            labels: vec![Label::Interface, Label::Transport],
            series: 1000,
            pairs: 20,
            ttl: Duration::from_mins(5),
            exemplars: true,
            patience: Duration::from_secs(10),
            connections: 16,
            linger: Duration::ZERO,
        }
    }
}

impl Settings {
    /// Labels that flows are summed by. Default: interface and transport. A label that is named twice counts once.
    pub fn labels(mut self, labels: impl IntoIterator<Item = Label>) -> Self {
        self.labels.clear();
        for label in labels {
            if !self.labels.contains(&label) {
                self.labels.push(label);
            }
        }
        self
    }

    /// Sets of label values at most, besides the one that is called `other`. Default: 1000. Each is 8 time series.
    pub fn series(mut self, series: usize) -> Self {
        self.series = series;
        self
    }

    /// Pairs of addresses with a series of their own, those with most traffic. Default: 20; with 0 there are none.
    pub fn pairs(mut self, pairs: usize) -> Self {
        self.pairs = pairs;
        self
    }

    /// How long a series stays to which nothing is added. Default: 5 min. At least 1 s.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl.max(Duration::from_secs(1));
        self
    }

    /// True if a series names one of its flows, by flow id and Community ID, for who asks for `OpenMetrics`. Default: yes.
    pub fn exemplars(mut self, exemplars: bool) -> Self {
        self.exemplars = exemplars;
        self
    }

    /// How long a scraper may take from connecting to having the last octet. Default: 10 s, Prometheus' own limit.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience.max(Duration::from_millis(1));
        self
    }

    /// Scrapers at a time. Default: 16. One more is refused.
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// How long closing waits for a scraper to get the last counts. Default: not at all.
    pub fn linger(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }
}
