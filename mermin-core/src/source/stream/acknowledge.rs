//! Acknowledgements: the consumer gives them, and a pinned source stores them.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    flow::{Flow, FlowId},
    source::{acknowledge::Acknowledge, control::Control},
};

/// Acknowledgements of the consumer, automatic or by hand.
#[derive(Debug)]
pub(super) struct Receipts {
    /// Stores acknowledgements of a pinned source, until the source has ended.
    receipt: Option<Arc<dyn Acknowledge>>,
    control: Arc<Control>,
    /// The record that was returned last, if polling for the next one acknowledges it.
    given: Option<FlowId>,
    manual: Option<Acknowledger>,
}

impl Receipts {
    pub(super) fn new(receipt: Option<Box<dyn Acknowledge>>, control: Arc<Control>) -> Self {
        Self {
            receipt: receipt.map(Arc::from),
            control,
            given: None,
            manual: None,
        }
    }

    /// Acknowledges the previous record, because the consumer polls for the next one.
    pub(super) fn ask(&mut self) {
        if let Some(given) = self.given.take() {
            self.arrived([given]);
        }
    }

    /// Notes a record that the stream returns.
    pub(super) fn give(&mut self, flow: &Flow) {
        if self.receipt.is_none() {
            return;
        }
        match &self.manual {
            Some(manual) => manual.lock().given.add(flow),
            None => self.given = Some(flow.id),
        }
    }

    /// Acknowledges these records.
    pub(super) fn arrived(&self, ids: impl IntoIterator<Item = FlowId>) {
        let Some(receipt) = &self.receipt else { return };
        if self.control.is_inherited() {
            return;
        }
        ids.into_iter().for_each(|id| receipt.acknowledge(id));
        wake_closing(&self.control);
    }

    pub(super) fn manual(&mut self) -> Acknowledger {
        if let Some(manual) = &self.manual {
            return manual.clone();
        }
        let mut given = Given::default();
        if let Some(id) = self.given.take() {
            // The consumer has this record and has not polled for the next one, so it must acknowledge it by hand.
            // The sequence number is not needed, because the flow has no other outstanding record.
            given.add_id(id, None);
        }
        let manual = Acknowledger {
            state: Arc::new(Mutex::new(State {
                receipt: self.receipt.clone(),
                given,
                ended: false,
            })),
            control: Arc::clone(&self.control),
        };
        self.manual = Some(manual.clone());
        manual
    }

    /// Forgets everything, because this process has nothing to acknowledge. Takes no lock.
    pub(super) fn forget(&mut self) {
        (self.receipt, self.given, self.manual) = (None, None, None);
    }

    /// Ends the source: it returns no more records.
    pub(super) fn end(&mut self) {
        self.receipt = None;
        if let Some(manual) = &self.manual {
            manual.lock().end();
        }
    }
}

impl Drop for Receipts {
    fn drop(&mut self) {
        if self.control.is_inherited() {
            return;
        }
        // The receipt holds the lock of the instance. Without it, another source can use the instance while clones of the
        // acknowledger exist.
        if let Some(manual) = &self.manual {
            manual.lock().receipt = None;
        }
    }
}

/// Wakes the source if it is closing: it then waits for the last acknowledgements.
fn wake_closing(control: &Control) {
    if control.is_closing() {
        control.wake();
    }
}

/// Acknowledges records of a source, from any thread, see [`FlowSource::manual_ack`](crate::FlowSource::manual_ack).
/// Clones refer to the same source.
///
/// After the source is dropped, nothing can be acknowledged any more, and another source can use the instance. With
/// [`persist`](crate::Pinning::persist), or after an error, the stream ends although records are not acknowledged. These
/// records can still be acknowledged. Another source can use the instance when all records are acknowledged, or when the
/// source is dropped.
///
/// ```no_run
/// use futures::StreamExt;
/// use mermin_core::{FlowSource, Pinning};
///
/// # async fn watch() -> Result<(), Box<dyn std::error::Error>> {
/// let pinning = Pinning::instance("billing");
/// let mut source = FlowSource::builder().pinning(pinning).open().await?;
/// let acknowledger = source.manual_ack();
/// let (stored, to_acknowledge) = std::sync::mpsc::channel();
/// std::thread::spawn(move || {
///     for flow in to_acknowledge {
///         acknowledger.ack(&flow);
///     }
/// });
/// while let Some(flow) = source.next().await {
///     stored.send(flow?)?; // once it is on disk
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Acknowledger {
    state: Arc<Mutex<State>>,
    control: Arc<Control>,
}

