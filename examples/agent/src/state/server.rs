//! Serves probes over HTTP.

use std::{convert::Infallible, net::SocketAddr};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use mermin_program::Result;
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::{
    State,
    probes::{Probe, Status},
};
use crate::http;

/// Largest number of concurrent connections.
const CONNECTIONS: usize = 32;

/// Listens for probes, and serves them in a task of the present runtime.
///
/// # Errors
/// The port is in use, or this user may not use it.
pub(crate) fn listen(address: SocketAddr, state: State) -> Result<SocketAddr> {
    let listener = TcpListener::from_std(http::listen(address, "server")?)?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        http::accept(&listener, CONNECTIONS, |stream| talk(stream, state.clone())).await
    });
    Ok(address)
}

/// Serves one request. A client that is slow or breaks off is disconnected.
async fn talk(stream: TcpStream, state: State) {
    let service = service_fn(|request: Request<Incoming>| {
        let response = answer(request.method(), request.uri().path(), &state);
        async { Ok::<_, Infallible>(response) }
    });
    let serving = http::limits().serve_connection(TokioIo::new(stream), service);
    // An error here concerns only the client, which sees it itself.
    let _ = timeout(http::PATIENCE, serving).await;
}

fn answer(method: &Method, path: &str, state: &State) -> Response<Full<Bytes>> {
    if let Some(refused) = http::refusal(method) {
        return refused;
    }
    let Some(probe) = Probe::at(path) else {
        let words = "the probes are /livez, /readyz and /startup\n";
        return http::text(StatusCode::NOT_FOUND, words);
    };
    let answer = probe.answer(state);
    let status = match answer.status {
        Status::Failed => StatusCode::SERVICE_UNAVAILABLE,
        Status::Ok | Status::Warning => StatusCode::OK,
    };
    // A structure of texts always has a JSON form.
    let body = serde_json::to_string_pretty(&answer).unwrap_or_default();
    let body = Full::new(Bytes::from(body + "\n"));
    http::response(status, "application/json", body)
}

#[cfg(test)]
mod tests {
    use hyper::header::{ALLOW, CONTENT_TYPE};

    use super::*;

    #[test]
    fn answers_say_what_they_are() {
        let state = State::default();
        let asks = |method, path| answer(&method, path, &state);
        let opening = asks(Method::GET, "/readyz");
        assert_eq!(opening.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(opening.headers()[CONTENT_TYPE], "application/json");
        assert_eq!(asks(Method::HEAD, "/livez").status(), StatusCode::OK);
        let unknown = asks(Method::GET, "/");
        assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
        assert_eq!(unknown.headers()[CONTENT_TYPE], "text/plain; charset=utf-8");
        let refused = asks(Method::POST, "/livez");
        assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(refused.headers()[ALLOW], "GET, HEAD");
    }

    #[tokio::test]
    async fn port_in_use_is_an_error_with_a_remedy() {
        let first = listen(([127, 0, 0, 1], 0).into(), State::default()).unwrap();
        let error = listen(first, State::default()).unwrap_err().to_string();
        for part in [
            "for `internal \"server\"`: ",
            "; choose another port, or see who has this one: `ss -ltnp",
        ] {
            assert!(error.contains(part), "{error}");
        }
    }
}
