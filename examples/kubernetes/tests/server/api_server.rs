//! An API server that speaks list and watch over HTTP, and does wrong when told to.

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll},
    thread,
    time::Duration,
};

use bytes::Bytes;
use hyper::{
    Request, Response,
    body::{Body, Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use mermin_testing::certificates;
use serde_json::{Value as Json, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::AbortHandle,
};

/// How the server answers requests for a kind, by its plural.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A status with this message, and `Retry-After`.
    Status(u16, String, Option<u64>),
    /// Nothing, ever.
    Silence,
    /// As usual, after this time.
    Slow(Duration),
    /// Watches end at once.
    Brief,
    /// Lists are answered, watches fail.
    ListsAlone,
}

/// The server; dropped, it closes all connections.
pub(crate) struct ApiServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

#[derive(Default)]
struct Shared(Mutex<State>);

#[derive(Default)]
struct State {
    version: u64,
    /// Objects by plural, namespace and name.
    objects: BTreeMap<(String, String), Json>,
    /// Changes: version, plural, line.
    log: Vec<(u64, String, Bytes)>,
    compacted: u64,
    watchers: Vec<(String, Piece)>,
    answers: HashMap<String, Answer>,
    without_streams: bool,
    holds_bookmarks: bool,
    token: Option<String>,
    tls: Option<certificates::Server>,
    connections: Vec<AbortHandle>,
    requests: Vec<String>,
}

type Piece = mpsc::UnboundedSender<Option<Bytes>>;

/// A body in pieces; `None` cuts the connection.
struct Pieces(mpsc::UnboundedReceiver<Option<Bytes>>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(cx).map(|piece| match piece? {
            Some(octets) => Some(Ok(Frame::data(octets))),
            None => Some(Err(io::ErrorKind::ConnectionReset.into())),
        })
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl ApiServer {
    pub(crate) fn start() -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// Starts a server at an address.
    pub(crate) fn at(address: SocketAddr) -> Self {
        let listener = std::net::TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        shared.lock().version = 1_000;
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = serve(listener, served) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            shared,
            address,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> http::Uri {
        format!("http://{}", self.address).parse().unwrap()
    }

    /// Returns the address of a server that shows a certificate.
    pub(crate) fn secure_url(&self) -> http::Uri {
        format!("https://{}", self.address).parse().unwrap()
    }

    /// Shows this certificate to new connections, and closes those that are open.
    pub(crate) fn show(&self, signed: certificates::Signed) {
        let mut state = self.shared.lock();
        state.tls = Some(certificates::Server {
            signed,
            clients: None,
        });
        state
            .connections
            .drain(..)
            .for_each(|connection| connection.abort());
    }

    /// Adds an object or changes it.
    pub(crate) fn put(&self, plural: &str, mut object: Json) {
        let mut state = self.shared.lock();
        state.version += 1;
        object["metadata"]["resourceVersion"] = state.version.to_string().into();
        let key = key(plural, &object);
        let known = state.objects.insert(key, object.clone());
        state.tell(
            plural,
            if known.is_some() { "MODIFIED" } else { "ADDED" },
            &object,
        );
    }

    /// Deletes an object, by name in its namespace.
    pub(crate) fn delete(&self, plural: &str, namespace: &str, name: &str) {
        let mut state = self.shared.lock();
        state.version += 1;
        let key = (plural.to_owned(), format!("{namespace}/{name}"));
        let mut object = state.objects.remove(&key).unwrap();
        object["metadata"]["resourceVersion"] = state.version.to_string().into();
        state.tell(plural, "DELETED", &object);
    }

    /// Deletes an object without telling anybody, as if nobody had watched.
    pub(crate) fn lose(&self, plural: &str, namespace: &str, name: &str) {
        let key = (plural.to_owned(), format!("{namespace}/{name}"));
        self.shared.lock().objects.remove(&key).unwrap();
    }

    /// Forgets all changes so far: a watch from an older version is answered with 410.
    pub(crate) fn compact(&self) {
        let mut state = self.shared.lock();
        state.version += 1;
        state.compacted = state.version;
        state.log.clear();
    }

    /// Goes on with an older version, as after an etcd was restored from a copy.
    pub(crate) fn restore(&self, version: u64) {
        let mut state = self.shared.lock();
        state.version = version;
        state.log.clear();
    }

    /// Sends an error to all who watch a kind.
    pub(crate) fn send_error(&self, plural: &str, code: u16) {
        let status = json!({"kind": "Status", "code": code, "message": "told to fail"});
        self.send(plural, "ERROR", &status);
    }

    /// Sends an event to all who watch a kind.
    pub(crate) fn send(&self, plural: &str, event: &str, object: &Json) {
        let line = line(event, object);
        let state = self.shared.lock();
        let watchers = state.watchers.iter().filter(|(of, _)| of == plural);
        watchers.for_each(|(_, piece)| drop(piece.send(Some(line.clone()))));
    }

    /// Sends a bookmark.
    pub(crate) fn bookmark(&self, plural: &str) {
        let version = {
            let mut state = self.shared.lock();
            state.version += 1;
            state.version
        };
        let object = json!({"metadata": {"resourceVersion": version.to_string()}});
        self.send(plural, "BOOKMARK", &object);
    }

    /// Cuts all watches within an answer.
    pub(crate) fn cut(&self) {
        let watchers = std::mem::take(&mut self.shared.lock().watchers);
        for (_, piece) in watchers {
            let _ = piece.send(None);
        }
    }

    /// Ends all watches in order.
    pub(crate) fn end_watches(&self) {
        self.shared.lock().watchers.clear();
    }

    /// Sets how requests for a kind are answered; `None` is as usual.
    pub(crate) fn answer(&self, plural: &str, answer: Option<Answer>) {
        let mut state = self.shared.lock();
        match answer {
            Some(answer) => drop(state.answers.insert(plural.to_owned(), answer)),
            None => drop(state.answers.remove(plural)),
        }
    }

    /// Refuses lists as a stream, as older servers do.
    pub(crate) fn refuse_streams(&self) {
        self.shared.lock().without_streams = true;
    }

    /// Sets if the bookmark behind a streaming list is held back.
    pub(crate) fn hold_bookmarks(&self, hold: bool) {
        self.shared.lock().holds_bookmarks = hold;
    }

    /// Refuses requests without this token.
    pub(crate) fn require_token(&self, token: &str) {
        self.shared.lock().token = Some(token.to_owned());
    }

    /// Paths and queries so far.
    pub(crate) fn requests(&self, part: &str) -> Vec<String> {
        let state = self.shared.lock();
        let requests = state.requests.iter().filter(|it| it.contains(part));
        requests.cloned().collect()
    }

    /// Number of watches of a kind.
    pub(crate) fn watches(&self, plural: &str) -> usize {
        let state = self.shared.lock();
        state
            .watchers
            .iter()
            .filter(|(of, piece)| of == plural && !piece.is_closed())
            .count()
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn key(plural: &str, object: &Json) -> (String, String) {
    let text = |name: &str| {
        object["metadata"][name]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    (
        plural.to_owned(),
        format!("{}/{}", text("namespace"), text("name")),
    )
}

fn line(kind: &str, object: &Json) -> Bytes {
    format!("{}\n", json!({"type": kind, "object": object})).into()
}

impl State {
    fn tell(&mut self, plural: &str, kind: &str, object: &Json) {
        let line = line(kind, object);
        self.log
            .push((self.version, plural.to_owned(), line.clone()));
        self.watchers
            .retain(|(of, piece)| of != plural || piece.send(Some(line.clone())).is_ok());
    }

    fn of(&self, plural: &str) -> Vec<&Json> {
        let objects = self.objects.iter().filter(|((of, _), _)| of == plural);
        objects.map(|(_, object)| object).collect()
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let tls = shared.lock().tls.clone();
        let of_connection = Arc::clone(&shared);
        let connection = tokio::spawn(async move {
            match tls {
                Some(tls) => {
                    // A client that does not trust this one goes away.
                    if let Ok(socket) = tls.acceptor("http/1.1").accept(socket).await {
                        talk(socket, of_connection).await;
                    }
                }
                None => talk(socket, of_connection).await,
            }
        });
        shared.lock().connections.push(connection.abort_handle());
    }
}

async fn talk(socket: impl AsyncRead + AsyncWrite + Unpin, shared: Arc<Shared>) {
    let service = service_fn(move |request| answer(request, Arc::clone(&shared)));
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(socket), service)
        .await;
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Pieces>, Infallible> {
    let plural = request
        .uri()
        .path()
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    let query: HashMap<String, String> = request
        .uri()
        .query()
        .unwrap_or_default()
        .split('&')
        .filter_map(|it| it.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let known = {
        let mut state = shared.lock();
        state.requests.push(request.uri().to_string());
        let given = request.headers().get("authorization");
        let given = given.and_then(|it| it.to_str().ok()?.strip_prefix("Bearer "));
        if state.token.is_some() && state.token.as_deref() != given {
            return Ok(status(401, "Unauthorized", None));
        }
        // Told of one version of the API, or of all.
        let path = request.uri().path();
        state
            .answers
            .get(path)
            .or_else(|| state.answers.get(&plural))
            .cloned()
    };
    match known {
        Some(Answer::Status(code, message, retry_after)) => {
            return Ok(status(code, &message, retry_after));
        }
        Some(Answer::Silence) => std::future::pending().await,
        Some(Answer::Slow(time)) => tokio::time::sleep(time).await,
        Some(Answer::Brief) if query.contains_key("watch") => return Ok(whole(200, String::new())),
        Some(Answer::ListsAlone) if query.contains_key("watch") => {
            return Ok(status(500, "no watches", None));
        }
        Some(Answer::Brief | Answer::ListsAlone) | None => {}
    }
    let mut state = shared.lock();
    Ok(if query.contains_key("watch") {
        watch(&mut state, &plural, &query)
    } else {
        list(&state, &plural, &query)
    })
}

fn list(state: &State, plural: &str, query: &HashMap<String, String>) -> Response<Pieces> {
    let all = state.of(plural);
    let limit: usize = query
        .get("limit")
        .map_or(usize::MAX, |it| it.parse().unwrap());
    let from: usize = query.get("continue").map_or(0, |it| it.parse().unwrap());
    let items: Vec<_> = all.iter().skip(from).take(limit).collect();
    let mut metadata = json!({"resourceVersion": state.version.to_string()});
    if from + items.len() < all.len() {
        metadata["continue"] = (from + items.len()).to_string().into();
    }
    whole(
        200,
        json!({"kind": "List", "metadata": metadata, "items": items}).to_string(),
    )
}

fn watch(state: &mut State, plural: &str, query: &HashMap<String, String>) -> Response<Pieces> {
    let (send, receive) = mpsc::unbounded_channel();
    if query.contains_key("sendInitialEvents") {
        if state.without_streams {
            return status(422, "sendInitialEvents: Forbidden", None);
        }
        for object in state.of(plural) {
            let _ = send.send(Some(line("ADDED", object)));
        }
        let end = json!({"metadata": {"resourceVersion": state.version.to_string(), "annotations": {"k8s.io/initial-events-end": "true"}}});
        if !state.holds_bookmarks {
            let _ = send.send(Some(line("BOOKMARK", &end)));
        }
    } else {
        let from: u64 = query["resourceVersion"].parse().unwrap();
        if from < state.compacted {
            return status(410, "too old resource version", None);
        }
        let missed = state
            .log
            .iter()
            .filter(|(version, of, _)| *version > from && of == plural);
        for (_, _, line) in missed {
            let _ = send.send(Some(line.clone()));
        }
    }
    state.watchers.push((plural.to_owned(), send));
    Response::new(Pieces(receive))
}

fn status(code: u16, message: &str, retry_after: Option<u64>) -> Response<Pieces> {
    let body = json!({"kind": "Status", "code": code, "message": message});
    let mut response = whole(code, body.to_string());
    if let Some(seconds) = retry_after {
        response.headers_mut().insert("retry-after", seconds.into());
    }
    response
}

fn whole(code: u16, body: String) -> Response<Pieces> {
    let (send, receive) = mpsc::unbounded_channel();
    let _ = send.send(Some(body.into()));
    let mut response = Response::new(Pieces(receive));
    *response.status_mut() = code.try_into().unwrap();
    response
}
