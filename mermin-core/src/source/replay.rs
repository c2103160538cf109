//! A source of records that were made before.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    control::Control,
    engine::{Counters, Opened},
    queue::Queue,
    receive::Receive,
    stream::FlowSource,
};
use crate::{
    error::{Error, ErrorKind},
    flow::{Flow, FlowId},
    report::{Report, Stats},
};

/// A source that gives these records, and behaves as one with [`Pinning`](crate::Pinning): what it learns of their arrival
/// is in the other value. No kernel is needed. It ends when all are given.
///
/// # Errors
/// `Exhausted` where there is no file descriptor left.
pub fn replay(flows: impl IntoIterator<Item = Flow>) -> Result<(FlowSource, Replayed), Error> {
    let control = Control::new().map_err(|error| {
        Error::new(ErrorKind::Exhausted, "cannot create an event descriptor").with_source(error)
    })?;
    // There is no thread whose end somebody could wait for.
    control.end();
    let queue = Arc::new(Queue::default());
    let mut flows: VecDeque<_> = flows.into_iter().collect();
    queue.put(&mut flows);
    queue.end(Ok(()));
    let replayed = Replayed::default();
    let opened = Opened {
        shared: Arc::new(Nothing),
        receipt: Some(Box::new(replayed.clone())),
    };
    let source = FlowSource::new(queue, Arc::new(control), opened);
    Ok((source, replayed))
}

/// Which records of a [replayed](replay) source have arrived.
#[derive(Clone, Debug, Default)]
pub struct Replayed {
    arrived: Arc<Mutex<Vec<FlowId>>>,
}

impl Replayed {
    /// Ids of records that have arrived, in their order.
    #[must_use]
    pub fn arrived(&self) -> Vec<FlowId> {
        self.arrived
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Receive for Replayed {
    fn acknowledge(&self, id: FlowId) {
        self.arrived
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(id);
    }
}

#[derive(Debug)]
struct Nothing;

impl Counters for Nothing {
    fn stats(&self) -> Stats {
        Stats::default()
    }

    fn report(&self) -> Report {
        Report::default()
    }
}
