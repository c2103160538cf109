//! Requests to an API server, each with a limit of time. Renewing credentials has none: a plugin that a kubeconfig names runs for as
//! long as it likes.

use std::{error::Error, fmt::Write as _, sync::Arc, time::Duration};

use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use kube::client::Body;
use tokio::time::timeout;

use super::{access::Clients, failure::Failure};
use crate::{Kind, Resource};

/// Octets of the longest page.
const LONGEST: usize = 256 << 20;
/// Objects of a page: larger ones cost the server and this process memory, smaller ones more requests.
const PAGE: usize = 500;

/// Sends requests.
#[derive(Clone)]
pub(super) struct Connection {
    clients: Arc<Clients>,
    /// The number of the client that sent the last request.
    used: u64,
    silent_after: Duration,
}

/// An answer that comes in pieces.
pub(super) struct Answer {
    body: Body,
    silent_after: Duration,
}

impl Connection {
    pub(super) const fn new(clients: Arc<Clients>, silent_after: Duration) -> Self {
        Self {
            clients,
            used: 0,
            silent_after,
        }
    }

    /// Reads address and credentials anew, if the last request failed for them, however long that takes. Tell its failure
    /// first.
    ///
    /// # Errors
    /// They cannot be read.
    pub(super) async fn renew(&self, failure: &Failure) -> Result<(), Failure> {
        match failure {
            Failure::Unauthorized(_) | Failure::Credentials(_) | Failure::Tls(_) => {
                self.clients.renew(self.used).await
            }
            _ => Ok(()),
        }
    }

    /// Asks for a page of a list.
    pub(super) async fn page(
        &mut self,
        kind: Kind,
        resource: Resource,
        next: Option<&str>,
    ) -> Result<Vec<u8>, Failure> {
        let mut query = format!("limit={PAGE}");
        if let Some(next) = next {
            query.push_str("&continue=");
            query.push_str(&escaped(next));
        }
        let answer = self.send(kind, resource, &query, true).await?;
        answer.whole().await
    }

    /// Asks for one object, to learn the server's version.
    pub(super) async fn check(
        &mut self,
        kind: Kind,
        resource: Resource,
    ) -> Result<Vec<u8>, Failure> {
        let answer = self.send(kind, resource, "limit=1", true).await?;
        answer.whole().await
    }

    /// Asks for changes since a version; without one for all objects first. The watch lasts for this many whole seconds.
    pub(super) async fn watch(
        &mut self,
        kind: Kind,
        resource: Resource,
        version: Option<&str>,
        lasts: Duration,
    ) -> Result<Answer, Failure> {
        let from = match version {
            Some(version) => format!("resourceVersion={}", escaped(version)),
            None => "sendInitialEvents=true&resourceVersionMatch=NotOlderThan".to_owned(),
        };
        let seconds = lasts.as_secs();
        let query = format!("watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}&{from}");
        let mut answer = self.send(kind, resource, &query, false).await?;
        // A quiet kind has no events for hours, and bookmarks come late or never: the end of the watch is the sign of life.
        answer.silent_after = lasts + self.silent_after;
        Ok(answer)
    }

    async fn send(
        &mut self,
        kind: Kind,
        resource: Resource,
        query: &str,
        list: bool,
    ) -> Result<Answer, Failure> {
        let (used, client) = self.clients.current();
        self.used = used;
        let Resource {
            group,
            version,
            plural,
        } = resource;
        let root = match group {
            "" => format!("/api/{version}"),
            _ => format!("/apis/{group}/{version}"),
        };
        let request = Request::get(format!("{root}/{plural}?{query}"))
            .header(header::ACCEPT, accepted(kind, list))
            // Since 1.37 servers compress watches, event by event.
            .header(header::ACCEPT_ENCODING, "identity")
            .body(Body::empty());
        let request = request.map_err(|error| Failure::Malformed(error.to_string()))?;
        let answer = timeout(self.silent_after, client.send(request)).await;
        let answer = answer.map_err(|_| Failure::Silent(self.silent_after))?;
        let answer = answer.map_err(|error| failure(&error))?;
        let (head, body) = answer.into_parts();
        let answer = Answer {
            body,
            silent_after: self.silent_after,
        };
        if head.status == StatusCode::OK {
            return Ok(answer);
        }
        let body = answer.whole().await.unwrap_or_default();
        Err(Failure::of_answer(
            head.status.as_u16(),
            &body,
            retry_after(&head.headers),
        ))
    }
}

impl Answer {
    /// Returns the next piece; none at the end.
    pub(super) async fn piece(&mut self) -> Result<Option<impl AsRef<[u8]> + use<>>, Failure> {
        loop {
            let frame = timeout(self.silent_after, self.body.frame()).await;
            let frame = frame.map_err(|_| Failure::Silent(self.silent_after))?;
            let Some(frame) = frame else {
                return Ok(None);
            };
            let frame = frame.map_err(|error| Failure::Cut(words(&error)))?;
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
    }

    /// Collects all of it.
    async fn whole(mut self) -> Result<Vec<u8>, Failure> {
        let mut whole = Vec::new();
        while let Some(piece) = self.piece().await? {
            whole.extend_from_slice(piece.as_ref());
            if whole.len() > LONGEST {
                return Err(Failure::Malformed(format!(
                    "it is longer than {LONGEST} octets"
                )));
            }
        }
        Ok(whole)
    }
}

/// The forms that are understood. Of kinds whose metadata is all that is needed, the server sends nothing else.
const fn accepted(kind: Kind, list: bool) -> &'static str {
    match (kind.is_metadata_only(), list) {
        (false, _) => "application/json",
        (true, true) => {
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
        }
        (true, false) => {
            "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
        }
    }
}

/// Escapes a text for a query (RFC 3986 section 3.4).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for octet in text.bytes() {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(octet.into());
            }
            // Memory takes all of it.
            _ => drop(write!(escaped, "%{octet:02X}")),
        }
    }
    escaped
}

/// `Retry-After` in seconds, which is the form that API servers use.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    Some(Duration::from_secs(text.trim().parse().ok()?))
}

/// Sorts an error of the client: the difference between TLS, credentials and no connection is in its causes.
pub(super) fn failure(error: &kube::Error) -> Failure {
    let text = words(error);
    match error {
        kube::Error::Auth(_) => return Failure::Credentials(text),
        kube::Error::RustlsTls(_) => return Failure::Tls(text),
        _ => {}
    }
    if is_of_tls(error) {
        Failure::Tls(text)
    } else {
        Failure::Unreachable(text)
    }
}

/// Returns true if two sides that have a connection cannot agree on TLS. Its errors come as invalid data of the socket; a
/// connection itself never fails so.
fn is_of_tls(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let socket = error.downcast_ref::<std::io::Error>();
        if socket.is_some_and(|it| it.kind() == std::io::ErrorKind::InvalidData) {
            return true;
        }
        // An error around another of the same type has the other's source, and not the other, as its source.
        let inside = socket.and_then(std::io::Error::get_ref);
        cause = match inside {
            Some(inside) => Some(inside as _),
            None => error.source(),
        };
    }
    false
}

/// The innermost cause says most, and those around it repeat it.
fn words(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_escaped() {
        assert_eq!(escaped("a-Z_0.~"), "a-Z_0.~");
        assert_eq!(escaped("eyJ2+/=&é"), "eyJ2%2B%2F%3D%26%C3%A9");
    }
}
