//! Sends requests to one receiver over a persistent connection that is renewed when necessary.

use std::time::{Instant, SystemTime};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request as HttpRequest, Uri,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST, TE, USER_AGENT},
    uri::PathAndQuery,
};
use http_body_util::{BodyExt as _, Full, Limited};
use tokio::{sync::Mutex, time::timeout};

use super::{
    LinkError, compress,
    connection::{Connection, Sender},
};
use crate::{
    answer::{Answer, of_grpc, of_http},
    encode::Request,
    settings::{Compression, Endpoint, Protocol, Signal},
};

/// Largest response in octets; an accepting one has a few hundred.
const ANSWER: usize = 1 << 20;

/// Sends requests of one signal.
pub(crate) struct Client {
    endpoint: Endpoint,
    uri: Uri,
    path: PathAndQuery,
    host: HeaderValue,
    headers: HeaderMap,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connection: Option<Connection>,
    /// Number of connections so far.
    number: u64,
}

/// A sender, the number of its connection, and a flag for an earlier request on it.
struct Lent {
    sender: Sender,
    number: u64,
    is_used: bool,
}

impl Client {
    pub(crate) fn new(endpoint: Endpoint, signal: Signal) -> Self {
        let scheme = if endpoint.is_encrypted {
            "https"
        } else {
            "http"
        };
        let path = endpoint.path(signal);
        let peer = endpoint.authority_text();
        let uri = Uri::builder()
            .scheme(scheme)
            .authority(peer.as_str())
            .path_and_query(path.clone())
            .build()
            .unwrap_or_default();
        // The host of a valid URL fits into a header.
        let host = HeaderValue::try_from(peer).unwrap_or(HeaderValue::from_static(""));
        let headers = headers(&endpoint);
        Self {
            endpoint,
            uri,
            path,
            host,
            headers,
            state: Mutex::default(),
        }
    }

    /// Returns the number of possible concurrent requests.
    pub(crate) fn at_once(&self, wanted: usize) -> usize {
        match self.endpoint.protocol {
            Protocol::Grpc => wanted,
            Protocol::Http => 1,
        }
    }

    /// Sends a request, and returns its outcome.
    pub(crate) async fn call(&self, request: Request) -> Answer {
        let (protocol, compression) = (self.endpoint.protocol, self.endpoint.compression);
        let body = match compress::body(request, protocol, compression) {
            Ok(body) => body,
            Err(error) => return Answer::Refused(format!("cannot compress a request: {error}")),
        };
        match self.exchange(body).await {
            Ok(answer) => answer,
            Err(error) => Answer::later(error.to_string()),
        }
    }

