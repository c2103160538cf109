//! The task of one receiver.

use std::{sync::Arc, time::Duration};

use mermin_core::{
    Flow,
    sink::{BoxError, BoxSink, DropReason, FlowSink as _, Meter},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

use super::{
    Prepared,
    rest::{Answer, Rest, Unfinished},
};
use crate::configuration::Receiver;

/// A batch, shared by all receivers.
pub(super) type Batch = Arc<Vec<Flow>>;

struct Order {
    batch: Batch,
    answer: oneshot::Sender<Answer>,
}

/// A receiver, and the task that exports to it.
pub(super) struct Member {
    /// Distinguishes it from a former one of the same name.
    pub(super) number: u64,
    pub(super) receiver: Receiver,
    pub(super) meter: Option<Meter>,
    /// Dropped, it makes the task close the sink once the batch in progress is exported.
    orders: Option<mpsc::Sender<Order>>,
    /// Cancels the batch in progress.
    going_on: Option<oneshot::Sender<Unfinished>>,
    /// Ready when a former receiver of the same name is closed.
    begun: oneshot::Receiver<()>,
    task: JoinHandle<Result<(), BoxError>>,
}

impl Member {
    /// Starts the task, which begins when a former receiver of the same name is closed: two exporters to one file would mix their
    /// lines.
    pub(super) fn start(number: u64, prepared: Prepared, former: Option<JoinHandle<()>>) -> Self {
        let (orders, received) = mpsc::channel(1);
        let (going_on, cancelled) = oneshot::channel();
        let (begins, begun) = oneshot::channel();
        let work = work(prepared.sink, received, cancelled);
        Self {
            number,
            receiver: prepared.receiver,
            meter: prepared.meter,
            orders: Some(orders),
            going_on: Some(going_on),
            begun,
            task: tokio::spawn(async move {
                if let Some(former) = former {
                    // The former receiver's removal returns nothing to check.
                    let _ = former.await;
                }
                // The member may have been dropped.
                let _ = begins.send(());
                work.await
            }),
        }
    }

    /// Gives it a batch. The answer is absent if the task has ended.
    pub(super) fn export(&self, batch: Batch) -> impl Future<Output = Option<Answer>> + use<> {
        let orders = self.orders.clone();
        async move {
            let (answer, answered) = oneshot::channel();
            orders?.send(Order { batch, answer }).await.ok()?;
            answered.await.ok()
        }
    }

    /// Closes the sink once all of its records are delivered.
    pub(super) async fn close(&mut self) -> Result<(), BoxError> {
        self.orders = None;
        if self.task.is_finished() && self.going_on.is_none() {
            return Ok(());
        }
        let closed = (&mut self.task).await;
        self.going_on = None;
        closed.map_err(|error| -> BoxError {
            format!("the task of `{}` has ended: {error}", self.receiver.name()).into()
        })?
    }

    /// Gives up the batch in progress, and closes the sink within a time limit. Returns the number of records that were dropped, of that
    /// batch or because the time was over. The time begins when a former receiver of the same name is closed, which has a time limit of its
    /// own: the task waits for it.
    pub(super) async fn remove(mut self, patience: Duration, unfinished: Unfinished) -> u64 {
        self.orders = None;
        if let Some(going_on) = self.going_on.take() {
            // The task may have ended.
            let _ = going_on.send(unfinished);
        }
        // An error means that the task has ended.
        let _ = (&mut self.begun).await;
        if timeout(patience, &mut self.task).await.is_err() {
            self.task.abort();
            // The sink is dropped now, and counts what it still had.
            let _ = (&mut self.task).await;
        }
        self.meter
            .as_ref()
            .map_or(0, |meter| meter.stats().dropped_by(DropReason::Closed))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if self.going_on.is_some() {
            self.task.abort();
        }
    }
}

/// Exports batch by batch; the sink does its own work between them.
async fn work(
    sink: BoxSink,
    mut orders: mpsc::Receiver<Order>,
    mut cancelled: oneshot::Receiver<Unfinished>,
) -> Result<(), BoxError> {
    let mut rest = None;
    // Behind `rest`, so that it is dropped first: then its counts are the last ones.
    let mut sink = sink;
    while let Some(Order { batch, answer }) = next(&mut sink, &mut orders).await {
        let told = cancelled.try_recv().ok();
        if told == Some(Unfinished::IsPassedOn) {
            // The fan-out may have been dropped.
            let _ = answer.send(Answer::PassedOn(batch.len()));
            break;
        }
        let meter = sink.meter();
        let unfinished = async {
            match told {
                Some(told) => Ok(told),
                None => (&mut cancelled).await,
            }
        };
        let mut export = std::pin::pin!(sink.export(&batch));
        tokio::select! {
            // First, so that the meter knows the batch when it is given up.
            biased;
            outcome = &mut export => {
                // The fan-out may have been dropped.
                let _ = answer.send(Answer::Done(outcome));
            }
            // An error means that the member was dropped.
            unfinished = unfinished => {
                let unfinished = unfinished.unwrap_or(Unfinished::IsDropped);
                rest = Some(Rest::of(batch.len(), meter, unfinished, answer));
                break;
            }
        }
    }
    let closed = sink.close().await;
    drop(rest);
    closed
}

async fn next(sink: &mut BoxSink, orders: &mut mpsc::Receiver<Order>) -> Option<Order> {
    let mut idle = std::pin::pin!(sink.idle());
    let mut idles = true;
    loop {
        tokio::select! {
            biased;
            order = orders.recv() => return order,
            () = &mut idle, if idles => idles = false,
        }
    }
}