#[derive(Debug)]
struct State {
    receipt: Option<Arc<dyn Acknowledge>>,
    given: Given,
    ended: bool,
}

impl State {
    fn end(&mut self) {
        self.ended = true;
        if self.given.is_empty() {
            self.receipt = None;
        }
    }

    fn arrived(&self, ids: impl IntoIterator<Item = FlowId>) -> usize {
        let Some(receipt) = &self.receipt else {
            return 0;
        };
        ids.into_iter().map(|id| receipt.acknowledge(id)).count()
    }
}

#[expect(
    clippy::must_use_candidate,
    reason = "most callers have no use for how many there were"
)]
impl Acknowledger {
    /// Locks the state. A panic in another thread leaves it valid, because every change is complete before anything can
    /// panic.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State) -> usize) -> usize {
        if self.control.is_inherited() {
            return 0;
        }
        let count = {
            let mut state = self.lock();
            let count = change(&mut state);
            if state.ended {
                state.end();
            }
            count
        };
        if count != 0 {
            wake_closing(&self.control);
        }
        count
    }

    /// Acknowledges this record. Returns false if it was acknowledged before, or if the source is not pinned.
    pub fn ack(&self, flow: &Flow) -> bool {
        self.ack_all(std::slice::from_ref(flow)) == 1
    }

    /// Acknowledges these records. Returns how many of them were not acknowledged before.
    pub fn ack_all(&self, flows: &[Flow]) -> usize {
        self.change(|state| {
            let given = &mut state.given;
            let found: Vec<_> = flows
                .iter()
                .filter(|flow| given.take(flow))
                .map(|flow| flow.id)
                .collect();
            state.arrived(found)
        })
    }

    /// Acknowledges this record and all records that the stream returned before it. Returns how many were newly
    /// acknowledged: 0 if this record was acknowledged before.
    pub fn ack_through(&self, flow: &Flow) -> usize {
        self.change(|state| {
            let through = state.given.take_through(flow);
            state.arrived(through)
        })
    }

    /// Returns the number of records that the stream returned and that are not acknowledged.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        if self.control.is_inherited() {
            return 0;
        }
        self.lock().given.places.len()
    }
}

/// Records that were returned and are not acknowledged, in order.
#[derive(Debug, Default)]
struct Given {
    /// Each record's id and sequence number; `None` for an acknowledged record.
    order: VecDeque<Option<(FlowId, Option<u64>)>>,
    /// The number of the first entry of `order`; each later entry has the next number.
    first: u64,
    /// The number of the entry for each flow's unacknowledged record.
    places: HashMap<FlowId, u64>,
}

impl Given {
    fn add(&mut self, flow: &Flow) {
        self.add_id(flow.id, Some(flow.sequence));
    }

    fn add_id(&mut self, id: FlowId, sequence: Option<u64>) {
        self.compact();
        let number = self.first + self.order.len() as u64;
        self.order.push_back(Some((id, sequence)));
        self.places.insert(id, number);
    }

    /// Removes acknowledged entries when they are the majority. Without this, a record that is never acknowledged would
    /// keep all entries after it in memory.
    fn compact(&mut self) {
        const SPARE: usize = 1024;
        if self.order.len() < SPARE + 2 * self.places.len() {
            return;
        }
        self.order.retain(Option::is_some);
        for ((id, _), number) in self.order.iter().flatten().zip(self.first..) {
            self.places.insert(*id, number);
        }
    }

    fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Returns the index of this record's entry; `None` if it was acknowledged, even if a later record of its flow was
    /// not.
    fn place(&self, flow: &Flow) -> Option<usize> {
        let number = self.places.get(&flow.id)?;
        let place = usize::try_from(number - self.first).ok()?;
        let (_, sequence) = (*self.order.get(place)?)?;
        sequence
            .is_none_or(|sequence| sequence == flow.sequence)
            .then_some(place)
    }

    fn take(&mut self, flow: &Flow) -> bool {
        let Some(place) = self.place(flow) else {
            return false;
        };
        self.places.remove(&flow.id);
        if let Some(entry) = self.order.get_mut(place) {
            *entry = None;
        }
        while matches!(self.order.front(), Some(None)) {
            self.order.pop_front();
            self.first += 1;
        }
        true
    }

