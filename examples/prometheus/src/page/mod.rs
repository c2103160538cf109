//! The page for scrapers.

mod drops;
mod family;
mod flows;
mod format;
mod ledger;
mod metric;
mod sinks;
mod source;
mod text;

use std::time::Instant;

use mermin_core::{Stats, sink::SinkStats};

pub use self::{format::Format, metric::Metric};
use crate::{
    count::{Snapshot, State},
    serve::Scrapes,
};

/// Everything on a page.
#[derive(Default)]
pub(crate) struct Facts {
    pub(crate) flows: Snapshot,
    pub(crate) source: Option<Stats>,
    pub(crate) sinks: Vec<(String, SinkStats)>,
    pub(crate) scrapes: Scrapes,
    pub(crate) metrics: Vec<Metric>,
}

impl Facts {
    pub(crate) fn page(&self, format: Format) -> String {
        let mut page = text::Text::new(format);
        flows::write(&self.flows, &mut page);
        if let Some(stats) = &self.source {
            source::write(stats, &mut page);
            ledger::write(stats, &mut page);
            drops::write(&stats.drops, &mut page);
        }
        sinks::write(&self.sinks, &mut page);
        sinks::write_own(self.scrapes, &mut page);
        metric::write(&self.metrics, &mut page);
        page.finish()
    }
}

impl State {
    /// Returns the page of these flows only, without statistics of a source.
    pub fn page(&mut self, now: Instant, format: Format) -> String {
        let mut facts = Facts::default();
        self.snapshot(now, &mut facts.flows);
        facts.page(format)
    }
}
