//! Sinks with one fault each, which one rule finds.

use std::sync::{Arc, Mutex};

use futures::executor::block_on;

use super::*;
use crate::{
    flow::FlowId,
    sink::{Backoff, Buffered, Overflow, Retry, buffered, retry},
};

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Fault {
    #[default]
    None,
    Loses,
    Doubles,
    Blocks,
    /// Keeps the last record until the next call, and closes without delivering it.
    Keeps,
    /// Returns `Ok` during an outage.
    Lies,
    /// Fails for ever after an outage.
    Dead,
    ClosesOnce,
}

#[derive(Clone, Default)]
struct Memory {
    fault: Fault,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    got: Vec<(FlowId, u64)>,
    kept: Option<(FlowId, u64)>,
    down: bool,
    was_down: bool,
    closed: u32,
}

fn key(flow: &Flow) -> (FlowId, u64) {
    (flow.id, flow.sequence)
}

impl FlowSink for Memory {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        let mut state = self.state.lock().unwrap();
        if state.down || state.was_down && self.fault == Fault::Dead {
            return match self.fault {
                Fault::Lies => Ok(()),
                _ => Err("down".into()),
            };
        }
        let kept = state.kept.take();
        state.got.extend(kept);
        state.got.extend(flows.iter().map(key));
        match self.fault {
            Fault::Loses => _ = state.got.pop(),
            Fault::Doubles => state.got.push(key(&flows[0])),
            Fault::Blocks => std::thread::sleep(LONGEST_POLL + Duration::from_millis(50)),
            Fault::Keeps => state.kept = state.got.pop(),
            _ => {}
        }
        Ok(())
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        let mut state = self.state.lock().unwrap();
        state.closed += 1;
        if self.fault == Fault::ClosesOnce && state.closed > 1 {
            return Err("closed".into());
        }
        Ok(())
    }
}

impl Receiver for Memory {
    type Sink = Self;
    type Key = (FlowId, u64);

    fn key(flow: &Flow) -> Self::Key {
        key(flow)
    }

    fn sink(&mut self) -> Self {
        self.clone()
    }

    fn received(&mut self) -> Vec<Self::Key> {
        self.state.lock().unwrap().got.clone()
    }

    fn stop(&mut self) -> bool {
        let mut state = self.state.lock().unwrap();
        state.down = true;
        state.was_down = true;
        true
    }

    fn start(&mut self) {
        self.state.lock().unwrap().down = false;
    }
}

fn outcome(fault: Fault) -> Result<usize, String> {
    let make = || Memory {
        fault,
        ..Memory::default()
    };
    block_on(check(make))
        .map(|rules| rules.len())
        .map_err(|violation| violation.to_string())
}

#[test]
fn each_fault_is_found_by_its_rule() {
    assert_eq!(outcome(Fault::None), Ok(5));
    let faults = [
        (Fault::Loses, "every record is delivered once: "),
        (Fault::Doubles, "came too often, such as"),
        (Fault::Blocks, "it blocks its executor"),
        (Fault::Keeps, "1 lost, such as"),
        (
            Fault::ClosesOnce,
            "closing again, and without records, is ok",
        ),
        (
            Fault::Lies,
            "after an outage, every record arrives: 100 lost",
        ),
        (Fault::Dead, "it does not recover when the receiver is back"),
    ];
    // Each waits in real time, so all run concurrently.
    std::thread::scope(|scope| {
        for (fault, words) in faults {
            scope.spawn(move || {
                let violation = outcome(fault).unwrap_err();
                assert!(violation.contains(words), "{fault:?}: {violation}");
            });
        }
    });
}

struct Wrapped<S> {
    memory: Memory,
    wrap: fn(Memory) -> S,
}

impl<S: FlowSink> Receiver for Wrapped<S> {
    type Sink = S;
    type Key = (FlowId, u64);

    fn key(flow: &Flow) -> Self::Key {
        key(flow)
    }

    fn sink(&mut self) -> S {
        (self.wrap)(self.memory.clone())
    }

    fn received(&mut self) -> Vec<Self::Key> {
        self.memory.received()
    }

    fn stop(&mut self) -> bool {
        self.memory.stop()
    }

    fn start(&mut self) {
        self.memory.start();
    }
}

fn passes<S: FlowSink>(wrap: fn(Memory) -> S) {
    let make = || Wrapped {
        memory: Memory::default(),
        wrap,
    };
    assert_eq!(block_on(check(make)).unwrap().len(), 5);
}

#[test]
fn adapters_satisfy_the_sink_contract() {
    fn retried(memory: Memory) -> Retry<Memory> {
        retry(memory, Backoff::default().first(Duration::from_millis(5)))
    }
    fn held(memory: Memory) -> Buffered<Retry<Memory>> {
        buffered(retried(memory), 150, Overflow::Block)
    }
    passes(retried);
    passes(held);
    passes(|memory| crate::sink::BoxSink::new(held(memory)));
    passes(|memory| vec![memory]);
    passes(|memory| crate::sink::threaded("apart", retried(memory)).unwrap());
}
