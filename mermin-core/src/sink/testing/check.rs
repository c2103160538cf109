//! Checks a sink's part of the contract.

use std::{
    collections::BTreeMap,
    fmt,
    future::poll_fn,
    pin::pin,
    task::Poll,
    time::{Duration, Instant},
};

use super::detailed_flows;
use crate::{
    flow::Flow,
    sink::{BoxError, FlowSink, ThreadTimer, Timer},
};

/// Longest time of one poll of a sink before it counts as blocking. Encoding a batch takes far less on a busy machine.
const LONGEST_POLL: Duration = Duration::from_secs(1);
/// Time limit of each other step.
const LONGEST: Duration = Duration::from_secs(60);
/// Time in which a sink must fail or wait while its receiver is stopped.
const OUTAGE: Duration = Duration::from_millis(500);
/// Delay between two of the hundred attempts to export a batch after an outage. The sinks of this crate's own tests are
/// faster.
const BETWEEN: Duration = Duration::from_millis(if cfg!(test) { 10 } else { 50 });

/// A receiver of a sink under test.
pub trait Receiver {
    /// The sink under test.
    type Sink: FlowSink;
    /// The key that distinguishes records at the receiver: id and sequence if the receiver has both.
    type Key: Ord + fmt::Debug;

    /// The receiver's key of a record.
    fn key(flow: &Flow) -> Self::Key;

    /// Makes a sink for this receiver. Called once, before all other methods.
    fn sink(&mut self) -> Self::Sink;

    /// Keys of all received records, in any order; a record that arrived twice has two. Called after all records were
    /// sent. Waits for records in flight.
    fn received(&mut self) -> Vec<Self::Key>;

    /// Stops the receiver as an outage would. False if the receiver cannot be stopped.
    fn stop(&mut self) -> bool {
        false
    }

    /// Restarts the receiver with all records that it had received.
    fn start(&mut self) {}
}

/// A rule of the contract that a sink broke.
#[derive(Debug, thiserror::Error)]
#[error("{rule}: {what}")]
pub struct Violation {
    rule: &'static str,
    what: String,
}

/// Checks a sink's part of the contract, on the executor that polls this. Each rule has a receiver of its own. Returns the
/// checked rules:
///
/// * Every record is delivered once.
/// * A dropped call loses nothing.
/// * Closing delivers what the sink holds.
/// * Closing again, and without records, is ok.
/// * After an outage, every record arrives. This rule is checked if receivers can be stopped.
///
/// A sink that blocks its executor breaks the rule in which it does so. The other rules of [the contract](crate::sink) are
/// the caller's part, and are not checked: one call at a time, the order of records, back-pressure, and what survives
/// `kill -9`.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use mermin_core::{Flow, flow::FlowId, sink::{BoxError, FlowSink, testing}};
///
/// #[derive(Clone, Default)]
/// struct Memory(Arc<Mutex<Vec<(FlowId, u64)>>>);
///
/// impl FlowSink for Memory {
///     async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
///         let names = flows.iter().map(testing_key);
///         self.0.lock().unwrap().extend(names);
///         Ok(())
///     }
/// }
///
/// fn testing_key(flow: &Flow) -> (FlowId, u64) {
///     (flow.id, flow.sequence)
/// }
///
/// impl testing::Receiver for Memory {
///     type Sink = Self;
///     type Key = (FlowId, u64);
///     fn key(flow: &Flow) -> Self::Key { testing_key(flow) }
///     fn sink(&mut self) -> Self { self.clone() }
///     fn received(&mut self) -> Vec<Self::Key> { self.0.lock().unwrap().clone() }
/// }
///
/// # fn main() -> Result<(), testing::Violation> {
/// let rules = futures::executor::block_on(testing::check(Memory::default))?;
/// assert_eq!(rules.len(), 4);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// The first rule that was broken.
pub async fn check<R: Receiver>(
    mut receiver: impl FnMut() -> R,
) -> Result<Vec<&'static str>, Violation> {
    let mut rules = Vec::new();
    rules.push(every_record_once(receiver()).await?);
    rules.push(a_dropped_call_loses_nothing(receiver()).await?);
    rules.push(closing_delivers(receiver()).await?);
    rules.push(closing_again_is_ok(receiver()).await?);
    if let Some(rule) = an_outage_loses_nothing(receiver()).await? {
        rules.push(rule);
    }
    Ok(rules)
}

