//! Shows flows, from opening the source to the last flow.

use std::{
    io::{self, Write as _},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use futures::{StreamExt as _, executor::block_on};
use mermin_config::Config;
use mermin_core::{Error, ErrorKind, FlowSource, FlowSourceBuilder, Handle};
use mermin_examples::shell::Program;
use mermin_program::visible_lines;

use crate::{
    args::Options,
    config,
    demo::Demo,
    failure::Failure,
    news::News,
    progress::Progress,
    ready::Ready,
    status::{self, Shown, Status},
    stdin::Stdin,
    stop::{Hangup, Requests, Stop},
    summary,
    view::{Reader, View},
};

/// Interval between two checks: has a signal arrived, and has the time of `--duration` passed?
const TICK: Duration = Duration::from_millis(50);
/// Largest number of ready flows that are written together.
const BATCH: usize = 1_024;
/// Timeout of flows in a demonstration, so that records appear soon.
const DEMO_IDLE: Duration = Duration::from_secs(1);
const DEMO_ACTIVE: Duration = Duration::from_secs(3);

/// Shows flows until a signal arrives or the time of `--duration` has passed.
///
/// # Errors
/// An error that prevents opening the source or ends it early, or an error of standard output.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let uncaught = |error| Failure::new("cannot catch signals", &error);
    let stop = Stop::on_signals().map_err(uncaught)?;
    let requests = Requests::on_signals().map_err(uncaught)?;
    let ready = Ready::by(options.ready_fd)?;
    // Before any thread starts, because this thread enters another network namespace.
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
    let now = Instant::now();
    let report = flows.report();
    let before = Program::Flows.words(&report.to_string());
    let (mut news, said) = News::of(&report, now);
    say(if options.pcap.is_none() {
        &said
    } else {
        &before
    });
    ready.tell();
    if let Some(demo) = &demo {
        demo.make_traffic();
    }

    let mut view = View::of(options);
    let shown = match options.pcap {
        Some(_) => Shown::OnTerminals,
        None => Shown::Everywhere,
    };
    let watch = Watch {
        progress: options.pcap.as_deref().map(|path| Progress::of(path, now)),
        is_summed: view.is_summed(),
        handle: flows.handle(),
        stop,
        deadline: options
            .duration
            .and_then(|duration| now.checked_add(duration)),
        status: Status::new(now, shown),
        done: AtomicBool::new(false),
    };
    let outcome = thread::scope(|scope| {
        scope.spawn(|| {
            watch.keep(|handle, now| {
                let mut said = String::new();
                if options.pcap.is_none() {
                    said += &news.since(|| handle.report(), now);
                    if let Some(file) = &mut file {
                        said += &file.follow(handle, |builder| told(builder, options));
                    }
                }
                said += &heed(&requests, handle, &watch.stop, |handle| {
                    let file = file.as_mut().filter(|_| options.pcap.is_none())?;
                    Some(file.read_again(handle, |builder| told(builder, options)))
                });
                said
            });
        });
        let outcome = show(&mut flows, &mut view, &watch);
        watch.done.store(true, Ordering::Relaxed);
        outcome
    });
    watch.status.end();
    let ended = end(flows, options, &before);
    // Sums come also if a program cannot be detached, and the stream's own error is the first.
    finish(view, outcome, &watch.handle)?;
    ended
}

/// Ends the source. `before` is the text of its first report.
fn end(flows: FlowSource, options: &Options, before: &str) -> Result<(), Failure> {
    if options.pcap.is_none() {
        // A process that ends before the shutdown is complete leaves its filters at the hooks.
        block_on(flows.shutdown())?;
    } else {
        // Degradations may appear during the capture.
        let after = Program::Flows.words(&flows.report().to_string());
        if after != before {
            say(&after);
        }
    }
    Ok(())
}

/// Shows the sums, and then the statistics if the source ended without an error.
fn finish(view: View, outcome: Result<(), Failure>, handle: &Handle) -> Result<(), Failure> {
    let (rejected, reader) = (view.rejected(), view.reader());
    // A source that failed has its sums as well.
    let finished = view.finish();
    outcome?;
    finished.or_else(|error| unless_gone(reader, &error))?;
    let stats = handle.stats();
    say(&format!(
        "{}{}",
        summary::of(&stats),
        summary::rejected(rejected)
    ));
    Ok(())
}

