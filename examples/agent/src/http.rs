//! The server's side of HTTP, which probes and the page share.

use std::{
    convert::Infallible,
    error::Error as _,
    net::{SocketAddr, TcpListener as StdListener},
    sync::Arc,
    time::Duration,
};

use http_body_util::Full;
use hyper::{
    Method, Response, StatusCode,
    body::Bytes,
    header::{ALLOW, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
};
use hyper_util::rt::TokioTimer;
use mermin_program::Result;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::sleep,
};

/// Time limit of a request's head, and of a connection other than a stream of events.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// Size limit of a request's head.
const HEAD: usize = 16 * 1024;
/// Pause of accepting when the process has no free descriptor.
const BREATH: Duration = Duration::from_millis(100);

/// Listens for the block `internal "<block>"` of the file.
///
/// # Errors
/// The port is in use, or this user may not use it.
pub(crate) fn listen(address: SocketAddr, block: &str) -> Result<StdListener> {
    mermin_prometheus::listen(address).map_err(|error| {
        let cause = error.source().map_or(String::new(), |it| format!(": {it}"));
        let remedy = error.remedy().map_or(String::new(), |it| format!("; {it}"));
        format!("{error} for `internal \"{block}\"`{cause}{remedy}").into()
    })
}

/// Accepts connections, and serves each in a task. Those beyond `most` at the same time are closed at once.
pub(crate) async fn accept<F>(
    listener: &TcpListener,
    most: usize,
    talk: impl Fn(TcpStream) -> F,
) -> Infallible
where
    F: Future<Output = ()> + Send + 'static,
{
    let free = Arc::new(Semaphore::new(most));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Usually no descriptor is left, and the connection stays in the kernel's queue.
            sleep(BREATH).await;
            continue;
        };
        let Ok(place) = Arc::clone(&free).try_acquire_owned() else {
            continue;
        };
        let talk = talk(stream);
        tokio::spawn(async move {
            talk.await;
            drop(place);
        });
    }
}

/// Returns the limits of a connection. It is not kept alive, because an idle one would take a place.
pub(crate) fn limits() -> http1::Builder {
    let mut limits = http1::Builder::new();
    limits
        .keep_alive(false)
        .max_buf_size(HEAD)
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE);
    limits
}

/// Returns the response to a method that changes something, as nothing here can be changed. `None` for those that read.
pub(crate) fn refusal(method: &Method) -> Option<Response<Full<Bytes>>> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n");
    let allowed = HeaderValue::from_static("GET, HEAD");
    refused.headers_mut().insert(ALLOW, allowed);
    Some(refused)
}

pub(crate) fn text(status: StatusCode, words: &'static str) -> Response<Full<Bytes>> {
    let body = Full::new(Bytes::from_static(words.as_bytes()));
    response(status, "text/plain; charset=utf-8", body)
}

pub(crate) fn response<B>(status: StatusCode, kind: &'static str, body: B) -> Response<B> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