/// Awaits a call of the sink. It is a violation if the call fails, blocks a poll, or exceeds the time limit.
async fn call<T>(
    rule: &'static str,
    work: impl Future<Output = Result<T, BoxError>>,
) -> Result<T, Violation> {
    let outcome = within(rule, LONGEST, work).await?;
    let Some(result) = outcome else {
        return Err(Violation {
            rule,
            what: format!("a call took longer than {LONGEST:?}"),
        });
    };
    result.map_err(|error| Violation {
        rule,
        what: format!("a call failed: {error}"),
    })
}

/// The result of the work if it ends within the time limit.
async fn within<T>(
    rule: &'static str,
    time: Duration,
    work: impl Future<Output = T>,
) -> Result<Option<T>, Violation> {
    let timer = ThreadTimer::default();
    let mut over = timer.sleep(time);
    let mut work = pin!(work);
    let mut longest = Duration::ZERO;
    let outcome = poll_fn(|context| {
        let began = Instant::now();
        let outcome = work.as_mut().poll(context);
        longest = longest.max(began.elapsed());
        match outcome {
            Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
            Poll::Pending => over.as_mut().poll(context).map(|()| None),
        }
    })
    .await;
    if longest > LONGEST_POLL {
        return Err(Violation {
            rule,
            what: format!("it blocks its executor: one poll took {longest:?}"),
        });
    }
    Ok(outcome)
}

/// Number of arrivals of each record.
fn tally<K: Ord>(keys: impl IntoIterator<Item = K>) -> BTreeMap<K, usize> {
    let mut tally = BTreeMap::new();
    for key in keys {
        *tally.entry(key).or_default() += 1;
    }
    tally
}

/// Checks that each record arrived, that none arrived more than `most` times, and that no other record arrived.
fn compare<R: Receiver>(
    rule: &'static str,
    receiver: &mut R,
    sent: &[Flow],
    most: usize,
) -> Result<(), Violation> {
    let came = tally(receiver.received());
    let expected = tally(sent.iter().map(R::key));
    let times = |key| came.get(key).copied().unwrap_or(0);
    let lost: Vec<_> = expected
        .iter()
        .filter(|(key, count)| times(key) < **count)
        .collect();
    let doubled: Vec<_> = expected
        .iter()
        .filter(|(key, count)| times(key) > **count * most)
        .collect();
    let strange: Vec<_> = came
        .keys()
        .filter(|key| !expected.contains_key(key))
        .collect();
    if lost.is_empty() && doubled.is_empty() && strange.is_empty() {
        return Ok(());
    }
    let example = |name: &str, count: usize, key: Option<String>| {
        key.map_or(String::new(), |key| {
            format!("{count} {name}, such as {key}; ")
        })
    };
    let show = |list: &[(&R::Key, &usize)]| list.first().map(|(key, _)| format!("{key:?}"));
    let what = example("lost", lost.len(), show(&lost))
        + &example("came too often", doubled.len(), show(&doubled))
        + &example(
            "were never sent",
            strange.len(),
            strange.first().map(|key| format!("{key:?}")),
        );
    Err(Violation { rule, what })
}

