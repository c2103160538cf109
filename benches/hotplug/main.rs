//! Time until a new interface is watched, from the kernel's notification of the link: until the first received and
//! the first sent packet are counted, and until the attach calls have returned at both hooks.
//!
//! Interfaces appear in two ways. New pairs carry no packets before they are set up, and setting up waits for the
//! kernel's lock of links, like attaching; the benchmark counts the packets that crossed before they were counted. A
//! link that already carries packets and gets a matching name shows how long its packets are ignored.

mod observer;
mod traffic;

use std::{
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant, SystemTime},
};

use futures::{StreamExt, executor::block_on};
use mermin_benches::{Options, Report, Result, Row, milliseconds, summary, testbed::run};
use mermin_core::{
    Attach, Flow, FlowSource, Handle, lab::enter_new_namespace, report::HookDirection,
};

use crate::{observer::Observer, traffic::Traffic};

/// Interfaces that appear at once.
const BURST: u32 = 20;
/// A longer round hangs.
const LONGEST: Duration = Duration::from_mins(1);
/// Pause between two checks.
const PAUSE: Duration = Duration::from_micros(200);
/// Packets in transit arrive within this time.
const SETTLING: Duration = Duration::from_millis(10);

fn main() -> ExitCode {
    mermin_benches::main("hotplug", |options, report| {
        enter_new_namespace()?;
        // Packets of the kernel itself would be flows as well.
        std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1")?;
        // On a normal host at least one interface is watched all the time, so the kernel's hooks are active.
        run("ip link add u0 type veth peer name u1")?;
        run("ip addr add 10.9.0.1/24 dev u0")?;
        run("ip link set u0 up")?;
        let modes = [("tc", Attach::Tc), ("tcx", Attach::Tcx)];
        for (name, mode) in modes {
            plug(options, report, name, mode)?;
        }
        Ok(())
    })
}

/// How interfaces appear.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Coming {
    /// Created, and then set up.
    New,
    /// Up, and carrying packets under another name.
    Renamed,
}

/// Measurements; times in ms since the notification.
#[derive(Default)]
struct Lags {
    /// Until the first received and the first sent packet is counted.
    counted: [Vec<f64>; 2],
    /// Until both attach calls have returned.
    returned: Vec<f64>,
    /// Duration of both calls, for the last interface.
    attaching: Vec<f64>,
    /// Packets that crossed an interface without being counted.
    missed: Vec<f64>,
}

fn plug(options: Options, report: &mut Report, name: &str, mode: Attach) -> Result<()> {
    let mut source = block_on(
        FlowSource::builder()
            .interfaces(["u0", "/p[0-9]+/"])
            .attach(mode)
            .max_flows(1024)
            .open(),
    )?;
    let handle = source.handle();
    let records = Records::default();
    let taken = Arc::clone(&records);
    let consumer = thread::spawn(move || {
        block_on(async {
            while let Some(flow) = source.next().await {
                let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
                taken.push(flow?);
            }
            Ok::<(), mermin_core::Error>(())
        })
    });
    let bench = Bench {
        observer: Observer::start(handle.clone())?,
        handle,
        records,
    };
    for (way, coming) in [("new", Coming::New), ("renamed", Coming::Renamed)] {
        for (what, at_once, rounds) in [("one", 1, 200), ("burst", BURST, 10)] {
            let mut lags = Lags::default();
            for _ in 0..options.scaled(rounds) {
                bench.round(coming, at_once, &mut lags)?;
            }
            lags.tell(report, &format!("plug_{name}_{way}_{what}"), coming)?;
        }
    }
    bench.handle.close();
    consumer.join().map_err(|_| "the consumer panicked")??;
    Ok(())
}

impl Lags {
    fn tell(self, report: &mut Report, name: &str, coming: Coming) -> Result<()> {
        let row = |what, lags: Vec<f64>| -> Result<Row> {
            let count = u32::try_from(lags.len())?;
            let lag = summary(lags);
            Ok(Row::new(format!("{name}_{what}"))
                .with("median_ms", lag.median)
                .with("p99_ms", lag.p99)
                .with("count", f64::from(count))
                .at_most("ms p99", lag.p99, 50.0))
        };
        let [received, sent] = self.counted;
        if coming == Coming::Renamed {
            report.row(&row("received", received)?);
            report.row(&row("sent", sent)?);
        }
        let returned = row("returned", self.returned)?;
        report.row(&returned.with("both_hooks_ms", summary(self.attaching).median));
        if coming == Coming::Renamed {
            return Ok(());
        }
        let missed = summary(self.missed);
        report.row(
            &Row::new(format!("{name}_missed"))
                .with("median_packets", missed.median)
                .with("p99_packets", missed.p99),
        );
        Ok(())
    }
}

