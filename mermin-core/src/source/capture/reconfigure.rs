//! Changes the options of a running source.

use futures_channel::oneshot;

use super::{
    clock::SourceClock,
    exporter::{Exporter, record::RecordContext},
    interfaces::InterfaceSet,
    slots::SlotTable,
};
use crate::{
    error::Error,
    source::{
        control::Request,
        options::Options,
        reconfigure::{Reconfigured, Setting, adopt, compare},
    },
};

/// The parts that options change.
pub(super) struct PartsToChange<'a> {
    pub(super) interfaces: &'a mut InterfaceSet,
    pub(super) exporter: &'a mut Exporter,
    pub(super) slots: &'a mut SlotTable,
    pub(super) clock: &'a mut SourceClock,
}

/// The current options, and a change whose steps with interfaces are in progress.
pub(super) struct Reconfiguration {
    options: Options,
    pending: Option<(oneshot::Sender<Result<Reconfigured, Error>>, Reconfigured)>,
}

impl Reconfiguration {
    pub(super) fn new(options: Options) -> Self {
        Self {
            options,
            pending: None,
        }
    }

    /// Returns the current options.
    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    /// Returns true if a change is in progress. The next one waits.
    pub(super) fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Begins a change, or answers with an error.
    pub(super) fn begin(&mut self, request: Request, mut parts: PartsToChange<'_>) {
        match self.apply(&request, &mut parts) {
            Ok(changed) => {
                adopt(&mut self.options, request.options);
                self.pending = Some((request.answer, changed));
            }
            // The caller may have dropped its future.
            Err(error) => _ = request.answer.send(Err(error)),
        }
    }

    /// Replies when every selected interface was tried and no other one is watched.
    pub(super) fn finish(&mut self) {
        if let Some((answer, changed)) = self.pending.take() {
            let _ = answer.send(Ok(changed));
        }
    }

    /// Applies the whole change or, if it returns an error, nothing.
    fn apply(
        &self,
        request: &Request,
        parts: &mut PartsToChange<'_>,
    ) -> Result<Reconfigured, Error> {
        let wanted = &request.options;
        let changed = compare(&self.options, wanted);
        let differs = |setting| changed.applied.contains(&setting);
        let selection = if differs(Setting::Interfaces) {
            let selector = request.selector.clone();
            Some(
                parts
                    .interfaces
                    .check_another(selector, !wanted.no_hot_plug)?,
            )
        } else {
            None
        };
        if differs(Setting::Filter) {
            let records = RecordContext::new(parts.clock, parts.interfaces.names());
            let filter = wanted.filter.clone();
            parts
                .exporter
                .replace_filter(parts.slots, &records, filter)?;
        }
        if let Some(selection) = selection {
            parts.interfaces.select(selection);
        }
        if differs(Setting::Timeouts) {
            // A flow may be due earlier than before.
            parts.slots.look_at_all();
        }
        Ok(changed)
    }
}
