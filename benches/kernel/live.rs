//! Cost of options for packets that a TCP socket has sent, which `BPF_PROG_TEST_RUN` cannot send: requests and answers of one octet over a
//! veth pair, by the kernel's own measure of the programs at the hooks.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use futures::{StreamExt as _, executor::block_on};
use mermin_benches::{Options, Report, Result, Row, summary, testbed::Testbed};
use mermin_core::{FlowKey, FlowSource, FlowSourceBuilder};

/// Has this program be the server.
pub(super) const ECHO: &str = "--echo";
/// Requests of one measurement.
const REQUESTS: u32 = 5_000;
const AT: &str = "10.9.0.2:9000";
/// Measures each program run, and is part of its time.
const STATISTICS: &str = "/proc/sys/kernel/bpf_stats_enabled";

type Set = fn(FlowSourceBuilder) -> FlowSourceBuilder;

/// The second one has the programs with options, and costs next to nothing otherwise.
const CHOICES: [(&str, Set); 5] = [
    ("live_default", |options| options),
    ("live_endpoints", |options| {
        options.flow_key(FlowKey::Endpoints)
    }),
    ("live_tcp_sockets", |options| options.tcp_sockets(true)),
    ("live_tcp_analysis", |options| options.tcp_analysis(true)),
    ("live_both", |options| {
        options.tcp_sockets(true).tcp_analysis(true)
    }),
];

/// Answers each octet with one, forever.
pub(super) fn echo() -> Result<()> {
    let (mut client, _) = TcpListener::bind(AT)?.accept()?;
    client.set_nodelay(true)?;
    let mut octet = [0];
    loop {
        client.read_exact(&mut octet)?;
        client.write_all(&octet)?;
    }
}

/// On while it lives, if it was off.
struct Statistics(String);

impl Statistics {
    fn begin() -> Result<Self> {
        let before = fs::read_to_string(STATISTICS)?;
        fs::write(STATISTICS, "1")?;
        Ok(Self(before))
    }
}

impl Drop for Statistics {
    fn drop(&mut self) {
        // It costs each program of the host some ns until the next start.
        let _ = fs::write(STATISTICS, self.0.trim());
    }
}

/// Nanoseconds and runs of this process's programs that are called from hooks.
fn spent() -> Result<[u64; 2]> {
    let mut programs = BTreeMap::new();
    for descriptor in fs::read_dir("/proc/self/fdinfo")? {
        // That of the directory itself is gone by now.
        let Ok(said) = fs::read_to_string(descriptor?.path()) else {
            continue;
        };
        let number = |name: &str| -> Option<u64> {
            let mut lines = said.lines();
            let value = lines.find_map(|line| line.strip_prefix(name))?;
            value.trim().parse().ok()
        };
        let counts = number("run_time_ns:").zip(number("run_cnt:"));
        if let Some((program, (time, runs))) = number("prog_id:").zip(counts) {
            programs.insert(program, [time, runs]);
        }
    }
    let sum = |at: usize| programs.values().map(|counts| counts[at]).sum();
    Ok([sum(0), sum(1)])
}

/// Nanoseconds of a packet with these options.
fn cost(options: FlowSourceBuilder, connection: &mut TcpStream, rounds: u32) -> Result<f64> {
    let has_sockets = options.get_tcp_sockets();
    let mut source = block_on(options.open())?;
    let before = spent()?;
    let mut octet = [1];
    for _ in 0..rounds {
        connection.write_all(&octet)?;
        connection.read_exact(&mut octet)?;
    }
    let after = spent()?;
    source.handle().close();
    let mut seen = false;
    while let Some(flow) = block_on(source.next()) {
        seen |= flow?.tcp_sockets.is_some();
    }
    if seen != has_sockets {
        return Err("a record has values of sockets, or lacks them".into());
    }
    let [time, runs] = [0, 1].map(|at| after[at] - before[at]);
    let nanoseconds = Duration::from_nanos(time).as_secs_f64() * 1e9;
    Ok(nanoseconds / f64::from(u32::try_from(runs)?))
}

/// Adds a row for each choice. Its thread is in a network namespace of its own.
pub(super) fn live(options: Options, report: &mut Report, on: usize) -> Result<()> {
    thread::scope(|scope| {
        let work = || measure(options, report, on).map_err(|error| error.to_string());
        let done = scope.spawn(work).join();
        Ok(done.map_err(|_| "the thread panicked")??)
    })
}

fn measure(options: Options, report: &mut Report, on: usize) -> Result<()> {
    let program = std::env::current_exe()?;
    let _testbed = Testbed::new(&format!("{} {ECHO}", program.display()), on)?;
    let mut connection = connect()?;
    connection.set_nodelay(true)?;
    let _statistics = Statistics::begin()?;
    let mut found = [const { Vec::new() }; CHOICES.len()];
    for round in 0..options.scaled(40) as usize {
        for place in 0..CHOICES.len() {
            let choice = (place + round) % CHOICES.len();
            let builder = FlowSource::builder().interfaces(["v0"]).max_flows(4096);
            let chosen = CHOICES[choice].1(builder);
            found[choice].push(cost(chosen, &mut connection, REQUESTS)?);
        }
    }
    let default = found[0].clone();
    for ((name, _), costs) in CHOICES.iter().zip(found) {
        report.row(
            &Row::new(*name)
                .with("ns", summary(costs.clone()).median)
                .more(&costs, &default)
                .note("live, the kernel's measure included"),
        );
    }
    Ok(())
}

/// The server takes a moment to start.
fn connect() -> Result<TcpStream> {
    let mut left = 100;
    loop {
        match TcpStream::connect(AT) {
            Err(_) if left > 0 => left -= 1,
            connected => return Ok(connected?),
        }
        thread::sleep(Duration::from_millis(50));
    }
}
