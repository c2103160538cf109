//! The running agent: opens the source, exports, reloads, closes.

mod closer;
mod control;
mod follow;
mod privileges;

use std::process::ExitCode;

use mermin_core::sink::{Batching, Meter};
use mermin_program::{Result, say_duplicates, table};
use mermin_prometheus::{Exporter, Label, Settings, Watch};
use tokio::runtime::Builder;

use self::{
    closer::Closer,
    control::{Control, Running},
    follow::{decoration, followed},
    privileges::Opener,
};
use crate::{
    UNUSABLE,
    configuration::{File, MetricsPlan, Plan, Receiver, Refused},
    log::Log,
    page::{View, Visits},
    pipeline::{Exchange, FanOut, Prepared, prepare, take_callbacks},
    state::{State, listen},
    words::say,
};

/// Threads for receivers, probes and the source's records; a node's processor belongs to its pods.
const THREADS: usize = 2;

/// Runs until a signal arrives or the source fails.
pub(crate) fn run(file: File) -> ExitCode {
    let log = match Log::begin(&file.plan) {
        Ok(log) => log,
        Err(error) => {
            say(&*error);
            return ExitCode::from(UNUSABLE);
        }
    };
    match start(file, log) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            if let Some(refused) = error.downcast_ref::<Refused>() {
                eprintln!("{}", refused.without_excerpts());
                ExitCode::from(UNUSABLE)
            } else {
                say(&*error);
                ExitCode::FAILURE
            }
        }
    }
}

/// Logs the warnings about a file, line by line.
fn warn_about(file: &File) {
    for warning in file.warnings() {
        for line in warning.lines() {
            tracing::warn!("{line}");
        }
    }
}

/// Returns false if a record was dropped, or if the run failed.
fn start(file: File, log: Log) -> Result<bool> {
    warn_about(&file);
    let privileged = Opener::start()?;
    let runtime = Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("mermin-agent")
        .enable_all()
        .build()?;
    let exchange = Exchange::default();
    let outcome = runtime.block_on(capture(file, log, exchange.clone(), privileged));
    // The tasks of receivers end here. A sink that still has records counts them as dropped.
    drop(runtime);
    let stats = exchange.all_stats();
    let rows: Vec<_> = stats
        .iter()
        .map(|(name, stats)| (name.as_str(), stats.clone()))
        .collect();
    if !rows.is_empty() {
        eprint!("{}", table(&rows));
    }
    let delivered = outcome?;
    Ok(delivered && rows.iter().all(|(_, stats)| stats.dropped_in_all() == 0))
}

/// Captures until the source ends. Returns false if the run failed; records may then be left.
async fn capture(file: File, log: Log, exchange: Exchange, privileged: Opener) -> Result<bool> {
    // Before anything else, so that no signal ends the process without an export.
    let mut closer = Closer::new()?;
    let control = Control::new(file, log)?;
    let plan = control.plan().clone();
    let state = State::new(exchange.clone());
    if let Some(address) = plan.server {
        let address = listen(address, state.clone())?;
        tracing::info!("probes are at http://{address}/readyz");
    }
    let wants_drops = plan.capture.get_drops();
    let view = plan
        .page
        .map(|address| View::listen(address, state.clone(), wants_drops));
    let view = view.transpose()?;
    if let Some(view) = &view {
        tracing::info!("the page of live flows is at http://{}/", view.address());
    }
    let mut prepared: Vec<Prepared> = plan.receivers.iter().map(prepare).collect::<Result<_>>()?;
    let callbacks = take_callbacks(&mut prepared);
    let page = plan.metrics.map(page).transpose()?;
    let watch = page.as_ref().map(Exporter::watch);
    if let Some(watch) = &watch {
        let (state, visits) = (state.clone(), view.as_ref().map(View::visits));
        watch.metrics(move || {
            let mut metrics = state.metrics();
            metrics.extend(visits.iter().flat_map(Visits::metrics));
            metrics
        });
    }
    let followed = followed(&plan)?;
    let decoration = decoration(followed.as_ref(), &plan);
    state.follow(followed, decoration.clone());
    let opening = privileged.open(plan.capture.clone());
    let mut source = tokio::select! {
        source = opening => source?,
        (name, _) = closer.signal() => {
            tracing::info!("{name}: ends before flows were captured");
            return Ok(true);
        }
    };
    let handle = source.handle();
    let fan_out = FanOut::new(prepared, decoration, exchange.clone());
    state.capturing(handle.clone());
    let running = Running::began(handle.clone(), state.clone(), watch, callbacks);
    tracing::info!(
        "privileges: the thread that captures keeps CAP_NET_ADMIN, for interfaces that appear later, and before Linux 5.19 CAP_BPF; threads of receivers, probes and the cluster have none"
    );
    tracing::info!("capturing: {}", plan_in_words(&plan));
    let records = Batching::default().records(plan.batch);
    let run = async {
        if let Some(page) = page {
            let run = source.run((page, fan_out)).batch(records);
            run.close_within(plan.shutdown_timeout).await
        } else {
            let run = source.run(fan_out).batch(records);
            run.close_within(plan.shutdown_timeout).await
        }
    };
    let outcome = tokio::select! {
        outcome = run => outcome,
        never = control.work(running) => match never {},
        never = closer.work(handle, state) => match never {},
    };
    for (name, count, remedy) in exchange.doubled() {
        say_duplicates(&name, count, remedy);
    }
    if let Err(error) = outcome {
        say(&error);
        return Ok(false);
    }
    Ok(true)
}

fn plan_in_words(plan: &Plan) -> String {
    let receivers: Vec<_> = plan.receivers.iter().map(Receiver::name).collect();
    let names = if plan.cluster.is_some() { "on" } else { "off" };
    format!(
        "receivers: {}; names of Kubernetes objects: {names}",
        if receivers.is_empty() {
            "none".to_owned()
        } else {
            receivers.join(", ")
        }
    )
}

/// The metrics' page. The debug tier has labels with many values.
fn page(plan: MetricsPlan) -> Result<Exporter> {
    let usual = [Label::Interface, Label::Transport];
    let settings = Settings::default().ttl(plan.ttl);
    let settings = if plan.debug {
        let many = [
            Label::SourceAddress,
            Label::DestinationAddress,
            Label::DestinationPort,
        ];
        settings
            .labels(usual.into_iter().chain(many))
            .series(10_000)
            .pairs(100)
    } else {
        settings.labels(usual).pairs(0).exemplars(false)
    };
    let exporter = Exporter::listen(plan.address, settings).map_err(|error| error.in_words())?;
    tracing::info!("metrics are at http://{}/metrics", exporter.address());
    Ok(exporter)
}

/// Adds the meters of all receivers to the metrics' page, and removes those of former receivers.
fn show(watch: &Watch, meters: &[(String, Meter)], former: &[(String, Meter)]) {
    for (name, _) in former {
        watch.forget_sink(name);
    }
    for (name, meter) in meters {
        watch.sink(name, meter.clone());
    }
}