    fn take_through(&mut self, flow: &Flow) -> Vec<FlowId> {
        let count = self.place(flow).map_or(0, |place| place + 1);
        self.first += count as u64;
        let taken: Vec<_> = self
            .order
            .drain(..count)
            .flatten()
            .map(|(id, _)| id)
            .collect();
        for id in &taken {
            self.places.remove(id);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::example::plain;

    fn flow(id: u128, sequence: u64) -> Flow {
        let mut flow = plain();
        flow.id = FlowId::from_u128(id);
        flow.sequence = sequence;
        flow
    }

    #[derive(Debug, Default)]
    struct Noted(Mutex<Vec<u128>>);

    impl Acknowledge for Arc<Noted> {
        fn acknowledge(&self, id: FlowId) {
            self.0.lock().unwrap().push(id.to_u128());
        }
    }

    fn receipts() -> (Receipts, Arc<Noted>) {
        let noted = Arc::new(Noted::default());
        let control = Arc::new(Control::new().unwrap());
        let receipts = Receipts::new(Some(Box::new(Arc::clone(&noted))), control);
        (receipts, noted)
    }

    fn taken(noted: &Noted) -> Vec<u128> {
        std::mem::take(&mut noted.0.lock().unwrap())
    }

    #[test]
    fn polling_acknowledges_the_previous_record() {
        let (mut receipts, noted) = receipts();
        for id in 1..3 {
            receipts.ask();
            receipts.give(&flow(id, 0));
        }
        assert_eq!(taken(&noted), [1]);
        receipts.ask();
        receipts.ask();
        assert_eq!(taken(&noted), [2]);
    }

    #[test]
    fn manual_acknowledgement_covers_one_record_once() {
        let (mut receipts, noted) = receipts();
        receipts.give(&flow(9, 4));
        let manual = receipts.manual();
        for id in 1..6 {
            receipts.ask();
            receipts.give(&flow(id, 0));
        }
        assert_eq!((taken(&noted), manual.outstanding()), (vec![], 6));
        assert!(manual.ack(&flow(9, 4)) && manual.ack(&flow(2, 0)));
        assert!(!manual.ack(&flow(2, 0)) && !manual.ack(&flow(77, 0)));
        assert_eq!(taken(&noted), [9, 2]);
        // An acknowledgement of the earlier record does not acknowledge the next record of its flow.
        receipts.give(&flow(2, 1));
        assert!(!manual.ack(&flow(2, 0)) && manual.ack(&flow(2, 1)));
        assert_eq!(taken(&noted), [2]);
        assert_eq!(manual.ack_through(&flow(4, 0)), 3);
        assert_eq!(taken(&noted), [1, 3, 4]);
        assert_eq!(manual.ack_through(&flow(4, 0)), 0);
        assert_eq!(manual.ack_all(&[flow(5, 0), flow(5, 0)]), 1);
        assert_eq!((taken(&noted), manual.outstanding()), (vec![5], 0));
    }

    #[test]
    fn unacknowledged_record_reserves_no_queue_room() {
        let (mut receipts, noted) = receipts();
        let manual = receipts.manual();
        receipts.give(&flow(0, 0));
        for id in 1..10_000 {
            receipts.give(&flow(id, 0));
            assert!(manual.ack(&flow(id, 0)));
        }
        assert!(manual.lock().given.order.len() < 1100);
        receipts.give(&flow(10_000, 0));
        assert_eq!(manual.outstanding(), 2);
        assert_eq!(manual.ack_through(&flow(10_000, 0)), 2);
        assert_eq!(taken(&noted).len(), 10_001);
    }

    #[test]
    fn records_are_acknowledgeable_after_the_end_but_not_after_a_drop() {
        let (mut receipts, noted) = receipts();
        let manual = receipts.manual();
        receipts.give(&flow(1, 0));
        receipts.give(&flow(2, 0));
        receipts.end();
        assert!(manual.ack(&flow(1, 0)));
        assert!(manual.lock().receipt.is_some());
        drop(receipts);
        assert!(!manual.ack(&flow(2, 0)));
        assert_eq!(taken(&noted), [1]);
        let (mut receipts, noted) = self::receipts();
        let manual = receipts.manual();
        receipts.give(&flow(1, 0));
        receipts.end();
        assert!(manual.ack(&flow(1, 0)));
        // The last acknowledgement releases the instance.
        assert!(manual.lock().receipt.is_none());
        assert_eq!(taken(&noted), [1]);
    }
}
