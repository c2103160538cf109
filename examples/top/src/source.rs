//! The source: its open flows and its records on their way into the model.

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

use crate::{draw::Status, model::Model};

/// Records that wait until they are taken. When it is full the source waits, and loses nothing.
const WAITING: usize = 65_536;

/// An open source, its records taken by a thread.
pub(crate) struct Feed {
    handle: Handle,
    records: Receiver<Flow>,
    failure: Arc<Mutex<Option<Error>>>,
    thread: Option<JoinHandle<()>>,
    pace: Option<Pace>,
    has_processes: bool,
    /// How far the capture had been read at the latest picture.
    position: Option<SystemTime>,
}

impl Feed {
    /// Opens the source.
    ///
    /// # Errors
    /// Those of [`FlowSourceBuilder::open`]; where no thread can be started.
    pub(crate) fn open(builder: FlowSourceBuilder) -> mermin_program::Result<Self> {
        let (pace, has_processes) = (builder.get_pace().cloned(), builder.get_process());
        let source = block_on(builder.open())?;
        let handle = source.handle();
        let (sender, records) = sync_channel(WAITING);
        let failure = Arc::new(Mutex::new(None));
        let told = Arc::clone(&failure);
        let thread = thread::Builder::new()
            .name("records".to_owned())
            .spawn(move || {
                let ended = block_on(take(source, |flow| sender.send(flow).is_ok()));
                // Before the sender is dropped: whoever finds no more records finds the reason.
                *told.lock().unwrap_or_else(PoisonError::into_inner) = ended.err();
                drop(sender);
            })?;
        Ok(Self {
            handle,
            records,
            failure,
            thread: Some(thread),
            pace,
            has_processes,
            position: None,
        })
    }

    /// Brings the model up to date after so long.
    pub(crate) fn update(&mut self, model: &mut Model, took: Duration) {
        // Records first: of a flow that ends in between, the snapshot has nothing, and the next picture has its record.
        self.take_records(model);
        let mut open = self.handle.open_flows();
        block_on(async {
            while let Some(page) = open.next_page().await {
                model.open(page);
            }
        });
        model.end_frame(self.capture_time(took));
    }

    /// Takes the records that wait. Between pictures as well: the source waits for room, and a live one loses packets then.
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

    /// The error by which the source ended.
    pub(crate) fn failure(&self) -> Option<Error> {
        let failure = self.failure.lock();
        failure.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The time since the latest picture by the capture's clock, if it moved.
    fn capture_time(&mut self, took: Duration) -> Duration {
        let Some(pace) = &self.pace else {
            return took;
        };
        let before = std::mem::replace(&mut self.position, pace.position());
        let moved = self.position.zip(before.or(pace.began()));
        let moved = moved.and_then(|(now, before)| now.duration_since(before).ok());
        moved.filter(|moved| !moved.is_zero()).unwrap_or(took)
    }

    /// The state of the source.
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
            has_processes: self.has_processes,
            playback: self.pace.as_ref().map(playback),
            failure: self.failure().map(|error| words(&error)),
        }
    }

    pub(crate) fn pace(&self) -> Option<&Pace> {
        self.pace.as_ref()
    }
}

/// Nothing of the source is attached any more when this is dropped.
impl Drop for Feed {
    fn drop(&mut self) {
        self.handle.close();
        // Whoever sends a record learns that nobody takes it.
        self.records = sync_channel(0).1;
        if let Some(thread) = self.thread.take() {
            // It says nothing that is still shown.
            let _ = thread.join();
        }
    }
}

/// An error in a line, with its remedy.
pub(crate) fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let known = error.downcast_ref::<Error>();
    match known.and_then(Error::remedy) {
        Some(remedy) => format!("{error}; {remedy}"),
        None => error.to_string(),
    }
}

/// Takes records until one is refused.
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
