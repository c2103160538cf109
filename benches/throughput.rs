//! Packets per second through a real interface, with and without capture. It also checks that all packets are
//! counted.

use std::{
    process::ExitCode,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use futures::{StreamExt, executor::block_on};
use mermin_benches::{
    Options, Report, Result, Row, Summary, bounds,
    bulk::Bulk,
    competitors::{Competitor, Kind},
    cpu,
    frames::udp4,
    summary,
    testbed::{Testbed, run},
};
use mermin_core::{
    FlowSource, FlowSourceBuilder, Handle,
    lab::{Floor, Generator, Least, Order},
};

const FLOWS: u32 = 60_000;
/// Capacity of the flow table.
const ROOM: u32 = 1 << 17;
const FLOORS: [(&str, Floor); 3] = [
    ("frames_floor_nothing", Floor::Nothing),
    ("frames_floor_line", Floor::Line),
    ("frames_floor_hash", Floor::Hash),
];
const PEERS: [Kind; 2] = [Kind::Softflowd, Kind::Pmacctd];
/// Time after a change until TCP is at full speed again.
const SETTLED: Duration = Duration::from_millis(100);
/// Duration of one measurement of the rate.
const WINDOW: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    mermin_benches::main("throughput", |options, report| {
        let cpus = cpu::allowed()?;
        let (engine, sender) = (*cpus.first().unwrap_or(&0), *cpus.last().unwrap_or(&0));
        let testbed = Testbed::new("iperf3 --server", engine)?;
        frames(options, report, &testbed, engine, sender)?;
        iperf(options, report, engine, sender)
    })
}

fn watching(interface: &str) -> FlowSourceBuilder {
    FlowSource::builder()
        .interfaces([interface])
        .max_flows(ROOM)
}

/// A source at `v0`, and the thread that takes its flows.
struct Capture {
    handle: Handle,
    taken: JoinHandle<std::result::Result<u64, mermin_core::Error>>,
}

impl Capture {
    /// Opens the source. Its threads stay on one CPU.
    fn open(engine: usize) -> Result<Self> {
        cpu::pin(engine)?;
        let mut source = block_on(watching("v0").open())?;
        let handle = source.handle();
        let taken = thread::spawn(move || {
            let mut packets = 0;
            block_on(async {
                while let Some(flow) = source.next().await {
                    let flow = flow?;
                    packets += flow.forward.packets.delta + flow.reverse.packets.delta;
                }
                Ok(packets)
            })
        });
        Ok(Self { handle, taken })
    }

    /// Closes it, and checks that flows and reasons add up to all packets. Returns the packets of the ledger, and
    /// those in no record.
    fn close(self) -> Result<[u64; 2]> {
        self.handle.close();
        let flows = self.taken.join().map_err(|_| "the consumer panicked")??;
        let stats = self.handle.stats();
        let ignored: u64 = stats.ignored().iter().map(|of| of.packets).sum();
        if flows + ignored != stats.packets {
            return Err(format!(
                "{} packets crossed, {flows} are in flows and {ignored} have a reason",
                stats.packets
            )
            .into());
        }
        Ok([stats.packets, ignored])
    }
}

/// Sends XDP live frames into the ingress hook.
fn frames(
    options: Options,
    report: &mut Report,
    testbed: &Testbed,
    engine: usize,
    sender: usize,
) -> Result<()> {
    run("ethtool -K v0 gro on")?;
    let generator = Generator::new(Order::Random, FLOWS)?;
    let count = options.scaled(4_000_000);
    let warm = count / 10;
    // Wall-clock time, and the CPU time of the receiving CPU, which excludes other work of this machine.
    let send = || -> Result<[f64; 2]> {
        cpu::pin(sender)?;
        generator.send(testbed.near, &udp4(0), warm)?;
        let (began, busy) = (Instant::now(), cpu::time());
        generator.send(testbed.near, &udp4(0), count)?;
        let times = [began.elapsed(), cpu::time().saturating_sub(busy)];
        Ok(times.map(|time| f64::from(count) / time.as_secs_f64() / 1e6))
    };
    let mut bare = Vec::new();
    let mut captured = Vec::new();
    let mut floors = [const { Vec::new() }; FLOORS.len()];
    for _ in 0..options.scaled(10) {
        bare.push(send()?);
        for ((_, floor), rounds) in FLOORS.iter().zip(&mut floors) {
            let least = Least::new(*floor, ROOM)?;
            let hooked = least.attach(testbed.near)?;
            rounds.push(send()?);
            drop(hooked);
        }
        let capture = Capture::open(engine)?;
        captured.push(send()?);
        let [packets, ignored] = capture.close()?;
        if [packets, ignored] != [u64::from(count + warm), 0] {
            return Err(format!(
                "{} frames were sent, the ledger has {packets}, {ignored} of them in no record",
                count + warm
            )
            .into());
        }
    }
    let bare = rates(bare);
    report.row(&rate("frames_bare", &bare, &bare));
    for ((name, _), rounds) in FLOORS.iter().zip(floors) {
        report.row(&rate(name, &rates(rounds), &bare));
    }
    let captured = rates(captured);
    let percent = captured[1].median / bare[1].median * 100.0;
    report.row(
        &rate("frames_captured", &captured, &bare)
            .at_least("% of bare by CPU", percent, 75.0)
            .note("every frame is in the ledger and in a flow"),
    );
    for kind in PEERS {
        cpu::pin(engine)?;
        let competitor = match Competitor::start(kind) {
            Ok(competitor) => competitor,
            Err(error) => {
                report.row(&Row::new(format!("frames_{}", kind.name())).note(error.to_string()));
                continue;
            }
        };
        let before = competitor.counted()?;
        let mut found = Vec::new();
        for _ in 0..options.scaled(10) {
            found.push(send()?);
        }
        thread::sleep(Duration::from_secs(1));
        let dropped = dropped(&competitor, before)?;
        report.row(&rate(&format!("frames_{}", kind.name()), &rates(found), &bare).note(dropped));
    }
    run("ethtool -K v0 gro off").map(drop)
}

