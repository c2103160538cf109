//! Records from the table to a consumer.

use std::time::{Duration, Instant};

use futures::{StreamExt as _, executor::block_on};
use mermin_benches::{Options, Report, Result, Row, cpu, filled::filled, summary};
use mermin_core::{
    Flow,
    sink::{BoxError, FlowSink},
};

/// Flows from the table to the consumer in a round.
const FLOWS: u32 = 200_000;

/// Time of a round from the first record to the last, and CPU time of the consumer and of the rest of the process.
#[derive(Clone, Copy, Default)]
struct Took {
    clock: Duration,
    consumer: Duration,
    others: Duration,
}

/// Counts records, from its first batch to its last.
#[derive(Default)]
struct Counter {
    records: u64,
    packets: u64,
    began: Option<(Instant, Duration, Duration)>,
    took: Took,
}

impl Counter {
    fn count(&mut self, flows: &[Flow]) {
        let (began, own, all) = *self
            .began
            .get_or_insert_with(|| (Instant::now(), cpu::time(), cpu::process_time()));
        for flow in flows {
            self.packets += flow.forward.packets.delta + flow.reverse.packets.delta;
        }
        self.records += flows.len() as u64;
        let consumer = cpu::time().saturating_sub(own);
        self.took = Took {
            clock: began.elapsed(),
            consumer,
            others: cpu::process_time()
                .saturating_sub(all)
                .saturating_sub(consumer),
        };
    }
}

impl FlowSink for Counter {
    async fn export(&mut self, flows: &[Flow]) -> std::result::Result<(), BoxError> {
        self.count(flows);
        Ok(())
    }
}

/// Consumes records with a sink and with the stream. Each flow ends because the source is closed.
pub(crate) fn consume(options: Options, report: &mut Report) -> Result<()> {
    let mut rounds = [const { Vec::new() }; 2];
    for round in 0..=options.scaled(10) {
        for (way, rounds) in rounds.iter_mut().enumerate() {
            let mut source = filled(FLOWS)?;
            source.close();
            let mut counter = Counter::default();
            block_on(async {
                if way == 0 {
                    source.run(&mut counter).await?;
                } else {
                    let mut chunks = (&mut source).ready_chunks(4096);
                    while let Some(flows) = chunks.next().await {
                        let flows: std::result::Result<Vec<_>, _> = flows.into_iter().collect();
                        counter.count(&flows?);
                    }
                }
                Ok::<_, mermin_core::Error>(())
            })?;
            if counter.records != u64::from(FLOWS) || counter.packets != u64::from(FLOWS) {
                return Err(format!("{} records of {FLOWS}", counter.records).into());
            }
            if round != 0 {
                rounds.push(counter.took);
            }
        }
    }
    for (name, rounds) in ["table_to_sink", "table_to_stream"].into_iter().zip(rounds) {
        let median = |which: fn(&Took) -> Duration| {
            summary(
                rounds
                    .iter()
                    .map(|took| which(took).as_secs_f64())
                    .collect(),
            )
            .median
        };
        let of = |seconds: f64| f64::from(FLOWS) / seconds / 1e6;
        let clock = of(median(|took| took.clock));
        let row = Row::new(name)
            .with("m_records_s", clock)
            .with("ns_consumer", 1e3 / of(median(|took| took.consumer)))
            .with("ns_capture", 1e3 / of(median(|took| took.others)));
        report.row(&row.at_least("million records/s", clock, 1.0));
    }
    Ok(())
}
