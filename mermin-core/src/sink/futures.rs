//! A [`Sink`](futures_sink::Sink) as a [`FlowSink`]: feature `futures-sink`.

use std::{fmt, future::poll_fn, pin::Pin};

use futures_sink::Sink;

use super::{BoxError, FlowSink};
use crate::flow::Flow;

/// Exports through a [`Sink`] of `futures_sink`: a channel, a framed connection. Each record is cloned. `Ok` means that
/// the sink was flushed; for a channel, that the records are in it.
///
/// A dropped or failed call may have sent some of its records.
pub fn from_sink<S>(sink: S) -> FromSink<S>
where
    S: Sink<Flow> + Send + Unpin,
    S::Error: Into<BoxError>,
{
    FromSink { sink }
}

/// See [`from_sink`].
pub struct FromSink<S> {
    sink: S,
}

impl<S> FlowSink for FromSink<S>
where
    S: Sink<Flow> + Send + Unpin,
    S::Error: Into<BoxError>,
{
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        for flow in flows {
            poll_fn(|context| Pin::new(&mut self.sink).poll_ready(context))
                .await
                .map_err(Into::into)?;
            Pin::new(&mut self.sink)
                .start_send(flow.clone())
                .map_err(Into::into)?;
        }
        poll_fn(|context| Pin::new(&mut self.sink).poll_flush(context))
            .await
            .map_err(Into::into)
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        poll_fn(|context| Pin::new(&mut self.sink).poll_close(context))
            .await
            .map_err(Into::into)
    }
}

impl<S> fmt::Debug for FromSink<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromSink").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt, channel::mpsc, executor::block_on, future::join};

    use super::*;
    use crate::flow::{FlowId, example::plain};

    #[test]
    fn channel_receives_every_record_and_closed_channel_is_an_error() {
        let (sender, receiver) = mpsc::channel(2);
        let mut sink = from_sink(sender);
        let flows: Vec<_> = (0..20)
            .map(|id| {
                let mut flow = plain();
                flow.id = FlowId::from_u128(id);
                flow
            })
            .collect();
        let sent = async {
            sink.export(&flows).await.unwrap();
            sink.close().await.unwrap();
        };
        let ((), got) = block_on(join(sent, receiver.collect::<Vec<_>>()));
        assert_eq!(got, flows);
        let (sender, receiver) = mpsc::channel(2);
        drop(receiver);
        assert!(block_on(from_sink(sender).export(&flows)).is_err());
    }
}
