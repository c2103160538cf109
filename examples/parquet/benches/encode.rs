//! Speed of encoding flows as files, on one core, and the size of the files.

use std::{env, hint::black_box, time::Duration};

use futures::{StreamExt as _, executor::block_on};
use mermin_core::{Flow, FlowSource, sink::testing::flows};
use mermin_parquet::{Codec, Encoder, Settings};
use rustix::time::{ClockId, clock_gettime};

const ROWS: usize = 65_536;
const ROUNDS: usize = 11;

/// Measures the cost of each column, with files that have only that column.
const BY_COLUMN: &str = "--by-column";

fn main() {
    println!(
        "{:<36} {:>10} {:>14} {:>12}",
        "", "rows", "rows/s", "octets/row"
    );
    let made = flows(u32::try_from(ROWS).unwrap_or(u32::MAX));
    each_codec("made", &made);
    let by_column = env::args_os().any(|argument| argument == BY_COLUMN);
    if by_column {
        each_column(&made);
    }
    // Flows of the given captures, in one file.
    let captured: Vec<Flow> = env::args_os()
        .skip(1)
        .filter(|argument| argument != "--bench" && argument != BY_COLUMN)
        .flat_map(|path| {
            let open = FlowSource::builder().pcap(&path).open();
            let source =
                block_on(open).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            block_on(
                source
                    .filter_map(async |flow| flow.ok())
                    .collect::<Vec<_>>(),
            )
        })
        .collect();
    if !captured.is_empty() {
        each_codec("captured", &captured);
        if by_column {
            each_column(&captured);
        }
    }
}

fn each_column(flows: &[Flow]) {
    let columns = mermin_parquet::columns(&all_columns(Settings::default()));
    let names = || columns.iter().map(|column| column.name().to_owned());
    for name in names() {
        let alone =
            all_columns(Settings::default()).without(names().filter(|other| *other != name));
        measure(&name, &alone, flows);
    }
}

fn all_columns(settings: Settings) -> Settings {
    settings.with(["flow.community_id"])
}

fn each_codec(name: &str, flows: &[Flow]) {
    let mut codecs = vec![Codec::Lz4];
    if Codec::default() != Codec::Lz4 {
        codecs.push(Codec::default());
    }
    for codec in codecs {
        let settings = Settings::default().codec(codec);
        measure(&format!("{name}, {codec:?}"), &settings, flows);
        measure(
            &format!("{name}, {codec:?}, Community ID"),
            &all_columns(settings),
            flows,
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn measure(name: &str, settings: &Settings, flows: &[Flow]) {
    let Ok(mut encoder) = Encoder::new(settings.clone()) else {
        return;
    };
    let mut octets = 0;
    let mut rounds: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let began = cpu_time();
            if let Ok(file) = encoder.encode(black_box(flows)) {
                octets = black_box(file.octets).len();
            }
            cpu_time().saturating_sub(began)
        })
        .collect();
    rounds.sort_unstable();
    let seconds = rounds[ROUNDS / 2].as_secs_f64();
    println!(
        "{name:<36} {:>10} {:>14.0} {:>12.1}",
        flows.len(),
        flows.len() as f64 / seconds,
        octets as f64 / flows.len() as f64
    );
}

/// Returns the CPU time of this thread. Other programs are no part of it.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}
