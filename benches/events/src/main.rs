//! Runs one piece of work of the library, with or without the feature `tracing` and a subscriber:
//! `mermin-bench-events WORK FILE [subscribed]`. Prints milliseconds of wall-clock and CPU time, and the number of
//! events.

#[cfg(feature = "tracing")]
mod subscriber;

use std::{process::ExitCode, time::Instant};

use futures::{StreamExt as _, executor::block_on};
use mermin_benches::{Result, cpu, filled::filled, milliseconds, testbed::run};
use mermin_core::{FlowSource, lab::enter_new_namespace};

/// Interfaces of the source.
const INTERFACES: u32 = 8;
/// Flows that go from the table to the consumer.
const FLOWS: u32 = 50_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        [work, file] => measure(work, file),
        [work, file, "subscribed"] => {
            subscribe();
            measure(work, file)
        }
        _ => Err("type a work, a file, and perhaps `subscribed`".into()),
    };
    match done {
        Ok([clock, busy]) => {
            println!("{clock} {busy} {}", events());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn subscribe() {
    #[cfg(feature = "tracing")]
    subscriber::install();
}

fn events() -> u64 {
    #[cfg(feature = "tracing")]
    return subscriber::events();
    #[cfg(not(feature = "tracing"))]
    0
}

fn measure(work: &str, file: &str) -> Result<[f64; 2]> {
    match work {
        "offline" => timed(|| block_on(drain(FlowSource::builder().pcap(file).open()))),
        "open" => {
            enter_new_namespace()?;
            for number in 0..INTERFACES {
                run(&format!(
                    "ip link add d{number} up type veth peer name e{number}"
                ))?;
            }
            let builder = FlowSource::builder().interfaces(["d*"]).max_flows(1024);
            timed(|| block_on(async { Ok(builder.open().await?.shutdown().await?) }))
        }
        "capture" => {
            enter_new_namespace()?;
            run("ip link set lo up")?;
            let mut source = filled(FLOWS)?;
            source.close();
            timed(|| block_on(drain(async { Ok(source) })))
        }
        _ => Err(format!("cannot do `{work}`: it is offline, open or capture").into()),
    }
}

/// Takes every record.
async fn drain(
    open: impl Future<Output = std::result::Result<FlowSource, mermin_core::Error>>,
) -> Result<()> {
    let mut source = open.await?;
    while let Some(flow) = source.next().await {
        flow?;
    }
    Ok(())
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<[f64; 2]> {
    let (began, busy) = (Instant::now(), cpu::process_time());
    work()?;
    let busy = cpu::process_time().saturating_sub(busy);
    Ok([began.elapsed(), busy].map(milliseconds))
}