    async fn exchange(&self, body: Bytes) -> Result<Answer, LinkError> {
        let mut may_repeat = true;
        loop {
            let mut lent = self.lend().await?;
            let request = self.request(body.clone(), &lent.sender)?;
            let exchange = self.exchange_over(&mut lent.sender, request);
            let error = match timeout(self.endpoint.timeout, exchange).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => error,
                Err(_) => {
                    self.discard(lent.number).await;
                    return Err(LinkError::plain(format!(
                        "no answer from `{}` within {:?}",
                        self.endpoint.authority_text(),
                        self.endpoint.timeout
                    )));
                }
            };
            self.discard(lent.number).await;
            // The receiver may have closed a persistent connection, and then it has not seen the request.
            let is_unsent = error
                .downcast_ref::<hyper::Error>()
                .is_some_and(|error| error.is_canceled() || error.is_closed());
            if is_unsent && lent.is_used && may_repeat {
                may_repeat = false;
                continue;
            }
            let peer = self.endpoint.authority_text();
            return Err(LinkError::new(format!("cannot export to `{peer}`"), error));
        }
    }

    async fn exchange_over(
        &self,
        sender: &mut Sender,
        request: HttpRequest<Full<Bytes>>,
    ) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
        let (head, body) = sender.send(request).await?.into_parts();
        let body = Limited::new(body, ANSWER).collect().await?;
        let trailers = body.trailers().cloned().unwrap_or_default();
        let body = body.to_bytes();
        Ok(match self.endpoint.protocol {
            Protocol::Grpc => of_grpc(head.status, &head.headers, &trailers, &body),
            Protocol::Http => of_http(head.status, &head.headers, &body, SystemTime::now()),
        })
    }

    fn request(&self, body: Bytes, sender: &Sender) -> Result<HttpRequest<Full<Bytes>>, LinkError> {
        let mut request = HttpRequest::new(Full::new(body));
        *request.method_mut() = http::Method::POST;
        *request.headers_mut() = self.headers.clone();
        match sender {
            // HTTP/1.1 has only the path in the request line.
            Sender::One(_) => {
                *request.uri_mut() = self.path.clone().into();
                request.headers_mut().insert(HOST, self.host.clone());
            }
            Sender::Many(_) => *request.uri_mut() = self.uri.clone(),
        }
        let token = self.endpoint.authorization.value();
        let fail = |error| LinkError::new("cannot read the token".to_owned(), error);
        if let Some(token) = token.map_err(fail)? {
            request.headers_mut().insert(AUTHORIZATION, token);
        }
        Ok(request)
    }

    /// Returns the present connection, or a new one. Concurrent callers wait for it.
    async fn lend(&self) -> Result<Lent, LinkError> {
        let mut state = self.state.lock().await;
        if state.connection.as_ref().is_some_and(Connection::is_closed) {
            state.connection = None;
        }
        let is_due = |open: &Connection| open.is_due(&self.endpoint, Instant::now());
        let is_used = match &state.connection {
            None => {
                state.connection = Some(Connection::open(&self.endpoint).await?);
                state.number += 1;
                false
            }
            Some(open) if is_due(open) => match Connection::open(&self.endpoint).await {
                Ok(renewed) => {
                    state.number += 1;
                    if let Some(old) = state.connection.replace(renewed) {
                        old.retire(self.endpoint.timeout);
                    }
                    false
                }
                // Keeps the old one until a new one works, because a file may be incomplete.
                Err(_) => true,
            },
            Some(_) => true,
        };
        let sender = state.connection.as_ref().map(Connection::sender);
        let sender = sender.ok_or_else(|| LinkError::plain("there is no connection".to_owned()))?;
        Ok(Lent {
            sender,
            number: state.number,
            is_used,
        })
    }

    /// Closes the connection with this number, unless there is a newer one.
    async fn discard(&self, number: u64) {
        let mut state = self.state.lock().await;
        if state.number == number {
            state.connection = None;
        }
    }

    /// Closes the connection.
    pub(crate) async fn close(&self) {
        if let Some(open) = self.state.lock().await.connection.take() {
            open.retire(self.endpoint.timeout);
        }
    }
}

/// Returns the headers of every request.
fn headers(endpoint: &Endpoint) -> HeaderMap {
    let mut headers = endpoint.headers.clone();
    let agent = concat!("OTel-OTLP-Exporter-Mermin/", env!("CARGO_PKG_VERSION"));
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    let encoding = HeaderValue::from_static(endpoint.compression.word());
    let is_compressed = endpoint.compression != Compression::None;
    match endpoint.protocol {
        Protocol::Grpc => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
            headers.insert(TE, HeaderValue::from_static("trailers"));
            if is_compressed {
                headers.insert("grpc-encoding", encoding);
            }
            let milliseconds = endpoint.timeout.as_millis().min(99_999_999);
            if let Ok(limit) = HeaderValue::try_from(format!("{milliseconds}m")) {
                headers.insert("grpc-timeout", limit);
            }
        }
        Protocol::Http => {
            let kind = HeaderValue::from_static("application/x-protobuf");
            headers.insert(CONTENT_TYPE, kind);
            if is_compressed {
                headers.insert(CONTENT_ENCODING, encoding);
            }
        }
    }
    headers
}
