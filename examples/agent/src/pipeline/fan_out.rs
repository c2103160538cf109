//! The sink of the source.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::{
    StreamExt as _,
    future::{join, join_all},
    stream::FuturesUnordered,
};
use mermin_core::{
    Flow,
    sink::{BoxError, FlowSink},
};
use tokio::task::JoinHandle;

use super::{
    Decoration, Exchange, Names, Prepared, Purpose,
    exchange::{Change, Pending},
    member::{Batch, Member, Unfinished},
};

/// Adds the names of Kubernetes objects to records, and gives each batch to every receiver. `Ok` means that each has it,
/// in memory if it is buffered.
///
/// Tasks of receivers run on tokio, so it is created and used within a runtime.
pub struct FanOut {
    members: Vec<Member>,
    /// Removals of receivers without a successor. `close` waits for them; a successor waits for its predecessor's removal.
    leaving: Vec<JoinHandle<()>>,
    /// Number of the next receiver.
    next: u64,
    names: Names,
    exchange: Exchange,
}

impl FanOut {
    /// Starts the tasks of these receivers.
    #[must_use]
    pub fn new(
        prepared: Vec<Prepared>,
        decoration: Option<Decoration>,
        exchange: Exchange,
    ) -> Self {
        let mut fan_out = Self {
            members: Vec::new(),
            leaving: Vec::new(),
            next: 0,
            names: Names::default(),
            exchange,
        };
        for prepared in prepared {
            fan_out.add(prepared, None);
        }
        fan_out.names.follow(decoration.map(Arc::new));
        fan_out.show();
        fan_out
    }

    /// Shows the meters of the present receivers.
    fn show(&self) {
        let meters = self
            .members
            .iter()
            .filter_map(|member| Some((member.receiver.name().to_owned(), member.meter.clone()?)));
        self.exchange.show(meters.collect());
    }

    /// Makes all changes that wait, and returns the numbers of new receivers. It is not async, because a caller may drop the
    /// future of `export` or `idle` at any time.
    fn change(&mut self) -> Vec<u64> {
        let first = self.next;
        for Pending { change, done } in self.exchange.take() {
            self.apply(change);
            self.show();
            // The caller may be gone.
            let _ = done.send(());
        }
        let numbers = self.members.iter().map(|member| member.number);
        numbers.filter(|number| *number >= first).collect()
    }

    fn apply(&mut self, change: Change) {
        let Change {
            kept,
            added,
            decoration,
            close_within,
        } = change;
        self.names.follow(decoration.map(Arc::new));
        let (stay, go): (Vec<_>, Vec<_>) = std::mem::take(&mut self.members)
            .into_iter()
            .partition(|member| kept.contains(&member.receiver));
        self.members = stay;
        let mut removals: HashMap<String, JoinHandle<()>> = HashMap::new();
        for member in go {
            let name = member.receiver.name().to_owned();
            if let Some(meter) = member.meter.clone() {
                self.exchange.retire(&name, meter);
            }
            let has_successor = added.iter().any(|it| it.receiver.name() == name);
            let unfinished = if has_successor {
                Unfinished::IsPassedOn
            } else {
                Unfinished::IsDropped
            };
            let removal = tokio::spawn(remove(member, close_within, unfinished));
            removals.insert(name, removal);
        }
        for prepared in added {
            let former = removals.remove(prepared.receiver.name());
            self.add(prepared, former);
        }
        self.leaving.retain(|removal| !removal.is_finished());
        self.leaving.extend(removals.into_values());
    }

    fn add(&mut self, mut prepared: Prepared, former: Option<JoinHandle<()>>) {
        if let Some(doubled) = prepared.doubled.take() {
            self.exchange.may_double(prepared.receiver.name(), doubled);
        }
        self.members
            .push(Member::start(self.next, prepared, former));
        self.next += 1;
    }

    fn named(&mut self, flows: &[Flow]) -> Batch {
        let mut batch = flows.to_vec();
        self.names.decorate(&mut batch, Purpose::Records);
        Arc::new(batch)
    }

    /// Gives a batch to a receiver. `None` if it is removed.
    fn order(&self, number: u64, batch: &Batch) -> Option<impl Future<Output = Answered> + use<>> {
        let mut members = self.members.iter();
        let member = members.find(|member| member.number == number)?;
        let answer = member.export(Arc::clone(batch));
        Some(async move { (number, answer.await) })
    }
}

