//! Settings of the exporter.

use std::time::Duration;

use crate::count::Label;

/// Options of series and of scrapes.
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
    /// Sets the labels of series. Default: interface and transport. Of labels with the same name, the first stays.
    pub fn labels(mut self, labels: impl IntoIterator<Item = Label>) -> Self {
        self.labels.clear();
        for label in labels {
            if !self.labels.iter().any(|known| known.name() == label.name()) {
                self.labels.push(label);
            }
        }
        self
    }

    /// Sets the largest number of label combinations, besides `other`. Default: 1000. Each has 8 time
    /// series, and 10 once a packet of a flow was dropped.
    pub fn series(mut self, series: usize) -> Self {
        self.series = series;
        self
    }

    /// Sets the number of pairs of addresses with a series of their own, those with most traffic. Default: 20; 0
    /// means none.
    pub fn pairs(mut self, pairs: usize) -> Self {
        self.pairs = pairs;
        self
    }

    /// Sets how long an idle series stays. Default: 5 min. At least 1 s.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl.max(Duration::from_secs(1));
        self
    }

    /// Sets if a series has one of its flows as an exemplar, with flow id and Community ID, in `OpenMetrics`.
    /// Default: yes.
    pub fn exemplars(mut self, exemplars: bool) -> Self {
        self.exemplars = exemplars;
        self
    }

    /// Sets the time limit of a connection, until the last octet is sent. Default: 10 s, Prometheus' own limit.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience.max(Duration::from_millis(1));
        self
    }

    /// Sets the largest number of concurrent scrapers. Default: 16. Further ones are refused.
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// Sets how long closing waits for a scraper to get the last counts. Default: zero.
    pub fn linger(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }
}