async fn every_record_once<R: Receiver>(mut receiver: R) -> Result<&'static str, Violation> {
    const RULE: &str = "every record is delivered once";
    let mut sink = receiver.sink();
    let all = detailed_flows(2400);
    let mut rest = &all[..];
    for size in [1, 2, 3, 7, 100, 1000].into_iter().cycle() {
        let (batch, others) = rest.split_at(rest.len().min(size));
        if batch.is_empty() {
            break;
        }
        call(RULE, sink.export(batch)).await?;
        rest = others;
    }
    call(RULE, sink.close()).await?;
    compare(RULE, &mut receiver, &all, 1)?;
    Ok(RULE)
}

async fn a_dropped_call_loses_nothing<R: Receiver>(
    mut receiver: R,
) -> Result<&'static str, Violation> {
    const RULE: &str = "a dropped call loses nothing";
    let mut sink = receiver.sink();
    let all = detailed_flows(400);
    for batch in all.chunks(40) {
        {
            // Polled once, and dropped.
            let mut export = pin!(sink.export(batch));
            poll_fn(|context| {
                let _ = export.as_mut().poll(context);
                Poll::Ready(())
            })
            .await;
        }
        call(RULE, sink.export(batch)).await?;
    }
    call(RULE, sink.close()).await?;
    compare(RULE, &mut receiver, &all, 2)?;
    Ok(RULE)
}

async fn closing_delivers<R: Receiver>(mut receiver: R) -> Result<&'static str, Violation> {
    const RULE: &str = "closing delivers what the sink holds";
    let mut sink = receiver.sink();
    let all = detailed_flows(5);
    call(RULE, sink.export(&all)).await?;
    {
        // The caller waits for records that do not come, and then closes the sink.
        let mut idle = pin!(sink.idle());
        poll_fn(|context| {
            let _ = idle.as_mut().poll(context);
            Poll::Ready(())
        })
        .await;
    }
    call(RULE, sink.close()).await?;
    drop(sink);
    compare(RULE, &mut receiver, &all, 1)?;
    Ok(RULE)
}

async fn closing_again_is_ok<R: Receiver>(mut receiver: R) -> Result<&'static str, Violation> {
    const RULE: &str = "closing again, and without records, is ok";
    let mut sink = receiver.sink();
    call(RULE, sink.close()).await?;
    call(RULE, sink.close()).await?;
    drop(sink);
    compare(RULE, &mut receiver, &[], 1)?;
    Ok(RULE)
}

async fn an_outage_loses_nothing<R: Receiver>(
    mut receiver: R,
) -> Result<Option<&'static str>, Violation> {
    const RULE: &str = "after an outage, every record arrives";
    let mut sink = receiver.sink();
    let all = detailed_flows(300);
    let (before, rest) = all.split_at(100);
    let (during, after) = rest.split_at(100);
    call(RULE, sink.export(before)).await?;
    if !receiver.stop() {
        return Ok(None);
    }
    // The sink may wait, fail or keep the records. The batch is exported again unless the result was `Ok`.
    let outcome = within(RULE, OUTAGE, sink.export(during)).await?;
    receiver.start();
    if !matches!(outcome, Some(Ok(()))) {
        again(RULE, &mut sink, during).await?;
    }
    again(RULE, &mut sink, after).await?;
    call(RULE, sink.close()).await?;
    compare(RULE, &mut receiver, &all, usize::MAX)?;
    Ok(Some(RULE))
}

/// Exports a batch until the result is `Ok`. The sink must recover by itself: it is not made anew.
async fn again(
    rule: &'static str,
    sink: &mut impl FlowSink,
    batch: &[Flow],
) -> Result<(), Violation> {
    let timer = ThreadTimer::default();
    let mut last = None;
    for _ in 0..100 {
        match within(rule, LONGEST, sink.export(batch)).await? {
            Some(Ok(())) => return Ok(()),
            Some(Err(error)) => last = Some(error),
            None => break,
        }
        timer.sleep(BETWEEN).await;
    }
    Err(Violation {
        rule,
        what: format!("it does not recover when the receiver is back: {last:?}"),
    })
}

#[cfg(test)]
mod tests;
