//! Speed of storing flows in a topic, of a given broker (`-- HOST:PORT`) or of librdkafka's mock broker in this
//! process, whose CPU time is then included.

use std::{
    env,
    error::Error,
    time::{Duration, Instant},
};

use futures::executor::block_on;
use mermin_core::{
    Flow,
    sink::{FlowSink, testing::flows},
};
use mermin_kafka::{Compression, Exporter, Format, Settings};
use rdkafka::{mocking::MockCluster, producer::DefaultProducerContext};
use rustix::time::{ClockId, clock_gettime};

const FLOWS: u32 = 200_000;
const BATCH: usize = 4096;
const PARTITIONS: i32 = 3;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let all = flows(FLOWS);
    let named = env::args().skip(1).find(|argument| argument != "--bench");
    println!("{:<16} {:>12} {:>22}", "", "flows/s", "us CPU/flow, here");
    for _ in 0..3 {
        for format in [Format::Json, Format::Protobuf] {
            for compression in [Compression::Zstd, Compression::Lz4, Compression::None] {
                measure(format, compression, named.as_deref(), &all)?;
            }
        }
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn measure(
    format: Format,
    compression: Compression,
    named: Option<&str>,
    all: &[Flow],
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let own: MockCluster<'static, DefaultProducerContext>;
    let broker = if let Some(named) = named {
        named.to_owned()
    } else {
        own = MockCluster::new(1)?;
        own.create_topic("flows", PARTITIONS, 1)?;
        own.bootstrap_servers()
    };
    let settings = Settings::new([broker], "flows")
        .format(format)
        .compression(compression);
    let mut sink = Exporter::new(&settings)?;
    block_on(sink.export(&all[..1]))?;
    let (began, spent) = (Instant::now(), processor_time());
    for batch in all[1..].chunks(BATCH) {
        block_on(sink.export(batch))?;
    }
    let (took, spent) = (began.elapsed(), processor_time().saturating_sub(spent));
    println!(
        "{:<16} {:>12.0} {:>22.1}",
        format!("{format:?}, {compression:?}"),
        all.len() as f64 / took.as_secs_f64(),
        spent.as_secs_f64() * 1e6 / all.len() as f64,
    );
    Ok(())
}

/// Returns the CPU time of all threads of this process.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}
