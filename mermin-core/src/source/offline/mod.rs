//! Flows of a capture file, by the same parser and the same decisions as those of the host.
//!
//! A thread of its own reads and counts. It waits for a slow consumer, so no packet is lost. Timeouts use the capture's
//! clock, so a day of packets is read as fast as the disk delivers it. In a capture that is still being written, the
//! clock also advances while no packet arrives ([`live`]).

mod capture_reader;
#[cfg(feature = "__lab")]
mod captured;
mod captured_packet;
mod clock;
mod counted_reader;
mod flows;
mod fragments;
#[cfg(feature = "__lab")]
mod frame_counter;
mod hasher;
mod input;
mod joining;
mod ledgers;
mod listening;
mod live;
mod offline_thread;
mod payloads;
mod pipe;
#[cfg(feature = "__lab")]
mod read_capture;
mod record_maker;
mod sampler;
mod shared;
mod slot;
mod table;
mod timers;

use std::{io, sync::Arc, thread};

use futures_channel::oneshot;

#[cfg(feature = "__lab")]
pub(crate) use self::frame_counter::FrameCounter;
pub(super) use self::input::Input;
use self::{
    capture_reader::CaptureReader, counted_reader::CountedReader, flows::Flows, live::Live,
    offline_thread::OfflineThread, shared::Shared,
};
#[cfg(feature = "__lab")]
pub use self::{
    captured::{Captured, for_each_captured},
    read_capture::{CaptureOutcome, read_capture},
};
use super::{
    control::{Control, Running},
    engine::{Opened, caught, epoch, guard},
    options::{MOST_FLOWS, Options},
    pace::Pace,
    queue::Queue,
};
use crate::{
    error::{Error, ErrorKind},
    pcap::{Capture, link::ParseOptions},
    report::SourceKind,
};

/// Arguments of the thread.
struct Arguments {
    options: Options,
    input: Input,
    pace: Option<Pace>,
    control: Arc<Control>,
    queue: Arc<Queue>,
}

/// Starts the thread. The reply comes when the capture's format is known.
pub(super) fn start(
    options: Options,
    input: Input,
    pace: Option<Pace>,
    control: &Arc<Control>,
    queue: &Arc<Queue>,
) -> Result<oneshot::Receiver<Result<Opened, Error>>, Error> {
    options.validate_offline()?;
    let (answer, opened) = oneshot::channel();
    let arguments = Arguments {
        options,
        input,
        pace,
        control: Arc::clone(control),
        queue: Arc::clone(queue),
    };
    thread::Builder::new()
        .name("mermin-pcap".to_owned())
        .spawn(move || {
            let _running = Running(Arc::clone(&arguments.control));
            let queue = Arc::clone(&arguments.queue);
            guard(&queue, || arguments.run(answer));
        })
        .map_err(|error| {
            Error::new(ErrorKind::Exhausted, "cannot start the reading thread").with_source(error)
        })?;
    Ok(opened)
}

impl Arguments {
    fn run(self, answer: oneshot::Sender<Result<Opened, Error>>) -> Result<(), Error> {
        match caught("open the source", || self.open()) {
            Ok((work, opened)) => match answer.send(Ok(opened)) {
                Ok(()) => work.run(),
                // The caller of `open` has gone.
                Err(_) => Ok(()),
            },
            Err(error) => {
                // The caller of `open` may have gone.
                let _ = answer.send(Err(error));
                Ok(())
            }
        }
    }

    fn open(self) -> Result<(OfflineThread<Box<dyn io::Read + Send>>, Opened), Error> {
        let name = self.input.name();
        let path = self.input.path();
        let (reader, ready) = self.input.open(&self.control)?;
        let capacity = self.options.max_flows.unwrap_or(MOST_FLOWS);
        let source = SourceKind::Capture { path };
        let shared = Arc::new(Shared::new(
            capacity,
            source,
            Arc::clone(self.control.changes()),
        ));
        let reader = CountedReader {
            reader,
            shared: Arc::clone(&shared),
        };
        let mut capture = Capture::new(Box::new(reader) as Box<dyn io::Read + Send>);
        capture.open().map_err(|broken| broken.into_error(&name))?;
        let opened = Opened {
            shared: Arc::clone(&shared) as _,
            receipt: None,
        };
        let options = ParseOptions {
            counted: self.options.decapsulation.counted(),
            keyed: self.options.flow_key.keyed(),
            ports: self.options.tunnel_ports.ports(),
        };
        let flows = Flows::new(
            self.options.timeouts,
            self.options.filter,
            capacity,
            epoch()?,
            options,
        )
        .joined(self.options.join)
        .sampled(self.options.sampling.as_ref())
        .listening(self.options.listening_ports)
        .analysing(self.options.tcp_analysis)
        .named(
            self.options
                .names
                .then_some(self.options.test_hooks.payload_octets),
        );
        let work = OfflineThread {
            reading: CaptureReader::new(capture, flows, shared).paced(self.pace),
            name,
            control: self.control,
            queue: self.queue,
            ready,
            live: Live::default(),
        };
        Ok((work, opened))
    }
}