fn builder(options: &Options, config: Option<&Config>, stop: &Stop) -> FlowSourceBuilder {
    let of =
        |source: fn(&Config) -> FlowSourceBuilder| config.map_or_else(FlowSource::builder, source);
    if let Some(path) = &options.pcap {
        let builder = room(of(Config::source_of_captures), options);
        return if path.as_os_str() == "-" {
            builder.pcap_reader(Stdin(stop.clone()))
        } else {
            builder.pcap(path)
        };
    }
    let builder = told(of(Config::source), options);
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

/// Sets all that the command line says about a live source.
fn told(builder: FlowSourceBuilder, options: &Options) -> FlowSourceBuilder {
    room(flags(builder, options), options)
}

/// Sets what the command line says about the table and the details of flows.
fn room(builder: FlowSourceBuilder, options: &Options) -> FlowSourceBuilder {
    let builder = options.with.put(builder, options.pcap.is_some());
    match options.max_flows {
        Some(flows) => builder.max_flows(flows),
        None => builder,
    }
}

/// The command line overrides a file.
fn flags(mut builder: FlowSourceBuilder, options: &Options) -> FlowSourceBuilder {
    if let Some(attach) = options.attach {
        builder = builder.attach(attach);
    }
    if !options.interfaces.is_empty() {
        // Named interfaces replace those of the file.
        builder = builder
            .interfaces(options.interfaces.iter().cloned())
            .fallback_to_all(false);
    }
    if !options.exclude.is_empty() {
        builder = builder.exclude(options.exclude.iter().cloned());
    }
    builder
}

/// Handles signals, and returns the text to print. `read_again` returns `None` if there is no file.
fn heed(
    requests: &Requests,
    handle: &Handle,
    stop: &Stop,
    read_again: impl FnOnce(&Handle) -> Option<String>,
) -> String {
    let mut said = String::new();
    if requests.progress() {
        said += &summary::so_far(&handle.stats());
    }
    match requests.hangup() {
        None => {}
        Some(Hangup::Closed) => stop.raise(),
        Some(Hangup::Reload) => match read_again(handle) {
            Some(answer) => said += &answer,
            None => stop.raise(),
        },
    }
    said
}

/// Shows flows until the source ends. It is no failure if the reader has closed the pipe (`flows | head`).
fn show(flows: &mut FlowSource, view: &mut View, watch: &Watch) -> Result<(), Failure> {
    let mut batches = flows.ready_chunks(BATCH);
    while let Some(batch) = block_on(batches.next()) {
        if !watch.is_summed {
            watch.status.make_room(Instant::now());
        }
        for flow in batch {
            let flow = match flow {
                // The last item. Earlier flows are flushed below.
                Err(error) if interrupted(&watch.stop, &error) => break,
                flow => flow?,
            };
            if let Err(error) = view.take(flow) {
                return unless_gone(view.reader(), &error);
            }
        }
        if let Err(error) = view.flush() {
            return unless_gone(view.reader(), &error);
        }
    }
    Ok(())
}

/// Returns true if a capture ends early because a signal interrupted reading its input.
fn interrupted(stop: &Stop, error: &Error) -> bool {
    stop.raised() && error.kind() == ErrorKind::InvalidCapture
}

/// Makes an error of standard output a failure, unless its reader is gone.
fn unless_gone(reader: Reader, error: &io::Error) -> Result<(), Failure> {
    if reader.is_gone(error) {
        Ok(())
    } else {
        Err(Failure::new("cannot write to standard output", error))
    }
}

/// Runs in parallel with the stream.
struct Watch {
    handle: Handle,
    stop: Stop,
    deadline: Option<Instant>,
    /// Progress of a capture file.
    progress: Option<Progress>,
    /// True if nothing is shown before the end.
    is_summed: bool,
    status: Status,
    done: AtomicBool,
}

impl Watch {
    /// Closes the source on a signal or when the time of `--duration` has passed. Until then, calls `now_and_then` regularly, prints its
    /// text, and refreshes the status line.
    fn keep(&self, mut now_and_then: impl FnMut(&Handle, Instant) -> String) {
        while !self.done.load(Ordering::Relaxed) {
            let now = Instant::now();
            if self.stop.raised() || self.deadline.is_some_and(|deadline| now >= deadline) {
                self.handle.close();
                return;
            }
            self.status.say(&now_and_then(&self.handle, now));
            self.status.refresh(now, || {
                let stats = self.handle.stats();
                match &self.progress {
                    Some(progress) => progress.text(&stats, now),
                    None => status::waiting(stats.flows_open, stats.packets, self.is_summed),
                }
            });
            thread::sleep(TICK);
        }
    }
}

fn say(text: &str) {
    // An error of standard error must not stop the flows.
    let _ = io::stderr().write_all(visible_lines(text).as_bytes());
}
