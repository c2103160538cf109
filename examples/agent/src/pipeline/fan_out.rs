//! The sink of the source.

use std::{collections::HashSet, sync::Arc, time::Duration};

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
    member::{Batch, Member},
    rest::{Answer, Unfinished, taken},
};

/// Adds the names of Kubernetes objects to records, and gives each batch to every receiver. `Ok` means that each has it,
/// in memory if it is buffered.
///
/// Tasks of receivers run on tokio, so it is created and used within a runtime.
pub struct FanOut {
    members: Vec<Member>,
    /// Removals of receivers without a successor, by name. `close` waits for them; a successor waits for its predecessor's removal.
    leaving: Vec<(String, JoinHandle<()>)>,
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

    /// Makes all changes that wait, and returns the least number of new receivers. It is not async, because a caller may drop the
    /// future of `export` or `idle` at any time.
    fn change(&mut self) -> u64 {
        let first = self.next;
        for Pending { change, done } in self.exchange.take() {
            self.apply(change);
            self.show();
            // The caller may be gone.
            let _ = done.send(());
        }
        first
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
        self.leaving.retain(|(_, removal)| !removal.is_finished());
        for member in go {
            let name = member.receiver.name().to_owned();
            if let Some(meter) = member.meter.clone() {
                let mut retired = self.exchange.retired();
                retired.begins(member.number, &name, meter);
            }
            let has_successor = added.iter().any(|it| it.receiver.name() == name);
            let unfinished = if has_successor {
                Unfinished::IsPassedOn
            } else {
                Unfinished::IsDropped
            };
            let exchange = self.exchange.clone();
            let removal = tokio::spawn(remove(member, close_within, unfinished, exchange));
            self.leaving.push((name, removal));
        }
        for prepared in added {
            let former = self.leaves(prepared.receiver.name());
            self.add(prepared, former);
        }
    }

    /// Takes the removal of the receiver of this name. There is at most one: whoever takes the name takes the removal.
    fn leaves(&mut self, name: &str) -> Option<JoinHandle<()>> {
        let place = self.leaving.iter().position(|(it, _)| it == name)?;
        Some(self.leaving.swap_remove(place).1)
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

    /// Gives a batch to a receiver.
    fn order(member: &Member, batch: Batch) -> impl Future<Output = Answered> + use<> {
        let (number, name) = (member.number, member.receiver.name().to_owned());
        let (records, meter) = (batch.len(), member.meter.clone());
        let taken = move || meter.as_ref().map_or(0, |meter| taken(&meter.stats()));
        let before = taken();
        let answer = member.export(batch);
        async move {
            let answer = answer.await.ok_or_else(|| {
                let taken = usize::try_from(taken().saturating_sub(before));
                records.saturating_sub(taken.unwrap_or(usize::MAX))
            });
            (number, name, answer)
        }
    }

    /// Returns the receiver that takes the place of one of this name, and the last records of a batch.
    fn pass_on(&self, name: &str, left: usize, batch: &Batch) -> Option<(&Member, Batch)> {
        let first = batch.len().saturating_sub(left);
        let records = batch.get(first..).unwrap_or_default();
        let member = self.successor(name, records.len())?;
        Some((member, Arc::new(records.to_vec())))
    }

    /// Returns the receiver that takes the place of one of this name. Without one, the records are dropped.
    fn successor(&self, name: &str, records: usize) -> Option<&Member> {
        let mut members = self.members.iter();
        let successor = members.find(|member| member.receiver.name() == name);
        // It was removed before it got them.
        if successor.is_none() && records != 0 {
            self.exchange.retired().dropped(name, records);
            tracing::warn!(
                "`{name}` is closed; {records} records of the batch in progress were dropped"
            );
        }
        successor.filter(|_| records != 0)
    }
}

/// The number and name of a receiver, and its answer. If the receiver's task has ended, it is the number of records that the receiver was
/// given and has not taken.
type Answered = (u64, String, Result<Answer, usize>);

async fn remove(member: Member, patience: Duration, unfinished: Unfinished, exchange: Exchange) {
    let (number, name) = (member.number, member.receiver.name().to_owned());
    let dropped = member.remove(patience, unfinished).await;
    exchange.retired().ends(number, &name);
    match dropped {
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
        let members = self.members.iter();
        let mut asked: HashSet<_> = members.map(|it| it.receiver.name().to_owned()).collect();
        let members = self.members.iter();
        let orders = members.map(|member| Self::order(member, Arc::clone(&batch)));
        let mut answers: FuturesUnordered<_> = orders.collect();
        loop {
            tokio::select! {
                biased;
                answer = answers.next() => match answer {
                    None => return Ok(()),
                    Some((number, name, answer)) => {
                        let left = match answer {
                            Ok(Answer::Done(outcome)) => {
                                outcome?;
                                0
                            }
                            Err(_) if self.members.iter().any(|it| it.number == number) => {
                                return Err(format!("the task of `{name}` has ended").into());
                            }
                            // An error: it was removed or replaced, and its task ended before it could pass them on or count them.
                            Ok(Answer::PassedOn(left)) | Err(left) => left,
                        };
                        let passed = self.pass_on(&name, left, &batch);
                        answers.extend(passed.map(|(member, rest)| Self::order(member, rest)));
                    }
                },
                // A receiver that is down may have filled its buffer, and the change may be its removal.
                () = exchange.arrived() => {
                    let first = self.change();
                    for member in self.members.iter().filter(|member| member.number >= first) {
                        // A successor gets what its predecessor passes on.
                        if asked.insert(member.receiver.name().to_owned()) {
                            answers.push(Self::order(member, Arc::clone(&batch)));
                        }
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
        self.leaving.retain(|(_, removal)| !removal.is_finished());
        let (outcomes, _) = join(
            join_all(self.members.iter_mut().map(Member::close)),
            join_all(self.leaving.iter_mut().map(|(_, removal)| removal)),
        )
        .await;
        outcomes.into_iter().collect()
    }

    /// Returns the number of waiting records, also of receivers that were removed and still deliver. The source has those of a batch
    /// in progress.
    fn waiting(&self) -> u64 {
        let stats = self.exchange.all_stats().into_iter();
        stats.map(|(_, it)| it.waiting - it.in_progress).sum()
    }
}

#[cfg(test)]
mod tests;
