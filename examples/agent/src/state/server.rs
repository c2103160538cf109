//! Serves probes over HTTP.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use mermin_program::Result;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};

use super::{
    State,
    probes::{Probe, Status},
};

/// Time limit of a connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest number of concurrent connections.
const CONNECTIONS: usize = 32;
/// Pause of accepting when the process has no free descriptor.
const BREATH: Duration = Duration::from_millis(100);

/// Listens for probes, and serves them in a task.
///
/// # Errors
/// The port is in use, or this user may not use it.
pub(crate) async fn listen(address: SocketAddr, state: State) -> Result<SocketAddr> {
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let remedy = match error.kind() {
            io::ErrorKind::AddrInUse => format!(
                "; choose another port in `internal \"server\"`, or see who has this one: `ss -ltnp 'sport = :{}'`",
                address.port()
            ),
            _ => String::new(),
        };
        format!("cannot listen on `{address}` for probes: {error}{remedy}")
    })?;
    let address = listener.local_addr()?;
    tokio::spawn(accept(listener, state));
    Ok(address)
}

async fn accept(listener: TcpListener, state: State) {
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(BREATH).await;
            continue;
        };
        let Ok(place) = Arc::clone(&free).try_acquire_owned() else {
            continue;
        };
        let state = state.clone();
        tokio::spawn(async move {
            // A client that is slow or breaks off is disconnected.
            let _ = timeout(PATIENCE, talk(stream, &state)).await;
            drop(place);
        });
    }
}

/// Serves one request. Connections are not kept alive, because an idle one would take a place.
async fn talk(stream: TcpStream, state: &State) -> std::result::Result<(), hyper::Error> {
    let service = service_fn(|request: Request<Incoming>| {
        let response = answer(request.method(), request.uri().path(), state);
        async { Ok::<_, Infallible>(response) }
    });
    http1::Builder::new()
        .keep_alive(false)
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

fn answer(method: &Method, path: &str, state: &State) -> Response<Full<Bytes>> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return made(
            StatusCode::METHOD_NOT_ALLOWED,
            "text/plain",
            "GET or HEAD\n",
        );
    }
    let Some(probe) = Probe::at(path) else {
        let words = "the probes are /livez, /readyz and /startup\n";
        return made(StatusCode::NOT_FOUND, "text/plain", words);
    };
    let answer = probe.answer(state);
    let status = match answer.status {
        Status::Failed => StatusCode::SERVICE_UNAVAILABLE,
        Status::Ok | Status::Warning => StatusCode::OK,
    };
    // A structure of texts always has a JSON form.
    let body = serde_json::to_string_pretty(&answer).unwrap_or_default();
    made(status, "application/json", body + "\n")
}

fn made(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
