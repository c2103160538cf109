//! Receivers of a test, each on a thread of its own.

mod grpc;
mod http;
mod state;

use std::{
    future::poll_fn,
    net::TcpListener,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use futures::FutureExt as _;
use hyper::{
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mermin_core::{Flow, sink::testing};
use mermin_otlp::{Endpoint, Exporter, Protocol, Resource, Settings};
#[cfg(feature = "tls")]
pub(crate) use mermin_testing::certificates;
use mermin_testing::wait;
use tokio::sync::oneshot;

pub(crate) use self::state::{Reply, State};

/// A receiver that can be stopped, and started again at the same port with what it had.
pub(crate) struct Receiver {
    protocol: Protocol,
    port: u16,
    state: Arc<Mutex<State>>,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Receiver {
    pub(crate) fn new(protocol: Protocol) -> Self {
        Self::with(protocol, State::default())
    }

    pub(crate) fn with(protocol: Protocol, state: State) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut receiver = Self {
            protocol,
            port: listener.local_addr().unwrap().port(),
            state: Arc::new(Mutex::new(state)),
            running: None,
        };
        receiver.listen(listener);
        receiver
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Sets its replies to the next requests; behind those it accepts.
    pub(crate) fn replies(&self, replies: impl IntoIterator<Item = Reply>) {
        self.state().replies.extend(replies);
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        let url = format!("http://127.0.0.1:{}", self.port);
        Endpoint::new(self.protocol, &url).unwrap()
    }

    pub(crate) fn settings(&self) -> Settings {
        settings(self.endpoint())
    }

    pub(crate) fn exporter(&self) -> Exporter {
        Exporter::new(&self.settings()).unwrap()
    }

    fn listen(&mut self, listener: TcpListener) {
        listener.set_nonblocking(true).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let (state, protocol) = (Arc::clone(&self.state), self.protocol);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let accepting = accept(protocol, listener, state);
                futures::future::select(pin!(accepting), stopped).await;
            });
            // Ends connections, whatever is under way.
            drop(runtime);
        });
        self.running = Some((stop, thread));
    }

    pub(crate) fn stop(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            let _ = stop.send(());
            thread.join().unwrap();
        }
    }

    pub(crate) fn start(&mut self) {
        let mut bound = None;
        wait(|| {
            bound = TcpListener::bind(("127.0.0.1", self.port)).ok();
            bound.is_some()
        });
        self.listen(bound.unwrap());
    }
}

async fn accept(protocol: Protocol, listener: tokio::net::TcpListener, state: Arc<Mutex<State>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        state.lock().unwrap().connections += 1;
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            #[cfg(feature = "tls")]
            {
                let acceptor = state
                    .lock()
                    .unwrap()
                    .tls
                    .as_ref()
                    .map(|server| server.acceptor("h2"));
                if let Some(acceptor) = acceptor {
                    // A client that does not trust this one goes away.
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(protocol, TokioIo::new(stream), state).await;
                    }
                    return;
                }
            }
            serve(protocol, TokioIo::new(stream), state).await;
        });
    }
}

async fn serve<T>(protocol: Protocol, stream: T, state: Arc<Mutex<State>>)
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
{
    let once = state.lock().unwrap().once;
    let has_answered = Arc::new(AtomicBool::new(false));
    match protocol {
        Protocol::Grpc => {
            let service = service_fn(|request| {
                let has_answered = Arc::clone(&has_answered);
                let answer = grpc::answer(Arc::clone(&state), request);
                answer.inspect(move |_| has_answered.store(true, Ordering::Relaxed))
            });
            let builder = http2::Builder::new(TokioExecutor::new());
            let mut connection = pin!(builder.serve_connection(stream, service));
            let mut goes_on = !once;
            let served = poll_fn(|context| {
                let served = connection.as_mut().poll(context);
                if served.is_ready() || goes_on || !has_answered.load(Ordering::Relaxed) {
                    return served;
                }
                goes_on = true;
                connection.as_mut().graceful_shutdown();
                connection.as_mut().poll(context)
            });
            _ = served.await;
        }
        Protocol::Http => {
            let service = service_fn(|request| http::answer(Arc::clone(&state), request));
            _ = http1::Builder::new()
                .keep_alive(!once)
                .serve_connection(stream, service)
                .await;
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop();
    }
}

pub(crate) fn settings(endpoint: Endpoint) -> Settings {
    Settings::new(endpoint).resource(Resource::default().with("k8s.node.name", "node-7"))
}

impl testing::Receiver for Receiver {
    type Sink = Exporter;
    type Key = (String, u64);

    fn key(flow: &Flow) -> Self::Key {
        crate::decoded::key_of(flow)
    }

    fn sink(&mut self) -> Exporter {
        self.exporter()
    }

    fn received(&mut self) -> Vec<Self::Key> {
        self.state().keys()
    }

    fn stop(&mut self) -> bool {
        Receiver::stop(self);
        true
    }

    fn start(&mut self) {
        Receiver::start(self);
    }
}
