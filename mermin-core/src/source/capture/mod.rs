//! The capture thread. This thread and those that help it make all system calls about the kernel program, so no
//! executor is blocked.

mod arguments;
mod clock;
mod closer;
mod drain;
mod drops;
mod due;
mod events;
mod exporter;
mod fallback;
mod host;
mod interface_names;
mod interfaces;
mod loading;
mod open;
mod openers;
mod parts;
mod pinned;
mod preflight;
mod reconfigure;
mod registry;
mod sampler;
mod setup;
mod shared;
mod slots;
mod sweep;
pub(super) mod thread;

use std::sync::Arc;

use futures_channel::oneshot;

pub(super) use self::{
    arguments::{CaptureArguments, Purpose},
    preflight::preflight,
};
use super::{
    control::Running,
    engine::{Opened, caught, guard},
    handover::Handover,
};
use crate::{error::Error, report::Report};

/// Opens, replies, and captures until closed. A panic detaches all programs and ends the stream with an error.
pub(super) fn run(arguments: CaptureArguments, answer: oneshot::Sender<Result<Opened, Error>>) {
    // Dropped last: by then the capture has been dropped, and the stream has ended.
    let _running = Running(Arc::clone(&arguments.control));
    let queue = Arc::clone(&arguments.queue);
    guard(&queue, || capture(arguments, answer));
}

/// Opens for another process, and replies. Dropping the reply leaves the pins.
pub(super) fn prepare(
    arguments: CaptureArguments,
    answer: oneshot::Sender<Result<(Handover, Report), Error>>,
) {
    // The caller may have dropped its future.
    let _ = answer.send(caught("prepare the source", || {
        open::prepare_for_another(arguments)
    }));
}

fn capture(
    arguments: CaptureArguments,
    answer: oneshot::Sender<Result<Opened, Error>>,
) -> Result<(), Error> {
    match events::opening(|| caught("open the source", || open::open(arguments))) {
        Ok((capture, opened)) => match answer.send(Ok(opened)) {
            Ok(()) => capture.run(),
            // The caller dropped its future. Dropping the capture detaches.
            Err(_) => Ok(()),
        },
        Err(error) => {
            // Everything attached has been dropped. The caller may have dropped its future.
            let _ = answer.send(Err(error));
            Ok(())
        }
    }
}