/// The number of a receiver and its outcome, which is absent if the receiver's task has ended.
type Answered = (u64, Option<Result<(), BoxError>>);

async fn remove(member: Member, patience: Duration, unfinished: Unfinished) {
    let name = member.receiver.name().to_owned();
    match member.remove(patience, unfinished).await {
        0 => tracing::info!(
            "`{name}` is closed; every record that it accepted was delivered, or was dropped and counted earlier"
        ),
        left => tracing::warn!(
            "`{name}` is closed; {left} records were dropped: those of a batch in progress, and those that were left after {patience:?}"
        ),
    }
}

impl FlowSink for FanOut {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        self.change();
        let batch = self.named(flows);
        let exchange = self.exchange.clone();
        let numbers: Vec<_> = self.members.iter().map(|member| member.number).collect();
        let orders = numbers
            .into_iter()
            .filter_map(|number| self.order(number, &batch));
        let mut answers: FuturesUnordered<_> = orders.collect();
        loop {
            tokio::select! {
                biased;
                answer = answers.next() => match answer {
                    None => return Ok(()),
                    Some((_, Some(outcome))) => outcome?,
                    Some((number, None)) => {
                        // A receiver that was removed answers nothing.
                        let mut members = self.members.iter();
                        if let Some(member) = members.find(|member| member.number == number) {
                            return Err(format!("the task of `{}` has ended", member.receiver.name()).into());
                        }
                    }
                },
                // A receiver that is down may have filled its buffer, and the change may be its removal.
                () = exchange.arrived() => {
                    for number in self.change() {
                        answers.extend(self.order(number, &batch));
                    }
                }
            }
        }
    }

    /// Receivers do their own work in their tasks; only a change is made here.
    async fn idle(&mut self) {
        let exchange = self.exchange.clone();
        loop {
            exchange.arrived().await;
            self.change();
        }
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        self.change();
        // A handle that is finished must not be polled again, and this future may be dropped and called again.
        self.leaving.retain(|removal| !removal.is_finished());
        let (outcomes, _) = join(
            join_all(self.members.iter_mut().map(Member::close)),
            join_all(&mut self.leaving),
        )
        .await;
        outcomes.into_iter().collect()
    }

    /// Returns the number of waiting records, also of receivers that were removed and still deliver. The source has those of a batch
    /// in progress.
    fn waiting(&self) -> u64 {
        let meters = self.exchange.all_meters();
        let stats = meters.iter().map(|(_, meter)| meter.stats());
        stats.map(|it| it.waiting - it.in_progress).sum()
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt as _, future::pending};
    use mermin_core::sink::{Backoff, BoxSink, Overflow, buffered, retry, testing::flows};
    use tokio::sync::oneshot;

    use super::*;
    use crate::configuration::Receiver;

    /// A receiver that takes nothing before it is opened.
    struct Gate(Option<oneshot::Receiver<()>>);

    impl FlowSink for Gate {
        async fn export(&mut self, _: &[Flow]) -> Result<(), BoxError> {
            if let Some(opened) = self.0.as_mut() {
                opened.await?;
            }
            self.0 = None;
            Ok(())
        }
    }

    fn behind(gate: oneshot::Receiver<()>) -> Prepared {
        let sink = BoxSink::new(buffered(Gate(Some(gate)), 1_000, Overflow::Block));
        Prepared {
            receiver: Receiver::Target {
                text: "gate:".to_owned(),
                name: "gate".to_owned(),
                buffer: 1_000,
                overflow: mermin_config::value::Overflow::Block,
            },
            meter: sink.meter(),
            sink,
            opened: None,
            doubled: None,
        }
    }

    /// Puts these receivers in the place of all others, as the source would while there are no records.
    async fn replace(fan_out: &mut FanOut, added: Vec<Prepared>, close_within: Duration) {
        let exchange = fan_out.exchange.clone();
        let change = exchange.change(Change {
            kept: Vec::new(),
            added,
            decoration: None,
            close_within,
        });
        tokio::select! {
            () = fan_out.idle() => pending().await,
            () = change => {}
        }
    }

    #[tokio::test]
    async fn closing_waits_for_receivers_that_were_removed() {
        let (open, gate) = oneshot::channel();
        let exchange = Exchange::default();
        let mut fan_out = FanOut::new(vec![behind(gate)], None, exchange.clone());
        let records = flows(40);
        fan_out.export(&records).await.unwrap();
        replace(&mut fan_out, Vec::new(), Duration::from_mins(1)).await;
        let count = records.len() as u64;
        assert_eq!((exchange.meters().len(), fan_out.waiting()), (0, count));
        // Called twice, as a caller may drop the future.
        assert!(fan_out.close().now_or_never().is_none());
        open.send(()).unwrap();
        fan_out.close().await.unwrap();
        let (_, meter) = exchange.all_meters().remove(0);
        assert_eq!((meter.stats().delivered, fan_out.waiting()), (count, 0));
        fan_out.close().await.unwrap();
    }

    /// A receiver of this name without a buffer, which is behind a gate.
    fn unbuffered(name: &str, gate: oneshot::Receiver<()>) -> Prepared {
        let sink = BoxSink::new(retry(Gate(Some(gate)), Backoff::default()));
        Prepared {
            receiver: Receiver::Target {
                text: name.to_owned(),
                name: name.to_owned(),
                buffer: 0,
                overflow: mermin_config::value::Overflow::Block,
            },
            meter: sink.meter(),
            sink,
            opened: None,
            doubled: None,
        }
    }

    /// Replaces a receiver that is away by another of this name, while a batch is in progress. Returns the counts of the first: of the
    /// batch, waiting before, accepted and dropped after.
    async fn replaced_by(successor: &str) -> [u64; 4] {
        let ((_open, gate), (open_next, next_gate)) = (oneshot::channel(), oneshot::channel());
        let exchange = Exchange::default();
        let mut fan_out = FanOut::new(vec![unbuffered("away", gate)], None, exchange.clone());
        let records = flows(40);
        let (_, meter) = exchange.meters().remove(0);
        let shown = exchange.clone();
        let change = async {
            while meter.stats().waiting == 0 {
                tokio::task::yield_now().await;
            }
            let waiting = shown.stats().remove(0).1.waiting;
            let added = vec![unbuffered(successor, next_gate)];
            shown
                .change(Change {
                    kept: Vec::new(),
                    added,
                    decoration: None,
                    close_within: Duration::from_mins(1),
                })
                .await;
            open_next.send(()).unwrap();
            waiting
        };
        let (exported, waiting) = join(fan_out.export(&records), change).await;
        exported.unwrap();
        fan_out.close().await.unwrap();
        let (name, meter) = exchange.all_meters().remove(0);
        assert_eq!(name, "away (removed)");
        let stats = meter.stats();
        let count = records.len() as u64;
        assert_eq!(exchange.stats()[0].1.delivered, count);
        [count, waiting, stats.accepted, stats.dropped_in_all()]
    }

    #[tokio::test]
    async fn batch_of_a_removed_receiver_without_a_buffer_is_counted() {
        let [count, waiting, accepted, dropped] = replaced_by("other").await;
        assert_eq!([waiting, accepted, dropped], [count; 3]);
    }

    #[tokio::test]
    async fn batch_that_a_successor_gets_is_not_dropped() {
        let [count, waiting, accepted, dropped] = replaced_by("away").await;
        assert_eq!([waiting, accepted, dropped], [count, 0, 0]);
    }

    #[tokio::test]
    async fn removal_waits_for_the_receiver_that_was_replaced() {
        let ((open, gate), (_open_next, next_gate)) = (oneshot::channel(), oneshot::channel());
        let exchange = Exchange::default();
        let mut fan_out = FanOut::new(vec![behind(gate)], None, exchange.clone());
        let records = flows(40);
        fan_out.export(&records).await.unwrap();
        let successor = vec![behind(next_gate)];
        replace(&mut fan_out, successor, Duration::from_mins(1)).await;
        // The successor has no time, and its predecessor has.
        replace(&mut fan_out, Vec::new(), Duration::ZERO).await;
        let moment = Duration::from_millis(100);
        let closed = tokio::time::timeout(moment, fan_out.close()).await;
        assert!(closed.is_err());
        open.send(()).unwrap();
        fan_out.close().await.unwrap();
        let (_, meter) = exchange.all_meters().remove(0);
        let count = records.len() as u64;
        assert_eq!((meter.stats().delivered, fan_out.waiting()), (count, 0));
    }
}
