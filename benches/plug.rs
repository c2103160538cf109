//! How soon an interface that comes is watched: from the kernel's notification of the link to programs at both hooks.

use std::{
    collections::HashMap,
    process::ExitCode,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use futures::executor::block_on;
use mermin_benches::{Options, Report, Result, Row, far::run, milliseconds, summary};
use mermin_core::{Attach, FlowSource, Handle, lab::enter_new_namespace};
use rustix::net::{self, AddressFamily, RecvFlags, SocketType, netlink};

/// Interfaces that come at once.
const BURST: u32 = 20;
/// What takes longer hangs.
const LONGEST: Duration = Duration::from_mins(1);
/// From one look at the report to the next.
const PAUSE: Duration = Duration::from_micros(200);

fn main() -> ExitCode {
    mermin_benches::main("plug", |options, report| {
        enter_new_namespace()?;
        let modes = [("tc", Attach::Tc { priority: 1 }), ("tcx", Attach::Tcx)];
        for (name, mode) in modes {
            plug(options, report, name, mode)?;
        }
        Ok(())
    })
}

fn plug(options: Options, report: &mut Report, name: &str, mode: Attach) -> Result<()> {
    let source = block_on(
        FlowSource::builder()
            .interfaces(["/p[0-9]+/"])
            .attach(mode)
            .max_flows(1024)
            .open(),
    )?;
    let handle = source.handle();
    let watch = Watch::start(handle.clone())?;
    for (what, at_once, rounds) in [("one", 1, 200), ("burst", BURST, 10)] {
        let (mut lags, mut attaching) = (Vec::new(), Vec::new());
        for _ in 0..options.scaled(rounds) {
            lags.extend(watch.round(&handle, at_once)?);
            attaching.push(milliseconds(Duration::from_nanos(
                handle.stats().interfaces.attach_ns,
            )));
        }
        let count = u32::try_from(lags.len())?;
        let lag = summary(lags);
        report.row(
            &Row::new(format!("plug_{name}_{what}"))
                .with("median_ms", lag.median)
                .with("p99_ms", lag.p99)
                .with("both_hooks_ms", summary(attaching).median)
                .with("count", f64::from(count))
                .at_most("ms p99", lag.p99, 50.0),
        );
    }
    drop(source);
    Ok(())
}

/// When something was first true of an interface, by index.
type Times = Arc<Mutex<HashMap<u32, Instant>>>;

fn note(times: &Times, index: u32) {
    let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
    times.entry(index).or_insert_with(Instant::now);
}

/// Two threads that look on until this is dropped.
struct Watch {
    told: Times,
    attached: Times,
    stop: Arc<AtomicBool>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Watch {
    fn start(handle: Handle) -> Result<Self> {
        const LINKS: u32 = 1;
        let watch = Self {
            told: Times::default(),
            attached: Times::default(),
            stop: Arc::default(),
        };
        let socket = net::socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
        net::bind(&socket, &netlink::SocketAddrNetlink::new(0, LINKS))?;
        net::sockopt::set_socket_timeout(
            &socket,
            net::sockopt::Timeout::Recv,
            Some(Duration::from_millis(100)),
        )?;
        let (told, stop) = (Arc::clone(&watch.told), Arc::clone(&watch.stop));
        thread::spawn(move || {
            let mut buffer = vec![0; 1 << 15];
            while !stop.load(Ordering::Relaxed) {
                if let Ok((length, _)) = net::recv(&socket, &mut buffer, RecvFlags::empty())
                    && let Some(index) = new_link(&buffer[..length])
                {
                    note(&told, index);
                }
            }
        });
        let (attached, stop) = (Arc::clone(&watch.attached), Arc::clone(&watch.stop));
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                for at in handle.report().interfaces {
                    if at.ingress.is_some() && at.egress.is_some() {
                        note(&attached, at.index);
                    }
                }
                thread::sleep(PAUSE);
            }
        });
        Ok(watch)
    }

    /// Makes pairs, waits until they are watched, takes them away. How long each was not watched, ms.
    fn round(&self, handle: &Handle, pairs: u32) -> Result<Vec<f64>> {
        for times in [&self.told, &self.attached] {
            times.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        let left = handle.stats().interfaces.left + u64::from(pairs);
        batch(
            (0..pairs).map(|number| format!("link add p{number} type veth peer name q{number}")),
        )?;
        until("they are watched", || {
            let attached = self.attached.lock().unwrap_or_else(PoisonError::into_inner);
            attached.len() >= pairs as usize
        })?;
        let attached = self
            .attached
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let told = self
            .told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        batch((0..pairs).map(|number| format!("link del p{number}")))?;
        until("they are left", || handle.stats().interfaces.left >= left)?;
        attached
            .iter()
            .map(|(index, at)| {
                let told = told.get(index).ok_or("the kernel told of no such link")?;
                Ok(milliseconds(at.saturating_duration_since(*told)))
            })
            .collect()
    }
}

/// The index of a link that is told of for the first time, or again.
fn new_link(message: &[u8]) -> Option<u32> {
    const RTM_NEWLINK: u16 = 16;
    // `struct nlmsghdr` has 16 octets, the type behind the length; the index is the second word of `struct ifinfomsg`.
    let kind = u16::from_ne_bytes(*message.get(4..)?.first_chunk()?);
    let index = u32::from_ne_bytes(*message.get(20..)?.first_chunk()?);
    (kind == RTM_NEWLINK).then_some(index)
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
