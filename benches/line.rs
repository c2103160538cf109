//! Packets through a real interface with and without capture: how many per second, and whether all are told.

use std::{
    process::ExitCode,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use futures::{StreamExt, executor::block_on};
use mermin_benches::{
    Options, Report, Result, Row, Summary, cpu,
    far::{Far, run},
    frames::udp4,
    peer::{Kind, Peer},
    summary,
};
use mermin_core::{
    FlowSource, Handle,
    lab::{Floor, Generator, Least, Order},
};

const FLOWS: u32 = 60_000;
/// Flows there is room for.
const ROOM: u32 = 1 << 17;
const FLOORS: [(&str, Floor); 3] = [
    ("frames_floor_nothing", Floor::Nothing),
    ("frames_floor_line", Floor::Line),
    ("frames_floor_hash", Floor::Hash),
];
const PEERS: [Kind; 2] = [Kind::Softflowd, Kind::Pmacctd];

fn main() -> ExitCode {
    mermin_benches::main("line", |options, report| {
        let cpus = cpu::allowed()?;
        let (engine, sender) = (*cpus.first().unwrap_or(&0), *cpus.last().unwrap_or(&0));
        let far = Far::new("iperf3 --server", engine)?;
        frames(options, report, &far, engine, sender)?;
        iperf(options, report, engine, sender)
    })
}

/// A source at `v0` and the thread that takes its flows.
struct Capture {
    handle: Handle,
    taken: JoinHandle<std::result::Result<u64, mermin_core::Error>>,
}

impl Capture {
    /// Its threads stay on one CPU.
    fn open(engine: usize) -> Result<Self> {
        cpu::pin(engine)?;
        let mut source = block_on(
            FlowSource::builder()
                .interfaces(["v0"])
                .max_flows(ROOM)
                .open(),
        )?;
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

    /// Closes it; checks that flows and reasons are all packets. Returns packets by the ledger, and of them those that
    /// went to no flow.
    fn close(self) -> Result<[u64; 2]> {
        self.handle.close();
        let flows = self.taken.join().map_err(|_| "the consumer panicked")??;
        let stats = self.handle.stats();
        let uncounted: u64 = stats.uncounted().iter().map(|of| of.packets).sum();
        if flows + uncounted != stats.packets {
            return Err(format!(
                "{} packets crossed, {flows} are in flows and {uncounted} have a reason",
                stats.packets
            )
            .into());
        }
        Ok([stats.packets, uncounted])
    }
}

/// XDP live frames into the ingress hook.
fn frames(
    options: Options,
    report: &mut Report,
    far: &Far,
    engine: usize,
    sender: usize,
) -> Result<()> {
    run("ethtool -K v0 gro on")?;
    let generator = Generator::new(Order::Random, FLOWS)?;
    let count = options.scaled(4_000_000);
    let warm = count / 10;
    // By the clock and by the CPU that receives: the second is free of what else this machine does.
    let send = || -> Result<[f64; 2]> {
        cpu::pin(sender)?;
        generator.send(far.near, &udp4(0), warm)?;
        let (began, busy) = (Instant::now(), cpu::time());
        generator.send(far.near, &udp4(0), count)?;
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
            let hooked = least.attach(far.near)?;
            rounds.push(send()?);
            drop(hooked);
        }
        let capture = Capture::open(engine)?;
        captured.push(send()?);
        let [packets, uncounted] = capture.close()?;
        if [packets, uncounted] != [u64::from(count + warm), 0] {
            return Err(format!(
                "{} frames were sent, the ledger has {packets}, {uncounted} of them in no flow",
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
        let peer = match Peer::start(kind) {
            Ok(peer) => peer,
            Err(error) => {
                report.row(&Row::new(format!("frames_{}", kind.name())).note(error.to_string()));
                continue;
            }
        };
        let before = peer.counted()?;
        let mut found = Vec::new();
        for _ in 0..options.scaled(10) {
            found.push(send()?);
        }
        thread::sleep(Duration::from_secs(1));
        let dropped = dropped(&peer, before)?;
        report.row(&rate(&format!("frames_{}", kind.name()), &rates(found), &bare).note(dropped));
    }
    run("ethtool -K v0 gro off").map(drop)
}

/// Summaries by the clock and by the CPU.
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

fn row(name: &str, unit: &'static str, found: &Summary, bare: f64) -> Row {
    Row::new(name)
        .with(unit, found.median)
        .with("min", found.min)
        .with("bare", bare)
        .with("percent_of_bare", found.median / bare * 100.0)
}

/// What an exporter says of itself.
fn dropped(peer: &Peer, before: [u64; 2]) -> Result<String> {
    let after = peer.counted()?;
    let [received, dropped] = [after[0] - before[0], after[1] - before[1]];
    Ok(format!(
        "by its own count {received} received, {dropped} dropped"
    ))
}

/// TCP over the pair.
fn iperf(options: Options, report: &mut Report, engine: usize, sender: usize) -> Result<()> {
    let seconds = if options.quick { 1 } else { 3 };
    let once = || -> Result<f64> {
        cpu::pin(sender)?;
        let line = format!("iperf3 --client 10.9.0.2 --time {seconds} --json");
        let said = run(&line)?;
        let rate = said
            .rsplit("\"sum_received\"")
            .next()
            .and_then(|rest| rest.split("\"bits_per_second\":").nth(1))
            .and_then(|rest| rest.split([',', '\n', '}']).next())
            .and_then(|number| number.trim().parse::<f64>().ok())
            .ok_or_else(|| format!("iperf3 tells no rate: {}", said.trim()))?;
        Ok(rate / 1e9)
    };
    // The server may still be busy with the test before.
    let measure = || {
        once().or_else(|_| {
            thread::sleep(Duration::from_secs(1));
            once()
        })
    };
    if let Err(error) = measure() {
        report.row(&Row::new("iperf3").note(error.to_string()));
        return Ok(());
    }
    let mut bare = Vec::new();
    let mut captured = Vec::new();
    for round in 0..options.scaled(8) {
        // Turn about, so that neither is always the one after the maps were freed.
        if round % 2 == 0 {
            bare.push(measure()?);
        }
        let capture = Capture::open(engine)?;
        captured.push(measure()?);
        capture.close()?;
        thread::sleep(Duration::from_millis(500));
        if round % 2 == 1 {
            bare.push(measure()?);
        }
    }
    let bare = summary(bare);
    report.row(&row("iperf3_bare", "gbit_s", &bare, bare.median));
    let captured = summary(captured);
    report.row(
        &row("iperf3_captured", "gbit_s", &captured, bare.median)
            .at_least("% of bare", captured.median / bare.median * 100.0, 97.0)
            .note("every packet is in a flow or has a reason"),
    );
    for kind in PEERS {
        cpu::pin(engine)?;
        let Ok(peer) = Peer::start(kind) else {
            report.row(&Row::new(format!("iperf3_{}", kind.name())).note("not installed"));
            continue;
        };
        let before = peer.counted()?;
        let mut rates = Vec::new();
        for _ in 0..options.scaled(3) {
            rates.push(measure()?);
        }
        thread::sleep(Duration::from_secs(1));
        let dropped = dropped(&peer, before)?;
        report.row(
            &row(
                &format!("iperf3_{}", kind.name()),
                "gbit_s",
                &summary(rates),
                bare.median,
            )
            .note(dropped),
        );
    }
    Ok(())
}
