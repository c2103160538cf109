//! One thread, with a limit of time and number for those who come.

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

/// A head of a request takes no more memory than this.
const HEAD: usize = 16 * 1024;
/// How long nobody is accepted when the process has no descriptor left.
const BREATH: Duration = Duration::from_millis(100);

#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// From accepting a connection to its end.
    pub(crate) patience: Duration,
    /// Connections at a time.
    pub(crate) connections: usize,
}

/// Pages that are served.
pub(crate) trait Pages: Send + Sync + 'static {
    /// The page of now.
    fn page(&self, format: Format) -> String;
    /// A page that was asked for when this number was told has been sent whole.
    fn sent(&self, moment: u64);
    /// Tells pages that were made before an event from those made after it.
    fn moment(&self) -> u64;
    fn outcomes(&self) -> &Outcomes;
}

/// Serves until it is dropped, which waits for nothing.
pub(crate) struct Server {
    address: SocketAddr,
    /// The thread ends when this goes.
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
        // It is registered with the runtime that it is made in; where that fails there is no descriptor for epoll, and the
        // scraper sees a connection that is not answered.
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
            // No descriptor is left: it is the scraper's kernel that waits.
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
                Ok(Ok(())) => count(&outcomes.answered),
                Ok(Err(error)) if error.is_timeout() => count(&outcomes.too_slow),
                Ok(Err(_)) => count(&outcomes.broken),
                Err(_) => count(&outcomes.too_slow),
            }
            drop(place);
        });
    }
}

/// One request: a connection that is kept holds a place and says nothing.
async fn talk(
    stream: TcpStream,
    limits: Limits,
    pages: &Arc<impl Pages>,
) -> Result<(), hyper::Error> {
    let moment = pages.moment();
    let has_page = AtomicBool::new(false);
    let service = service_fn(|request| {
        let (response, is_page) = answer(&request, |format| pages.page(format));
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
    Ok(())
}
