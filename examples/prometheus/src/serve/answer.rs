//! Chooses the response to a request.

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::Bytes,
    header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderValue},
};

use crate::page::Format;

/// Returns the response, and true if it has the page.
pub(super) fn answer<B>(
    request: &Request<B>,
    page: impl FnOnce(Format) -> String,
) -> (Response<Full<Bytes>>, bool) {
    if request.uri().path() != "/metrics" {
        return (
            say(StatusCode::NOT_FOUND, "the metrics are at /metrics\n"),
            false,
        );
    }
    let with_body = match *request.method() {
        Method::GET => true,
        // hyper omits the body.
        Method::HEAD => false,
        _ => {
            let mut refused = say(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n");
            refused
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return (refused, false);
        }
    };
    let accepts = request.headers().get_all(ACCEPT).iter();
    let accept: Vec<&str> = accepts.filter_map(|value| value.to_str().ok()).collect();
    let format = Format::wanted(&accept.join(","));
    (
        made(StatusCode::OK, format.content_type(), page(format)),
        with_body,
    )
}

fn say(status: StatusCode, words: &str) -> Response<Full<Bytes>> {
    made(status, "text/plain; charset=utf-8", words.to_owned())
}

fn made(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
