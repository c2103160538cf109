//! From opening the source to its last flow.

use std::{
    io::{self, Write as _},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use futures::{StreamExt as _, executor::block_on};
use mermin_config::Config;
use mermin_core::{Error, ErrorKind, FlowSource, FlowSourceBuilder, Handle, Stats};

use crate::{
    args::Options,
    config,
    demo::Demo,
    failure::Failure,
    output::Output,
    status::{self, Status},
    stdin::Stdin,
    stop::Stop,
};

/// How soon a signal or the end of the time is noticed.
const TICK: Duration = Duration::from_millis(50);
/// Flows that are ready at once are written out together.
const BATCH: usize = 1_024;
/// In a demonstration flows end soon, so that there is something to see.
const DEMO_IDLE: Duration = Duration::from_secs(1);
const DEMO_ACTIVE: Duration = Duration::from_secs(3);

/// Shows flows until a signal comes or the time is over.
///
/// # Errors
/// Whatever keeps the source from opening or ends it early, or standard output from taking a flow.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let stop = Stop::on_signals().map_err(|error| Failure::new("cannot catch signals", &error))?;
    // Before any thread is made: this one moves to a network namespace of its own.
    let demo = options.demo.then(Demo::prepare).transpose()?;
    let mut file = options
        .config
        .as_deref()
        .map(|file| config::File::open(file, options.pcap.is_some()))
        .transpose()?;
    let builder = builder(options, file.as_ref().map(|file| &file.config), &stop);
    let mut flows = match block_on(builder.open()) {
        Err(error) if interrupted(&stop, &error) => return Ok(()),
        opened => opened?,
    };
    say(&flows.report().to_string());
    if let Some(demo) = &demo {
        demo.make_traffic();
    }

    let now = Instant::now();
    let watch = Watch {
        handle: flows.handle(),
        stop,
        deadline: options
            .duration
            .and_then(|duration| now.checked_add(duration)),
        status: Status::new(now),
        done: AtomicBool::new(false),
    };
    let outcome = thread::scope(|scope| {
        scope.spawn(|| {
            watch.keep(|handle| {
                if let Some(file) = &mut file {
                    file.follow(handle, |builder| flags(builder, options));
                }
            });
        });
        let outcome = show(&mut flows, Output::new(options.json), &watch);
        watch.done.store(true, Ordering::Relaxed);
        outcome
    });
    watch.status.end();
    outcome?;
    say(&summary(&watch.handle.stats()));
    Ok(())
}

fn builder(options: &Options, config: Option<&Config>, stop: &Stop) -> FlowSourceBuilder {
    let of = |config: fn(&Config) -> FlowSourceBuilder, file: Option<&Config>| {
        file.map_or_else(FlowSource::builder, config)
    };
    if let Some(path) = &options.pcap {
        let builder = of(Config::source_of_captures, config);
        return if path.as_os_str() == "-" {
            builder.pcap_reader(Stdin(stop.clone()))
        } else {
            builder.pcap(path)
        };
    }
    let builder = flags(of(Config::source, config), options);
    if !options.demo {
        return builder;
    }
    builder
        .active_timeout(DEMO_ACTIVE)
        .tcp_timeout(DEMO_IDLE)
        .udp_timeout(DEMO_IDLE)
        .icmp_timeout(DEMO_IDLE)
        .other_timeout(DEMO_IDLE)
}

/// What the command line says is put over what a file says.
fn flags(mut builder: FlowSourceBuilder, options: &Options) -> FlowSourceBuilder {
    if let Some(attach) = options.attach {
        builder = builder.attach(attach);
    }
    if !options.interfaces.is_empty() {
        // Who names interfaces means those.
        builder = builder
            .interfaces(options.interfaces.iter().cloned())
            .or_all(false);
    }
    builder
}

/// Writes flows until there are no more. A reader that went away (`flows | head`) is no failure.
fn show(flows: &mut FlowSource, mut output: Output, watch: &Watch) -> Result<(), Failure> {
    let mut batches = flows.ready_chunks(BATCH);
    while let Some(batch) = block_on(batches.next()) {
        watch.status.end();
        for flow in batch {
            let flow = match flow {
                // The last item; what came before it is shown below.
                Err(error) if interrupted(&watch.stop, &error) => break,
                flow => flow?,
            };
            if let Err(error) = output.write(&flow) {
                return refused(&error);
            }
        }
        if let Err(error) = output.flush() {
            return refused(&error);
        }
    }
    Ok(())
}

/// Whether a capture ends early because a signal ended the reading of it.
fn interrupted(stop: &Stop, error: &Error) -> bool {
    stop.raised() && error.kind() == ErrorKind::InvalidCapture
}

/// What it means that standard output did not take a flow.
fn refused(error: &io::Error) -> Result<(), Failure> {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(Failure::new("cannot write to standard output", error)),
    }
}

/// Runs beside the stream.
struct Watch {
    handle: Handle,
    stop: Stop,
    deadline: Option<Instant>,
    status: Status,
    done: AtomicBool,
}

impl Watch {
    /// Closes the source on a signal or when the time is over; until then does what there is to do now and then, and keeps the
    /// status line fresh.
    fn keep(&self, mut now_and_then: impl FnMut(&Handle)) {
        while !self.done.load(Ordering::Relaxed) {
            let now = Instant::now();
            if self.stop.raised() || self.deadline.is_some_and(|deadline| now >= deadline) {
                self.handle.close();
                return;
            }
            now_and_then(&self.handle);
            self.status.refresh(now, || {
                let stats = self.handle.stats();
                status::waiting(stats.flows_open, stats.packets)
            });
            thread::sleep(TICK);
        }
    }
}

fn summary(stats: &Stats) -> String {
    let (records, packets) = (stats.records, stats.packets);
    format!(
        "{records} {}, {packets} {}, {} bytes\n",
        status::plural(records, "record"),
        status::plural(packets, "packet"),
        stats.octets,
    )
}

fn say(text: &str) {
    // Flows matter more than a standard error that nobody reads.
    let _ = io::stderr().write_all(text.as_bytes());
}
