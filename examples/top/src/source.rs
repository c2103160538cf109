//! Reads open flows and records of the source into the model.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, TryRecvError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, SystemTime},
};

use futures::{StreamExt as _, executor::block_on};
use mermin_core::{Error, Flow, FlowSource, FlowSourceBuilder, Handle, Pace, report::SourceKind};

use crate::{
    draw::Status,
    model::Model,
    state::{Tab, tabs},
};

/// Capacity of the queue of records. If it is full, the source waits and loses nothing.
const WAITING: usize = 65_536;

/// An open source. A thread takes its records.
pub(crate) struct Feed {
    handle: Handle,
    records: Receiver<Flow>,
    failure: Arc<Mutex<Option<Error>>>,
    thread: Option<JoinHandle<()>>,
    pace: Option<Pace>,
    tabs: &'static [Tab],
    /// Position in the capture at the latest frame.
    position: Option<SystemTime>,
}

impl Feed {
    /// Opens the source.
    ///
    /// # Errors
    /// Those of [`FlowSourceBuilder::open`], or the error of starting a thread.
    pub(crate) fn open(builder: FlowSourceBuilder) -> mermin_program::Result<Self> {
        let pace = builder.get_pace().cloned();
        let tabs = tabs(builder.get_process(), builder.get_names());
        let source = block_on(builder.open())?;
        let handle = source.handle();
        let (sender, records) = sync_channel(WAITING);
        let failure = Arc::new(Mutex::new(None));
        let told = Arc::clone(&failure);
        let thread = thread::Builder::new()
            .name("records".to_owned())
            .spawn(move || {
                let ended = block_on(take(source, |flow| sender.send(flow).is_ok()));
                // The error is stored before the sender is dropped, so it is there when the receiver sees the end.
                *told.lock().unwrap_or_else(PoisonError::into_inner) = ended.err();
                drop(sender);
            })?;
        Ok(Self {
            handle,
            records,
            failure,
            thread: Some(thread),
            pace,
            tabs,
            position: None,
        })
    }

    /// Updates the model; `took` is the time since the last update.
    pub(crate) fn update(&mut self, model: &mut Model, took: Duration) {
        // Records come first. If a flow ends in between, it is missing from the snapshot, and the next frame has
        // its record.
        self.take_records(model);
        let mut open = self.handle.open_flows();
        block_on(async {
            while let Some(page) = open.next_page().await {
                model.open(page);
            }
        });
        model.end_frame(self.capture_time(took));
    }

    /// Takes the waiting records. Also called between frames: a source without room waits, and a live one then
    /// loses packets.
    pub(crate) fn take_records(&self, model: &mut Model) {
        for _ in 0..WAITING {
            match self.records.try_recv() {
                Ok(flow) => model.record(&flow),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    model.is_over = true;
                    return;
                }
            }
        }
    }

    /// Returns the error that ended the source.
    pub(crate) fn failure(&self) -> Option<Error> {
        let failure = self.failure.lock();
        failure.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the time since the latest frame by the capture's clock, if it advanced.
    fn capture_time(&mut self, took: Duration) -> Duration {
        let Some(pace) = &self.pace else {
            return took;
        };
        let before = std::mem::replace(&mut self.position, pace.position());
        let moved = self.position.zip(before.or(pace.began()));
        let moved = moved.and_then(|(now, before)| now.duration_since(before).ok());
        moved.filter(|moved| !moved.is_zero()).unwrap_or(took)
    }

    /// Returns the state of the source.
    pub(crate) fn status(&self) -> Status {
        let report = self.handle.report();
        let source = if let SourceKind::Capture { path } = &report.source {
            let name = path.as_deref().and_then(std::path::Path::file_name);
            name.map_or("capture".into(), |name| name.to_string_lossy())
                .into_owned()
        } else {
            let names: Vec<&str> = report.interfaces.iter().map(|it| &*it.name).collect();
            names.join(",")
        };
        Status {
            source,
            stats: self.handle.stats(),
            degradations: report.to_string().lines().map(str::to_owned).collect(),
            tabs: self.tabs,
            playback: self.pace.as_ref().map(playback),
            failure: self.failure().map(|error| words(&error)),
        }
    }

    pub(crate) fn pace(&self) -> Option<&Pace> {
        self.pace.as_ref()
    }
}

/// Waits until nothing of the source is attached any more.
impl Drop for Feed {
    fn drop(&mut self) {
        self.handle.close();
        // Closes the channel, so the thread stops at its next record.
        self.records = sync_channel(0).1;
        if let Some(thread) = self.thread.take() {
            // Its result is not shown any more.
            let _ = thread.join();
        }
    }
}

/// Formats an error in a line, with its remedy.
pub(crate) fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let known = error.downcast_ref::<Error>();
    match known.and_then(Error::remedy) {
        Some(remedy) => format!("{error}; {remedy}"),
        None => error.to_string(),
    }
}

/// Takes records until `give` refuses one.
async fn take(mut source: FlowSource, mut give: impl FnMut(Flow) -> bool) -> Result<(), Error> {
    while let Some(flow) = source.next().await {
        if !give(flow?) {
            return source.shutdown().await;
        }
    }
    Ok(())
}

fn playback(pace: &Pace) -> String {
    let speed = match pace.speed() {
        speed if speed == f64::INFINITY => "max".to_owned(),
        speed => format!("x{speed}"),
    };
    let Some((began, position)) = pace.began().zip(pace.position()) else {
        return speed;
    };
    let since = position.duration_since(began).unwrap_or_default().as_secs();
    format!(
        "{}:{:02}:{:02} {speed}",
        since / 3600,
        since / 60 % 60,
        since % 60
    )
}