/// Returns the summaries of wall-clock and CPU time.
fn rates(rounds: Vec<[f64; 2]>) -> [Summary; 2] {
    let (clock, busy) = rounds
        .into_iter()
        .map(|[clock, busy]| (clock, busy))
        .unzip();
    [summary(clock), summary(busy)]
}

fn rate(name: &str, found: &[Summary; 2], bare: &[Summary; 2]) -> Row {
    let [clock, busy] = found;
    Row::new(name)
        .with("mpps", clock.median)
        .with("mpps_by_cpu", busy.median)
        .with("cpu_ns", 1e3 / busy.median)
        .with("bare_cpu_ns", 1e3 / bare[1].median)
        .with("percent_by_clock", clock.median / bare[0].median * 100.0)
        .with("percent_by_cpu", busy.median / bare[1].median * 100.0)
}

/// Returns the packets that an exporter reports as dropped since `before`.
fn dropped(competitor: &Competitor, before: [u64; 2]) -> Result<String> {
    let after = competitor.counted()?;
    Ok(said([after[0] - before[0], after[1] - before[1]]))
}

fn said([received, dropped]: [u64; 2]) -> String {
    format!("by its own count {received} received, {dropped} dropped")
}

/// Measures TCP over the pair. The stream continues while capture, or a competitor, starts and stops, so other load slows
/// both equally.
fn iperf(options: Options, report: &mut Report, engine: usize, sender: usize) -> Result<()> {
    cpu::pin(sender)?;
    let bulk = match Bulk::start() {
        Ok(bulk) => bulk,
        Err(error) => {
            report.row(&Row::new("iperf3").note(error.to_string()));
            return Ok(());
        }
    };
    let capture = Capture::open(engine)?;
    let pairs = in_turn(options.scaled(200), |captured| {
        let watched = if captured { "v0" } else { "lo" };
        let changed = block_on(capture.handle.reconfigure(watching(watched)))?;
        debug_assert!(changed.needs_restart.is_empty());
        thread::sleep(SETTLED);
        bulk.rate(WINDOW)
    })?;
    capture.close()?;
    let (row, percent) = compared("iperf3_captured", pairs);
    report.row(
        &row.at_least("% of bare", percent, 97.0)
            .note("every packet is in a flow or has a reason"),
    );
    for kind in PEERS {
        let mut counted = [0; 2];
        let pairs = in_turn(options.scaled(20), |with| {
            cpu::pin(engine)?;
            let competitor = with.then(|| Competitor::start(kind)).transpose()?;
            thread::sleep(SETTLED);
            let rate = bulk.rate(WINDOW)?;
            if let Some(competitor) = competitor {
                for (sum, found) in counted.iter_mut().zip(competitor.counted()?) {
                    *sum += found;
                }
            }
            Ok(rate)
        });
        let name = format!("iperf3_{}", kind.name());
        report.row(&match pairs {
            Ok(pairs) => compared(&name, pairs).0.note(said(counted)),
            Err(error) => Row::new(name).note(error.to_string()),
        });
    }
    Ok(())
}

/// Measures pairs without and with capture. The order alternates.
fn in_turn(rounds: u32, mut measure: impl FnMut(bool) -> Result<f64>) -> Result<Vec<[f64; 2]>> {
    (0..rounds)
        .map(|round| {
            let mut pair = [0.0; 2];
            let first = round % 2 == 1;
            for with in [first, !first] {
                pair[usize::from(with)] = measure(with)?;
            }
            Ok(pair)
        })
        .collect()
}

/// Returns the row with both rates and their ratio within each pair, %, and the median ratio.
fn compared(name: &str, pairs: Vec<[f64; 2]>) -> (Row, f64) {
    let ratios: Vec<f64> = pairs
        .iter()
        .map(|[bare, with]| with / bare * 100.0)
        .collect();
    let [low, high] = bounds(ratios.clone());
    let percent = summary(ratios).median;
    let (bare, with) = pairs.into_iter().map(|[bare, with]| (bare, with)).unzip();
    let row = Row::new(name)
        .with("gbit_s", summary(with).median)
        .with("bare_gbit_s", summary(bare).median)
        .with("percent_of_bare", percent)
        .with("percent_from", low)
        .with("percent_to", high);
    (row, percent)
}
