//! Runs an export, from opening the source to the final table.

use std::time::Duration;

use mermin_core::{
    FlowSourceBuilder, Handle,
    sink::{Batching, BoxSink, FlowSink, Meter},
};

use crate::{Result, close_on_signal, say, table, visible_lines};

/// A sink and its name in the final table.
pub struct Named {
    name: String,
    sink: BoxSink,
    meter: Option<Meter>,
}

impl Named {
    /// Creates it with the meter of `sink`, which must be the outermost.
    pub fn new(name: impl Into<String>, sink: impl FlowSink + 'static) -> Self {
        Self {
            name: name.into(),
            meter: sink.meter(),
            sink: BoxSink::new(sink),
        }
    }

    /// Its name and its meter.
    #[must_use]
    pub fn meter(&self) -> Option<(String, Meter)> {
        Some((self.name.clone(), self.meter.clone()?))
    }
}

/// Options of an export.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Time limit of closing. Default: 30 s.
    pub close_within: Duration,
    /// Batching for a sink without a buffer. Default: all waiting records.
    pub batching: Batching,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            close_within: Duration::from_secs(30),
            batching: Batching::default(),
        }
    }
}

impl Run {
    /// Exports to all sinks until the source ends or a signal arrives, then prints a table on standard error. Returns
    /// false if a record was dropped or is left. `opened` is called once the source is open.
    ///
    /// # Errors
    /// Those of opening the source and of installing signal handlers.
    pub async fn run(
        self,
        builder: FlowSourceBuilder,
        sinks: Vec<Named>,
        opened: impl FnOnce(&Handle),
    ) -> Result<bool> {
        let meters: Vec<_> = sinks.iter().filter_map(Named::meter).collect();
        let sinks: Vec<_> = sinks.into_iter().map(|named| named.sink).collect();
        let mut source = builder.open().await?;
        eprint!("{}", visible_lines(&source.report().to_string()));
        let handle = source.handle();
        opened(&handle);
        close_on_signal(handle)?;
        let outcome = source
            .run(sinks)
            .batch(self.batching)
            .close_within(self.close_within)
            .await;
        let rows: Vec<_> = meters
            .iter()
            .map(|(name, meter)| (name.as_str(), meter.stats()))
            .collect();
        eprint!("{}", table(&rows));
        if let Err(error) = outcome {
            say(&error);
            return Ok(false);
        }
        Ok(rows.iter().all(|(_, stats)| stats.dropped_in_all() == 0))
    }
}
