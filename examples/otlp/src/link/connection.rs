//! One connection.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper::{
    Response,
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Mutex,
    task::JoinHandle,
    time::timeout,
};

use super::{LinkError, socket};
use crate::settings::{Endpoint, Protocol};

/// A connection, and the task that reads and writes it. Dropping it closes it at once.
pub(super) struct Connection {
    sender: Sender,
    task: Option<JoinHandle<()>>,
    /// Time of renewal.
    renew: Option<Instant>,
    #[cfg(feature = "tls")]
    stamp: super::tls::Stamp,
}

/// Sends requests: one at a time over HTTP/1.1, several at once over HTTP/2.
#[derive(Clone)]
pub(super) enum Sender {
    One(Arc<Mutex<http1::SendRequest<Full<Bytes>>>>),
    Many(http2::SendRequest<Full<Bytes>>),
}

impl Sender {
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::One(sender) => {
                let mut sender = sender.lock().await;
                sender.ready().await?;
                sender.send_request(request).await
            }
            Self::Many(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }

    fn is_closed(&self) -> bool {
        match self {
            // A busy sender is open.
            Self::One(sender) => sender.try_lock().is_ok_and(|sender| sender.is_closed()),
            Self::Many(sender) => sender.is_closed(),
        }
    }
}

impl Connection {
    /// Connects, within the timeout.
    pub(super) async fn open(endpoint: &Endpoint) -> Result<Self, LinkError> {
        let limit = endpoint.connect_timeout;
        match timeout(limit, Self::open_at_leisure(endpoint)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(LinkError::plain(format!(
                "cannot connect to `{}` within {limit:?}",
                endpoint.authority_text()
            ))),
        }
    }

    async fn open_at_leisure(endpoint: &Endpoint) -> Result<Self, LinkError> {
        // The stamp is taken before the files are read, so a change in between is detected next time.
        #[cfg(feature = "tls")]
        let stamp = super::tls::stamp(&endpoint.tls);
        let Endpoint { host, port, .. } = endpoint;
        let within = endpoint.connect_timeout;
        let fail = |error| {
            let peer = endpoint.authority_text();
            LinkError::new(format!("cannot connect to `{peer}`"), error)
        };
        let stream = socket::connect(host, *port, within, endpoint.keep_alive)
            .await
            .map_err(fail)?;
        let is_grpc = endpoint.protocol == Protocol::Grpc;
        let (sender, task) = if endpoint.is_encrypted {
            #[cfg(feature = "tls")]
            {
                let (stream, chosen) = super::tls::handshake(endpoint, stream).await?;
                speak(endpoint, stream, is_grpc || chosen).await?
            }
            #[cfg(not(feature = "tls"))]
            return Err(LinkError::plain(format!(
                "cannot speak TLS with `{}`: build with `--features tls`",
                endpoint.authority_text()
            )));
        } else {
            speak(endpoint, stream, is_grpc).await?
        };
        Ok(Self {
            sender,
            task: Some(task),
            renew: endpoint.max_age.map(|age| Instant::now() + about(age)),
            #[cfg(feature = "tls")]
            stamp,
        })
    }

    pub(super) fn sender(&self) -> Sender {
        self.sender.clone()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Returns true if it is too old, or if the certificate files have changed.
    pub(super) fn is_due(&self, endpoint: &Endpoint, now: Instant) -> bool {
        #[cfg(feature = "tls")]
        if endpoint.is_encrypted && self.stamp != super::tls::stamp(&endpoint.tls) {
            return true;
        }
        #[cfg(not(feature = "tls"))]
        let _ = endpoint;
        self.renew.is_some_and(|renew| renew <= now)
    }

    /// Closes it when the pending requests have ended, or after this time.
    pub(super) fn retire(mut self, within: Duration) {
        if let Some(task) = self.task.take() {
            tokio::spawn(async move {
                let abort = task.abort_handle();
                if timeout(within, task).await.is_err() {
                    abort.abort();
                }
            });
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Otherwise a receiver that does not read would keep the task, its buffer and the socket.
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Varies a time by up to a tenth, so that exporters do not all reconnect at once.
fn about(age: Duration) -> Duration {
    use std::hash::{BuildHasher as _, RandomState};
    const PARTS: u32 = 1000;
    let drawn = RandomState::new().hash_one(1_u8) % 200;
    let drawn = u32::try_from(drawn).unwrap_or(0);
    age.saturating_mul(PARTS - 100 + drawn) / PARTS
}

async fn speak<S>(
    endpoint: &Endpoint,
    stream: S,
    http2: bool,
) -> Result<(Sender, JoinHandle<()>), LinkError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let stream = TokioIo::new(stream);
    let fail = |error| {
        let peer = endpoint.authority_text();
        LinkError::new(format!("cannot speak HTTP with `{peer}`"), error)
    };
    if http2 {
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(endpoint.keep_alive)
            .keep_alive_timeout(endpoint.keep_alive / 3)
            // grpc-go closes connections that ping without a request.
            .keep_alive_while_idle(false)
            .handshake(stream)
            .await
            .map_err(fail)?;
        // The requests return its error.
        let task = tokio::spawn(async move { _ = connection.await });
        Ok((Sender::Many(sender), task))
    } else {
        let (sender, connection) = http1::handshake(stream).await.map_err(fail)?;
        let task = tokio::spawn(async move { _ = connection.await });
        Ok((Sender::One(Arc::new(Mutex::new(sender))), task))
    }
}
