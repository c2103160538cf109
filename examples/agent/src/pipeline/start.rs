//! Starts the exporter of a receiver.

use std::env;

use mermin_core::sink::{
    Backoff, BoxSink, FlowSink as _, Meter, Overflow, buffered, retry, threaded,
};
use mermin_export::{Opened, Target};
use mermin_otlp::Resource;
use mermin_program::{Result, in_front_of};

use super::{exchange::Doubled, stdout::Stdout};
use crate::configuration::Receiver;

/// A receiver with its exporter, which has no records yet.
pub struct Prepared {
    /// The receiver.
    pub receiver: Receiver,
    /// Counts of its records.
    pub meter: Option<Meter>,
    pub(super) sink: BoxSink,
    /// Called with the meters of all receivers whenever these change.
    pub(super) opened: Option<Opened>,
    /// Number of records that it may have twice, and a remedy.
    pub(super) doubled: Option<Doubled>,
}

/// Takes the functions that are to be called with the meters, by their receivers.
pub(crate) fn take_callbacks(prepared: &mut [Prepared]) -> Vec<(Receiver, Opened)> {
    let opened = prepared
        .iter_mut()
        .filter_map(|it| Some((it.receiver.clone(), it.opened.take()?)));
    opened.collect()
}

/// Starts the exporter of a receiver, with retries and a buffer.
///
/// # Errors
/// Those of the exporter: a port in use, a file that cannot be opened, no thread.
pub fn prepare(receiver: &Receiver) -> Result<Prepared> {
    let (mut opened, mut doubled) = (None, None);
    let sink = match receiver {
        Receiver::Target {
            text,
            buffer,
            overflow,
            ..
        } => {
            let started = (Target::parse(text)?.start)()?;
            (opened, doubled) = (started.opened, started.doubled);
            in_front_of(started.sink, started.batching, *buffer, (*overflow).into())
        }
        Receiver::Stdout {
            format,
            buffer,
            seed,
        } => {
            let lines = threaded("mermin-stdout", Stdout::new(*format, *seed))?;
            let sink = retry(lines, Backoff::default());
            BoxSink::new(buffered(sink, *buffer, Overflow::Block))
        }
        Receiver::Otlp(block) => {
            let resource = Resource::of_host().with_environment(|name| env::var(name).ok())?;
            block.start(resource)?
        }
    };
    Ok(Prepared {
        receiver: receiver.clone(),
        meter: sink.meter(),
        sink,
        opened,
        doubled,
    })
}
