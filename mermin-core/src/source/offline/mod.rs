//! Flows of a capture file, by the same parser and the same decisions as those of the host.
//!
//! A thread of its own reads and counts. It waits when the consumer is slow, so that no packet is left out; timeouts run on the
//! capture's clock, so that a day is read as fast as the disk gives it.

mod clock;
mod flows;
mod fragments;
#[cfg(feature = "test-util")]
mod frames;
#[cfg(feature = "test-util")]
mod hand;
mod hasher;
mod input;
mod reading;
mod shared;
mod slot;
mod table;
mod timers;
#[cfg(feature = "test-util")]
mod whole;
mod work;

use std::{io, sync::Arc, thread};

use futures_channel::oneshot;

#[cfg(feature = "test-util")]
pub(crate) use self::hand::Hand;
pub(super) use self::input::Input;
use self::{flows::Flows, reading::Reading, shared::Shared, work::Work};
#[cfg(feature = "test-util")]
pub use self::{
    frames::{Captured, each_captured},
    whole::{Whole, read_whole},
};
use super::{
    capture::{Opened, epoch, guard},
    control::Control,
    options::{MOST_FLOWS, Options},
    queue::Queue,
};
use crate::{
    error::{Error, ErrorKind},
    pcap::{Capture, link::Looking},
    report::SourceKind,
};

/// What the thread is started with.
struct Job {
    options: Options,
    input: Input,
    control: Arc<Control>,
    queue: Arc<Queue>,
}

/// Starts the thread; the answer comes when the capture's format is known.
pub(super) fn start(
    options: Options,
    input: Input,
    control: &Arc<Control>,
    queue: &Arc<Queue>,
) -> Result<oneshot::Receiver<Result<Opened, Error>>, Error> {
    options.validate_offline()?;
    // There is nothing that dropping the source would have to wait for.
    control.detached();
    let (answer, opened) = oneshot::channel();
    let job = Job {
        options,
        input,
        control: Arc::clone(control),
        queue: Arc::clone(queue),
    };
    thread::Builder::new()
        .name("mermin-pcap".to_owned())
        .spawn(move || {
            let queue = Arc::clone(&job.queue);
            guard(&queue, || job.run(answer));
        })
        .map_err(|error| {
            Error::new(ErrorKind::Exhausted, "cannot start the reading thread").with_source(error)
        })?;
    Ok(opened)
}

impl Job {
    fn run(self, answer: oneshot::Sender<Result<Opened, Error>>) -> Result<(), Error> {
        match self.open() {
            Ok((work, opened)) => match answer.send(Ok(opened)) {
                Ok(()) => work.run(),
                // Whoever opened it has gone.
                Err(_) => Ok(()),
            },
            Err(error) => {
                // Whoever opened it may have gone.
                let _ = answer.send(Err(error));
                Ok(())
            }
        }
    }

    fn open(self) -> Result<(Work<Box<dyn io::Read + Send>>, Opened), Error> {
        let name = self.input.name();
        let path = self.input.path();
        let mut capture = Capture::new(self.input.open()?);
        capture.open().map_err(|broken| broken.into_error(&name))?;
        let capacity = self.options.max_flows.unwrap_or(MOST_FLOWS);
        let source = SourceKind::Capture { path };
        let shared = Arc::new(Shared::new(capacity, source));
        let opened = Opened {
            shared: Arc::clone(&shared) as _,
            receipt: None,
        };
        let looking = Looking {
            counted: self.options.tunnels.counted(),
            ports: self.options.tunnel_ports.ports(),
        };
        let flows = Flows::new(
            self.options.timeouts,
            self.options.filter,
            capacity,
            epoch()?,
            looking,
        );
        let work = Work {
            reading: Reading::new(capture, flows, shared),
            name,
            control: self.control,
            queue: self.queue,
        };
        Ok((work, opened))
    }
}
