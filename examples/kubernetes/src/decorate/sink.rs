//! A sink that gets decorated flows.

use mermin_core::{
    Flow,
    sink::{BoxError, FlowSink, Meter},
};

use super::{decorator::Decorator, settings::Settings};
use crate::Cluster;

/// Flows that are decorated before the index may change again.
const AT_ONCE: usize = 64;

/// Adds names of Kubernetes objects to flows, then exports them to a sink.
///
/// A flow never waits for the cluster: while nothing is known, flows pass without names. A batch that is exported again may
/// have other names than before.
///
/// ```
/// use mermin_core::sink::JsonLines;
/// use mermin_kubernetes::{Cluster, Extract, Settings, decorate};
///
/// let cluster = Cluster::new(Extract::default());
/// let sink = decorate(JsonLines::new(std::io::stdout()), &cluster, Settings::default());
/// # let _ = sink;
/// ```
pub fn decorate<S: FlowSink>(sink: S, cluster: &Cluster, settings: Settings) -> Decorate<S> {
    Decorate {
        sink,
        cluster: cluster.clone(),
        decorator: Decorator::new(settings),
        batch: Vec::new(),
    }
}

/// See [`decorate`].
#[derive(Debug)]
pub struct Decorate<S> {
    sink: S,
    cluster: Cluster,
    decorator: Decorator,
    /// The batch with names. It is made again by each call.
    batch: Vec<Flow>,
}

impl<S: FlowSink> FlowSink for Decorate<S> {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        self.batch.clear();
        self.batch.extend_from_slice(flows);
        for some in self.batch.chunks_mut(AT_ONCE) {
            self.cluster.decorate(&mut self.decorator, some);
        }
        self.sink.export(&self.batch).await
    }

    async fn idle(&mut self) {
        self.sink.idle().await;
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        self.batch = Vec::new();
        self.sink.close().await
    }

    fn meter(&self) -> Option<Meter> {
        self.sink.meter()
    }

    fn waiting(&self) -> u64 {
        self.sink.waiting()
    }
}
