//! A server thread with limits of time and number for connections.

use std::{
    convert::Infallible,
    net::{SocketAddr, TcpListener as StdListener},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use futures::future::select;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
    sync::{Semaphore, oneshot},
    time::{sleep, timeout},
};

use super::{
    answer::answer,
    listen::{ListenError, listen},
    scrapes::{Outcomes, count},
};
use crate::page::Format;

/// Size limit of a request's head.
const HEAD: usize = 16 * 1024;
/// Pause of accepting when the process has no free descriptor.
const BREATH: Duration = Duration::from_millis(100);

#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Time limit of a connection.
    pub(crate) patience: Duration,
    /// Largest number of concurrent connections.
    pub(crate) connections: usize,
}

/// Pages to serve.
pub(crate) trait Pages: Send + Sync + 'static {
    /// Returns the present page.
    fn page(&self, format: Format) -> String;
    /// Notes that a page requested at this moment was sent completely.
    fn sent(&self, moment: u64);
    /// Returns a number that distinguishes pages made before and after an event.
    fn moment(&self) -> u64;
    fn outcomes(&self) -> &Outcomes;
}

/// A running server. Dropping it stops it without waiting.
pub(crate) struct Server {
    address: SocketAddr,
    /// Dropping this ends the thread.
    _stop: oneshot::Sender<()>,
}

impl Server {
    /// Listens, and starts a thread, `mermin-metrics`.
    pub(crate) fn start(
        address: SocketAddr,
        limits: Limits,
        pages: Arc<impl Pages>,
    ) -> Result<Self, ListenError> {
        let listener = listen(address)?;
        let failed = |cause| ListenError::new(address, cause);
        let address = listener.local_addr().map_err(failed)?;
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(failed)?;
        let (stop, stopped) = oneshot::channel();
        thread::Builder::new()
            .name("mermin-metrics".to_owned())
            .spawn(move || serve(&runtime, listener, limits, &pages, stopped))
            .map_err(failed)?;
        Ok(Self {
            address,
            _stop: stop,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

fn serve(
    runtime: &Runtime,
    listener: StdListener,
    limits: Limits,
    pages: &Arc<impl Pages>,
    stopped: oneshot::Receiver<()>,
) {
    runtime.block_on(async {
        // The listener must be created within its runtime. If that fails, no descriptor is left for epoll, and
        // scrapers get no response.
        let Ok(listener) = TcpListener::from_std(listener) else {
            return;
        };
        select(stopped, pin!(accept(&listener, limits, pages))).await;
    });
}

async fn accept(listener: &TcpListener, limits: Limits, pages: &Arc<impl Pages>) {
    let free = Arc::new(Semaphore::new(limits.connections));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // No descriptor is left, so the connection stays in the kernel's queue.
            count(&pages.outcomes().refused);
            sleep(BREATH).await;
            continue;
        };
        let Ok(place) = Arc::clone(&free).try_acquire_owned() else {
            count(&pages.outcomes().refused);
            continue;
        };
        let pages = Arc::clone(pages);
        tokio::spawn(async move {
            let outcomes = pages.outcomes();
            match timeout(limits.patience, talk(stream, limits, &pages)).await {
                Ok(Ok(true)) => count(&outcomes.answered),
                // A probe of the port, which asked for nothing.
                Ok(Ok(false)) => {}
                Ok(Err(error)) if error.is_timeout() => count(&outcomes.too_slow),
                Ok(Err(_)) => count(&outcomes.broken),
                Err(_) => count(&outcomes.too_slow),
            }
            drop(place);
        });
    }
}

/// Serves one request. Connections are not kept alive, because an idle one would take a place. Returns false if there was no request.
async fn talk(
    stream: TcpStream,
    limits: Limits,
    pages: &Arc<impl Pages>,
) -> Result<bool, hyper::Error> {
    let moment = pages.moment();
    let (is_answered, has_page) = (AtomicBool::new(false), AtomicBool::new(false));
    let service = service_fn(|request| {
        let (response, is_page) = answer(&request, |format| pages.page(format));
        is_answered.store(true, Ordering::Relaxed);
        has_page.store(is_page, Ordering::Relaxed);
        async { Ok::<_, Infallible>(response) }
    });
    http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(HEAD)
        .timer(TokioTimer::new())
        .header_read_timeout(limits.patience)
        .serve_connection(TokioIo::new(stream), service)
        .await?;
    if has_page.load(Ordering::Relaxed) {
        pages.sent(moment);
    }
    Ok(is_answered.load(Ordering::Relaxed))
}
