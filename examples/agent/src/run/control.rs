//! Signals, changes of the file, and what the source reports, while flows are exported.

use std::{convert::Infallible, error::Error, path::Path, time::Duration};

use futures::{StreamExt as _, future::Either, stream};
use mermin_config::{Config, Loaded, Watcher};
use mermin_core::{Handle, report::Report};
use mermin_export::Opened;
use mermin_program::Result;
use mermin_prometheus::Watch;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::sleep,
};

use super::{decoration, followed, show, warn_about};
use crate::{
    configuration::{File, Host, Plan, Receiver, Refused},
    log::Log,
    pipeline::{Change, Prepared, prepare, take_callbacks},
    state::State,
    words::words,
};

/// How often a reload checks if the objects of a new cluster have been read.
const TICK: Duration = Duration::from_millis(100);

/// Changes a running agent.
pub(super) struct Control {
    file: File,
    log: Log,
    hangup: Signal,
    watcher: Option<Watcher>,
}

/// Parts of an agent whose source is open.
pub(super) struct Running {
    source: Handle,
    state: State,
    watch: Option<Watch>,
    callbacks: Vec<(Receiver, Opened)>,
}

impl Control {
    /// Installs the handler of SIGHUP, and watches the file if it says so.
    ///
    /// # Errors
    /// A system call fails, or the file is no longer valid.
    pub(super) fn new(file: File, log: Log) -> Result<Self> {
        let mut control = Self {
            file,
            log,
            hangup: signal(SignalKind::hangup())?,
            watcher: None,
        };
        if let Some(path) = control
            .file
            .path()
            .filter(|_| control.file.plan.auto_reload)
        {
            // The file may have changed since it was read.
            let (loaded, watcher) = Watcher::open(path).map_err(not_opened)?;
            control.file = File::of(Some(path), &loaded, &Host::here())?;
            control.watcher = Some(watcher);
        }
        Ok(control)
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.file.plan
    }

    /// Handles signals, changes of the file and reports. It never returns: its caller drops it when the export has ended.
    pub(super) async fn work(mut self, mut running: Running) -> Infallible {
        let mut reports = running.source.reports();
        let mut before = Report::default();
        loop {
            let mut changes = match &mut self.watcher {
                Some(watcher) => Either::Left(watcher),
                None => Either::Right(stream::pending()),
            };
            tokio::select! {
                Some(report) = reports.next() => {
                    tell(&before, &report);
                    before = report;
                }
                Some(()) = self.hangup.recv() => {
                    let path = self.file.path().map(Path::to_owned);
                    if let Some(path) = path {
                        // A pipe that was read is empty, which is a file with all defaults.
                        let loaded = Config::from_file(&path);
                        self.reload(&mut running, loaded).await;
                    } else {
                        tracing::warn!("SIGHUP: there is no file to read again");
                    }
                }
                Some(loaded) = changes.next() => self.reload(&mut running, loaded).await,
            }
        }
    }

    /// Puts a file into effect, or keeps the former one.
    async fn reload(
        &mut self,
        running: &mut Running,
        loaded: std::result::Result<Loaded, mermin_config::Error>,
    ) {
        let file = loaded
            .map_err(Refused::from)
            .and_then(|loaded| File::of(self.file.path(), &loaded, &Host::here()));
        let applied = match file {
            Ok(file) => running
                .apply(&self.file.plan, &file.plan)
                .await
                .map(|restart| (file, restart)),
            Err(refused) => Err(refused.without_excerpts()),
        };
        match applied {
            Ok((file, needs_restart)) => {
                warn_about(&file);
                self.log.change(&file.plan);
                if needs_restart.is_empty() {
                    tracing::info!("the new configuration is in effect");
                } else {
                    let keys = needs_restart.join(", ");
                    tracing::warn!(
                        "the new configuration is in effect, except for keys that need a restart: {keys}"
                    );
                }
                running.state.applied(needs_restart);
                // It keeps the former values of keys that take a restart, so the next reload tells of them again.
                self.file = file.after(&self.file.plan);
            }
            Err(problem) => {
                tracing::error!(
                    "the new configuration is refused, and the former one stays in effect:\n{problem}"
                );
                running.state.refused(problem);
            }
        }
    }
}