/// Records of the source.
type Records = Arc<Mutex<Vec<Flow>>>;

struct Bench {
    observer: Observer,
    handle: Handle,
    records: Records,
}

impl Bench {
    /// Creates interfaces, with both ends of each pair sending; waits until packets are counted in both directions
    /// and all calls have returned; removes the pairs.
    fn round(&self, coming: Coming, pairs: u32, lags: &mut Lags) -> Result<()> {
        let left = self.handle.stats().interfaces.detached + u64::from(pairs);
        let traffic = Traffic::start();
        self.observer.begin(&traffic);
        let each = |line: &'static str| (0..pairs).map(move |n| line.replace('#', &n.to_string()));
        match coming {
            Coming::New => batch(
                each("link add p# type veth peer name q#")
                    .chain(each("link set q# up"))
                    .chain(each("link set p# up")),
            )?,
            Coming::Renamed => {
                batch(
                    each("link add x# type veth peer name q#")
                        .chain(each("link set q# up"))
                        .chain(each("link set x# up")),
                )?;
                thread::sleep(SETTLING);
                batch(each("link set x# name p#"))?;
            }
        }
        until("they are watched", || {
            self.observer.attached().len() >= pairs as usize
        })?;
        until("packets are counted both ways", || {
            self.handle.stats().flows_open >= u64::from(2 * pairs)
        })?;
        let attaching = self.handle.stats().interfaces.last_attach;
        lags.attaching.push(milliseconds(attaching));
        self.observer.end();
        drop(traffic);
        thread::sleep(SETTLING);
        if coming == Coming::New {
            lags.missed.extend(self.missed()?);
        }
        batch(each("link del p#"))?;
        until("they are left", || {
            self.handle.stats().interfaces.detached >= left
        })?;
        until("their flows have records", || {
            self.records().len() >= 2 * pairs as usize
        })?;
        let flows = std::mem::take(&mut *self.records());
        let (notified, attached) = (self.observer.notified(), self.observer.attached());
        let since = |index: u32, time: SystemTime| -> Result<f64> {
            let notified = notified
                .get(&index)
                .ok_or("the kernel reported no such link")?;
            Ok(milliseconds(
                time.duration_since(*notified).unwrap_or_default(),
            ))
        };
        for (index, at) in attached {
            lags.returned.push(since(index, at)?);
        }
        for flow in flows {
            let index = flow.interface.index;
            let sent = flow.destination.port == Some(traffic::port(index));
            lags.counted[usize::from(sent)].push(since(index, flow.start)?);
        }
        Ok(())
    }

    /// Returns the packets that crossed each interface by its own count, minus the counted ones.
    fn missed(&self) -> Result<Vec<f64>> {
        let carried = std::fs::read_to_string("/proc/thread-self/net/dev")?;
        let mut missed = Vec::new();
        for hook in self.handle.stats().hooks {
            let Some(figures) = carried.lines().find_map(|line| {
                let (name, figures) = line.trim().split_once(':')?;
                (name.starts_with('p') && name == &*hook.interface).then_some(figures)
            }) else {
                continue;
            };
            // Received octets and packets come first; those sent follow eight figures later.
            let at = match hook.direction {
                HookDirection::Ingress => 1,
                HookDirection::Egress => 9,
            };
            let crossed = figures.split_whitespace().nth(at).unwrap_or_default();
            let crossed: u64 = crossed.parse()?;
            let lost = crossed.saturating_sub(hook.traffic.skbs);
            missed.push(f64::from(u32::try_from(lost)?));
        }
        Ok(missed)
    }

    fn records(&self) -> std::sync::MutexGuard<'_, Vec<Flow>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs lines of `ip` in one process.
fn batch(lines: impl Iterator<Item = String>) -> Result<()> {
    let path = std::env::temp_dir().join(format!("mermin-plug-{}", std::process::id()));
    std::fs::write(&path, lines.collect::<Vec<_>>().join("\n") + "\n")?;
    let done = run(&format!("ip -batch {}", path.display()));
    std::fs::remove_file(&path)?;
    done.map(drop)
}

fn until(what: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
    let began = Instant::now();
    while !holds() {
        if began.elapsed() > LONGEST {
            return Err(format!("waited in vain until {what}").into());
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}
