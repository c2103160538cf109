//! The contract of sinks, with and without a cluster that knows the flows' ends.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and the lint knows only functions that are marked as tests"
)]

use std::sync::{Arc, Mutex};

use futures::executor::block_on;
use mermin_core::{
    Flow,
    flow::{FlowId, Value},
    sink::{BoxError, FlowSink, Meter, testing},
};
use mermin_kubernetes::{
    Cluster, Decorate, Extract, Kind, Moment, Settings, api::Object, decorate,
};
use mermin_testing::trouble;
use serde_json::json;

/// A record: its id, its sequence, and the uid of the pod at its source.
type Key = (FlowId, u64, String);

/// A receiver that can be away.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    received: Vec<Key>,
    is_away: bool,
    batches: u64,
}

impl FlowSink for Memory {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        // Calls that are dropped at their first pause are tried as well.
        let mut paused = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut paused, true) {
                return std::task::Poll::Ready(());
            }
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        })
        .await;
        let mut state = self.0.lock().unwrap();
        if state.is_away {
            return Err("away".into());
        }
        state.batches += 1;
        state.received.extend(flows.iter().map(key));
        Ok(())
    }

    fn waiting(&self) -> u64 {
        7
    }
}

fn key(flow: &Flow) -> Key {
    let mut attributes = flow.attributes();
    let found = attributes.find(|(name, _)| *name == "source.k8s.pod.uid");
    let uid = found.map_or(String::new(), |(_, value)| match value {
        Value::Text(text) => text.to_string(),
        other => panic!("{other:?}"),
    });
    (flow.id, flow.sequence, uid)
}

/// A cluster in which each source of the kit is a pod with its address as uid; or none.
struct Receiver<const KNOWN: bool> {
    memory: Memory,
    cluster: Cluster,
}

impl<const KNOWN: bool> Receiver<KNOWN> {
    fn new() -> Self {
        let cluster = Cluster::new(Extract::default());
        if KNOWN {
            for flow in testing::flows(2_400) {
                let address = flow.source.address.to_string();
                let pod = json!({
                    "metadata": {"name": address, "namespace": "shop", "uid": address},
                    "status": {"phase": "Running", "podIP": address, "startTime": "2025-01-01T00:00:00Z"},
                });
                let pod = Object::parse(Kind::Pod, &pod.to_string()).unwrap();
                cluster.change(|index| index.apply(&pod, Moment::from(flow.start)));
            }
        }
        Self {
            memory: Memory::default(),
            cluster,
        }
    }
}

impl<const KNOWN: bool> testing::Receiver for Receiver<KNOWN> {
    type Sink = Decorate<Memory>;
    type Key = Key;

    fn key(flow: &Flow) -> Key {
        let uid = if KNOWN {
            flow.source.address.to_string()
        } else {
            String::new()
        };
        (flow.id, flow.sequence, uid)
    }

    fn sink(&mut self) -> Self::Sink {
        decorate(self.memory.clone(), &self.cluster, Settings::all())
    }

    fn received(&mut self) -> Vec<Key> {
        self.memory.0.lock().unwrap().received.clone()
    }

    fn stop(&mut self) -> bool {
        self.memory.0.lock().unwrap().is_away = true;
        true
    }

    fn start(&mut self) {
        self.memory.0.lock().unwrap().is_away = false;
    }
}

#[test]
fn decorated_sink_keeps_the_contract() {
    trouble::sink_contract_holds(Receiver::<true>::new, 5);
}

#[test]
fn sink_keeps_the_contract_while_the_cluster_is_unknown() {
    trouble::sink_contract_holds(Receiver::<false>::new, 5);
}

#[test]
fn batches_and_figures_of_the_sink_are_passed_on() {
    struct Metered(Memory, Meter);
    impl FlowSink for Metered {
        async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
            self.0.export(flows).await
        }

        fn meter(&self) -> Option<Meter> {
            Some(self.1.clone())
        }

        fn waiting(&self) -> u64 {
            self.0.waiting()
        }
    }
    let memory = Memory::default();
    let cluster = Cluster::new(Extract::default());
    let meter = Meter::default();
    let inner = Metered(memory.clone(), meter);
    let mut sink = decorate(inner, &cluster, Settings::default());
    // More flows than are decorated at a time are one batch nevertheless.
    block_on(sink.export(&testing::flows(1_000))).unwrap();
    block_on(sink.export(&[])).unwrap();
    assert_eq!(memory.0.lock().unwrap().batches, 2);
    assert!(sink.meter().is_some());
    assert_eq!(sink.waiting(), 7);
    let ends = cluster.ends();
    assert_eq!((ends.known, ends.unknown), (0, 2_000));
}
