//! Answers requests: the page, its script and style, and the events.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::stream::{BoxStream, StreamExt as _, unfold};
use http_body_util::{Either, Full, StreamBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Frame},
    header::{
        ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
        REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    },
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    pin,
    sync::{Notify, Semaphore},
    time::{sleep, timeout},
};

use super::{
    guard,
    visits::{self, Visits},
};

/// Time limit of a connection without events.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest number of concurrent connections: browsers that look, and as many that get the page.
const CONNECTIONS: usize = 2 * visits::MOST;
/// Size limit of a request's head.
const HEAD: usize = 16 * 1024;
/// Pause of accepting when the process has no free descriptor.
const BREATH: Duration = Duration::from_millis(100);

/// Everything comes from this server, nothing is evaluated, and text never becomes markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
];

type Messages = BoxStream<'static, Result<Frame<Bytes>, Infallible>>;
type Body = Either<Full<Bytes>, StreamBody<Messages>>;

/// Accepts connections, and serves each in a task.
pub(super) async fn serve(listener: &TcpListener, visits: &Visits) -> Infallible {
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(BREATH).await;
            continue;
        };
        let Ok(place) = Arc::clone(&free).try_acquire_owned() else {
            continue;
        };
        let visits = visits.clone();
        tokio::spawn(async move {
            talk(stream, visits).await;
            drop(place);
        });
    }
}

/// Serves one request. A client that breaks off, or is slow, is disconnected.
async fn talk(stream: TcpStream, visits: Visits) {
    let (cut, is_visitor) = (Arc::new(Notify::new()), AtomicBool::new(false));
    let service = service_fn(|request: Request<_>| {
        let response = answer(&request, || {
            let messages = visits.enter(Arc::clone(&cut))?;
            is_visitor.store(true, Ordering::Relaxed);
            Some(stream_of(messages))
        });
        async { Ok::<_, Infallible>(response) }
    });
    let serving = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(HEAD)
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    let serving = async {
        tokio::select! {
            // Its outcome is the client's.
            _ = serving => {}
            () = cut.notified() => {}
        }
    };
    pin!(serving);
    let is_over = timeout(PATIENCE, &mut serving).await.is_ok();
    if !is_over && is_visitor.load(Ordering::Relaxed) {
        serving.await;
    }
}

fn stream_of(messages: tokio::sync::mpsc::Receiver<Bytes>) -> Messages {
    let next = |mut messages: tokio::sync::mpsc::Receiver<Bytes>| async {
        let message = messages.recv().await?;
        Some((Ok(Frame::data(message)), messages))
    };
    unfold(messages, next).boxed()
}

/// Returns the response to a request. `enter` returns events, or `None` if there is no room.
fn answer<B>(request: &Request<B>, enter: impl FnOnce() -> Option<Messages>) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = say(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n");
        let allowed = HeaderValue::from_static("GET, HEAD");
        refused.headers_mut().insert(ALLOW, allowed);
        return refused;
    }
    if let Some(words) = guard::refusal(request) {
        return say(StatusCode::FORBIDDEN, words);
    }
    let file = |kind, text: &'static str| {
        let body = Either::Left(Full::new(Bytes::from_static(text.as_bytes())));
        made(StatusCode::OK, kind, body)
    };
    match request.uri().path() {
        "/" => file("text/html; charset=utf-8", include_str!("page.html")),
        "/page.css" => file("text/css; charset=utf-8", include_str!("page.css")),
        "/page.js" => file("text/javascript; charset=utf-8", include_str!("page.js")),
        // An answer to HEAD has no body, and would count a browser that sees nothing.
        guard::EVENTS if *request.method() == Method::GET => match enter() {
            Some(messages) => {
                let body = Either::Right(StreamBody::new(messages));
                made(StatusCode::OK, "text/event-stream", body)
            }
            None => say(
                StatusCode::SERVICE_UNAVAILABLE,
                "as many browsers as there is room for look at the page: close one\n",
            ),
        },
        _ => say(StatusCode::NOT_FOUND, "the page is at /\n"),
    }
}

fn say(status: StatusCode, words: &'static str) -> Response<Body> {
    let body = Either::Left(Full::new(Bytes::from_static(words.as_bytes())));
    made(status, "text/plain; charset=utf-8", body)
}

fn made(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