impl Running {
    /// Creates the parts once the source is open, and shows its meters.
    pub(super) fn began(
        source: Handle,
        state: State,
        watch: Option<Watch>,
        callbacks: Vec<(Receiver, Opened)>,
    ) -> Self {
        if let Some(watch) = &watch {
            watch.source(source.clone());
        }
        let running = Self {
            source,
            state,
            watch,
            callbacks,
        };
        running.show(&[]);
        running
    }

    /// Puts a plan into effect. Returns what takes a restart. After an error, nothing has changed.
    async fn apply(
        &mut self,
        now: &Plan,
        wanted: &Plan,
    ) -> std::result::Result<Vec<String>, String> {
        // First everything that can fail.
        let (kept, new): (Vec<_>, Vec<_>) = wanted
            .receivers
            .iter()
            .cloned()
            .partition(|receiver| now.receivers.contains(receiver));
        let start = |receiver: &Receiver| {
            prepare(receiver).map_err(|error| format!("{error}{}", instead_of(receiver, now)))
        };
        let mut added: Vec<Prepared> = new
            .iter()
            .map(start)
            .collect::<std::result::Result<_, _>>()?;
        let decorated = now.cluster == wanted.cluster;
        let cluster = if decorated {
            self.state.followed()
        } else {
            followed(wanted).map_err(|error| format!("cannot follow the cluster: {error}"))?
        };
        let changed = self.source.reconfigure(wanted.capture.clone()).await;
        let changed = changed.map_err(|error| words(&error.explain().to_string()))?;
        if let (Some(followed), false) = (&cluster, decorated) {
            // Flows have the names of the former settings until the objects are there.
            while !followed.is_settled() {
                sleep(TICK).await;
            }
        }
        let decoration = decoration(cluster.as_ref(), wanted);
        let former = self.state.exchange().meters();
        self.callbacks
            .retain(|(receiver, _)| kept.contains(receiver));
        self.callbacks.extend(take_callbacks(&mut added));
        let change = Change {
            kept,
            added,
            decoration: decoration.clone(),
            close_within: now.shutdown_timeout,
        };
        self.state.exchange().change(change).await;
        self.state.follow(cluster, decoration);
        self.show(&former);
        let restart = changed.needs_restart.iter().map(ToString::to_string);
        let keys = now.needs_restart(wanted).into_iter().map(str::to_owned);
        Ok(restart.chain(keys).collect())
    }

    /// Shows the meters of all receivers on the metrics' pages.
    fn show(&self, former: &[(String, mermin_core::sink::Meter)]) {
        let meters = self.state.exchange().meters();
        if let Some(watch) = &self.watch {
            show(watch, &meters, former);
        }
        for (_, callback) in &self.callbacks {
            callback(&self.source, &meters);
        }
    }
}

/// Returns a remedy for a receiver that cannot start while a former one of the same name, with other options, has its port.
fn instead_of(receiver: &Receiver, now: &Plan) -> String {
    let mut running = now.receivers.iter();
    if running.any(|other| other.name() == receiver.name()) {
        format!(
            "\n  if the running `{}` is in the way: take it out of the file with one reload, and add it with the next",
            receiver.name()
        )
    } else {
        String::new()
    }
}

/// Distinguishes a file with errors ([`Refused`]) from an error of the system, such as the limit of watches, which may
/// not occur at the next start.
fn not_opened(error: mermin_config::Error) -> Box<dyn Error> {
    match error.source() {
        Some(_) => error.into(),
        None => Refused::from(error).into(),
    }
}

/// Logs what is new in a report.
fn tell(before: &Report, now: &Report) {
    let (before, said) = (words(&before.to_string()), words(&now.to_string()));
    let known: Vec<&str> = before.lines().collect();
    for line in said.lines().filter(|line| !known.contains(line)) {
        tracing::info!("{line}");
    }
}
