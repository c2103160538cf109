//! Batches as JSON in shared memory: feature `bytes`.

use std::fmt;

use bytes::Bytes;

use super::{BoxError, FlowSink, json::JsonBuffer};
use crate::flow::Flow;

/// A sink that encodes each batch once, as [`JsonLines`](super::JsonLines) does, and passes the buffer to a function.
/// The function owns the buffer: HTTP bodies and object store payloads can use it without a copy, and a clone for
/// another receiver increments a counter. `Ok` of the function's future means that the batch is delivered.
///
/// ```
/// use bytes::Bytes;
/// use futures::{channel::mpsc::UnboundedSender, future::try_join_all};
/// use mermin_core::sink::{BoxError, json_bytes};
///
/// # async fn post(receiver: &'static str, body: Bytes) -> Result<(), BoxError> {
/// #     assert!(body.starts_with(b"{\"flow.id\":"), "{receiver}"); Ok(()) }
/// let receivers = ["http://one/flows", "http://two/flows"];
/// let sink = json_bytes(move |batch| {
///     // `batch.clone()` shares the memory of the batch.
///     let posts = receivers.map(|receiver| post(receiver, batch.clone()));
///     async move { try_join_all(posts).await.map(drop) }
/// });
/// # use mermin_core::sink::{FlowSink, testing};
/// # let mut sink = sink;
/// # futures::executor::block_on(sink.export(&testing::flows(3)))?;
/// # Ok::<_, BoxError>(())
/// ```
///
/// Each line ends in a line feed. [`Bytes::slice_ref`] makes a message of each record, in the same memory:
///
/// ```
/// # use bytes::Bytes;
/// fn messages(batch: &Bytes) -> impl Iterator<Item = Bytes> {
///     let records = batch.trim_ascii_end().split(|octet| *octet == b'\n');
///     records.map(|record| batch.slice_ref(record))
/// }
/// # let batch = Bytes::from_static(b"{}\n{\"a\":1}\n");
/// # assert_eq!(messages(&batch).collect::<Vec<_>>(), [&b"{}"[..], b"{\"a\":1}"]);
/// ```
pub fn json_bytes<F, R, E>(send: F) -> JsonBytes<F>
where
    F: FnMut(Bytes) -> R + Send,
    R: Future<Output = Result<(), E>> + Send,
    E: Into<BoxError>,
{
    JsonBytes {
        send,
        community_id_seed: 0,
        room: 0,
    }
}

/// See [`json_bytes`].
pub struct JsonBytes<F> {
    send: F,
    community_id_seed: u16,
    /// Capacity of the next buffer in octets, chosen so that it rarely grows. It is the size of the latest batch, or
    /// seven eighths of the previous capacity if that is larger.
    room: usize,
}

impl<F> JsonBytes<F> {
    /// Seed of `flow.community_id`. Default: 0.
    #[must_use]
    pub fn community_id_seed(mut self, seed: u16) -> Self {
        self.community_id_seed = seed;
        self
    }

    fn encode(&mut self, flows: &[Flow]) -> Bytes {
        let mut lines = JsonBuffer::with_room(self.room).community_id_seed(self.community_id_seed);
        for flow in flows {
            lines.push(flow);
        }
        let octets = lines.into_vec();
        self.room = octets.len().max(self.room - self.room / 8);
        Bytes::from(octets)
    }
}

impl<F, R, E> FlowSink for JsonBytes<F>
where
    F: FnMut(Bytes) -> R + Send,
    R: Future<Output = Result<(), E>> + Send,
    E: Into<BoxError>,
{
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        let batch = self.encode(flows);
        (self.send)(batch).await.map_err(Into::into)
    }
}

impl<F> fmt::Debug for JsonBytes<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonBytes").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use futures::executor::block_on;

    use super::*;
    use crate::sink::{JsonLines, testing::flows};

    fn written(flows: &[Flow], seed: u16) -> Vec<u8> {
        let mut lines = JsonLines::new(Vec::new()).community_id_seed(seed);
        block_on(lines.export(flows)).unwrap();
        lines.into_inner()
    }

    #[test]
    fn batch_equals_json_lines() {
        let mut batches = Vec::new();
        let mut sink = json_bytes(|batch| {
            batches.push(batch);
            ready(Ok::<_, BoxError>(()))
        })
        .community_id_seed(3);
        let records = flows(60);
        for batch in [&records[..1], &records[..], &records[7..9]] {
            block_on(sink.export(batch)).unwrap();
        }
        let expected = [&records[..1], &records[..], &records[7..9]];
        assert_eq!(batches, expected.map(|batch| written(batch, 3)));
    }

    #[test]
    fn clone_is_in_the_memory_of_the_batch() {
        let mut places = Vec::new();
        let mut sink = json_bytes(|batch: Bytes| {
            let (one, other) = (batch.clone(), batch.clone());
            places.extend([batch, one, other].map(|it| (it.as_ptr().addr(), it.len())));
            ready(Ok::<_, BoxError>(()))
        });
        block_on(sink.export(&flows(5))).unwrap();
        assert!(places.iter().all(|place| *place == places[0]), "{places:?}");
    }

    #[test]
    fn function_error_fails_the_batch() {
        let mut sink = json_bytes(|_| ready(Err("full")));
        let error = block_on(sink.export(&flows(1))).unwrap_err();
        assert_eq!(error.to_string(), "full");
    }
}
