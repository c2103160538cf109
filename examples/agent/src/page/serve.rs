//! Answers requests: the page, its script and style, and the events.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::stream::{BoxStream, StreamExt as _, unfold};
use http_body_util::{Either, Full, StreamBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Frame},
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY,
        X_CONTENT_TYPE_OPTIONS,
    },
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    pin,
    sync::Notify,
    time::timeout,
};

use super::{
    guard,
    visits::{self, Visits},
};
use crate::http::{self, response, text};

/// Largest number of concurrent connections: browsers that look, and as many that get the page.
const CONNECTIONS: usize = 2 * visits::MOST;

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
    http::accept(listener, CONNECTIONS, |stream| talk(stream, visits.clone())).await
}

/// Serves one request. A client that breaks off, or is slow, is disconnected; only events have no time limit.
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
    let serving = http::limits().serve_connection(TokioIo::new(stream), service);
    let serving = async {
        tokio::select! {
            // Its outcome is the client's.
            _ = serving => {}
            () = cut.notified() => {}
        }
    };
    pin!(serving);
    let is_over = timeout(http::PATIENCE, &mut serving).await.is_ok();
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
    let mut response = chosen(request, enter);
    for (name, value) in HEADERS {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

fn chosen<B>(request: &Request<B>, enter: impl FnOnce() -> Option<Messages>) -> Response<Body> {
    if let Some(refused) = http::refusal(request.method()) {
        return refused.map(Either::Left);
    }
    let plain = |status, words| text(status, words).map(Either::Left);
    if let Some(words) = guard::refusal(request) {
        return plain(StatusCode::FORBIDDEN, words);
    }
    let file = |kind, text: &'static str| {
        let body = Either::Left(Full::new(Bytes::from_static(text.as_bytes())));
        response(StatusCode::OK, kind, body)
    };
    match request.uri().path() {
        "/" => file("text/html; charset=utf-8", include_str!("page.html")),
        "/page.css" => file("text/css; charset=utf-8", include_str!("page.css")),
        "/page.js" => file("text/javascript; charset=utf-8", include_str!("page.js")),
        // An answer to HEAD has no body, and would count a browser that sees nothing.
        guard::EVENTS if *request.method() == Method::GET => match enter() {
            Some(messages) => {
                let body = Either::Right(StreamBody::new(messages));
                response(StatusCode::OK, "text/event-stream", body)
            }
            None => plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "as many browsers as there is room for look at the page: close one\n",
            ),
        },
        _ => plain(StatusCode::NOT_FOUND, "the page is at /\n"),
    }
}
