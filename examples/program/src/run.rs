//! From opening the source to the final table.

use std::time::Duration;

use mermin_core::{
    FlowSourceBuilder, Handle,
    sink::{Backoff, Batching, BoxSink, FlowSink, Meter, Overflow, buffered, retry},
};

use crate::{Result, close_on_signal, say, table};

/// Flows that wait while a receiver is away.
const CAPACITY: usize = 65_536;

/// A sink and what its line in the final table is called.
pub struct Named {
    name: String,
    sink: BoxSink,
    meter: Option<Meter>,
}

impl Named {
    /// Its meter is that of `sink`, which is the outermost.
    pub fn new(name: impl Into<String>, sink: impl FlowSink + 'static) -> Self {
        Self {
            name: name.into(),
            meter: sink.meter(),
            sink: BoxSink::new(sink),
        }
    }

    /// With retries and a buffer for 65,536 records before the sink, which fills while a receiver is away and then blocks.
    pub fn buffered(name: impl Into<String>, sink: impl FlowSink + 'static) -> Self {
        let sink = retry(sink, Backoff::default());
        Self::new(name, buffered(sink, CAPACITY, Overflow::Block))
    }

    /// Its name and what can be read of how it goes.
    #[must_use]
    pub fn meter(&self) -> Option<(String, Meter)> {
        Some((self.name.clone(), self.meter.clone()?))
    }
}

/// How a source is exported.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// How long closing may take. Default: 30 s.
    pub close_within: Duration,
    /// How records are put together for a sink that has no buffer before it. Default: what waits.
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
    /// Exports to all sinks until the source ends or a signal comes, and ends with a table on standard error. False when a
    /// record was dropped or is left. `opened` is called once the source is open.
    ///
    /// # Errors
    /// Those of opening the source and of catching signals.
    pub async fn run(
        self,
        builder: FlowSourceBuilder,
        sinks: Vec<Named>,
        opened: impl FnOnce(&Handle),
    ) -> Result<bool> {
        let meters: Vec<_> = sinks.iter().filter_map(Named::meter).collect();
        let sinks: Vec<_> = sinks.into_iter().map(|named| named.sink).collect();
        let mut source = builder.open().await?;
        eprint!("{}", source.report());
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
