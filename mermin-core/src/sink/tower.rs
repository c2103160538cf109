//! A [`Service`](tower_service::Service) as a [`FlowSink`]: feature `tower`.

use std::{fmt, future::poll_fn};

use tower_service::Service;

use super::{BoxError, FlowSink};
use crate::flow::Flow;

/// Exports through a service of `tower_service` whose request is a batch. `tower` adds concurrency limits, time limits
/// and load shedding. Each record is cloned. Every response counts as `Ok`, whatever its content.
pub fn from_service<S>(service: S) -> FromService<S>
where
    S: Service<Vec<Flow>> + Send,
    S::Future: Send,
    S::Error: Into<BoxError>,
{
    FromService { service }
}

/// See [`from_service`].
pub struct FromService<S> {
    service: S,
}

impl<S> FlowSink for FromService<S>
where
    S: Service<Vec<Flow>> + Send,
    S::Future: Send,
    S::Error: Into<BoxError>,
{
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        poll_fn(|context| self.service.poll_ready(context))
            .await
            .map_err(Into::into)?;
        let response = self.service.call(flows.to_vec());
        response.await.map(drop).map_err(Into::into)
    }
}

impl<S> fmt::Debug for FromService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromService").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::{Ready, ready},
        task::{Context, Poll},
    };

    use futures::executor::block_on;

    use super::*;
    use crate::flow::example::plain;

    /// Is busy when it is first asked, takes batches, and fails for good after the second.
    #[derive(Default)]
    struct Receiver {
        asked: bool,
        got: Vec<Vec<Flow>>,
    }

    impl Service<Vec<Flow>> for Receiver {
        type Response = u8;
        type Error = std::io::Error;
        type Future = Ready<Result<u8, Self::Error>>;

        fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            if !std::mem::replace(&mut self.asked, true) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(if self.got.len() < 2 {
                Ok(())
            } else {
                Err(std::io::Error::other("full"))
            })
        }

        fn call(&mut self, flows: Vec<Flow>) -> Self::Future {
            self.got.push(flows);
            ready(Ok(7))
        }
    }

    #[test]
    fn service_readiness_is_polled_before_each_batch() {
        let mut sink = from_service(Receiver::default());
        let flows = [plain(), plain()];
        block_on(sink.export(&flows)).unwrap();
        block_on(sink.export(&flows[..1])).unwrap();
        let error = block_on(sink.export(&flows)).unwrap_err();
        assert_eq!(error.to_string(), "full");
        assert_eq!(sink.service.got, [flows.to_vec(), flows[..1].to_vec()]);
    }
}
