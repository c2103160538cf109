//! An API server that has pods and no changes.

use std::{
    convert::Infallible, fmt::Write as _, future::ready, io, net::SocketAddr, sync::Arc, thread,
};

use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Bytes, Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use mermin_bench_kubernetes::pod;
use mermin_benches::Result;
use tokio::net::TcpListener;

const PAGE: u32 = 500;

type Pages = Arc<Vec<Bytes>>;

/// Starts a server of this many pods, on a thread that ends with the process.
pub(crate) fn start(pods: u32) -> Result<SocketAddr> {
    let pages: Pages = Arc::new((0..pods.div_ceil(PAGE)).map(|at| page(at, pods)).collect());
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    thread::spawn(move || {
        if let Err(error) = runtime.block_on(serve(listener, pages)) {
            eprintln!("error: the server: {error}");
        }
    });
    Ok(address)
}

fn page(at: u32, pods: u32) -> Bytes {
    let last = ((at + 1) * PAGE).min(pods);
    let mut page =
        "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"20000\""
            .to_owned();
    if last < pods {
        // Memory takes all of it.
        let _ = write!(page, ",\"continue\":\"{}\"", at + 1);
    }
    page.push_str("},\"items\":[");
    let items: Vec<_> = (at * PAGE..last).map(pod).collect();
    page.push_str(&items.join(","));
    page.push_str("]}");
    page.into()
}

async fn serve(listener: std::net::TcpListener, pages: Pages) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (socket, _) = listener.accept().await?;
        let pages = Arc::clone(&pages);
        let service =
            service_fn(move |request| ready(Ok::<_, Infallible>(answer(&request, &pages))));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
    }
}

fn answer(request: &Request<Incoming>, pages: &Pages) -> Response<BoxBody<Bytes, Infallible>> {
    let query = request.uri().query().unwrap_or_default();
    let value = |name: &str| {
        query
            .split('&')
            .find_map(|it| it.strip_prefix(name)?.strip_prefix('='))
    };
    if value("watch").is_some() {
        let never = futures::stream::pending::<std::result::Result<Frame<Bytes>, Infallible>>();
        return Response::new(StreamBody::new(never).boxed());
    }
    let page = value("continue")
        .and_then(|it| it.parse().ok())
        .unwrap_or(0);
    let page: Bytes = pages.get::<usize>(page).cloned().unwrap_or_default();
    Response::new(Full::new(page).boxed())
}
