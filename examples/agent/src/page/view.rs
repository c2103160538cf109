//! The thread of the page.

use std::{net::SocketAddr, pin::pin, thread};

use futures::future::{join, select};
use mermin_program::Result;
use tokio::{runtime::Builder, sync::oneshot};

use super::{feed::feed, serve::serve, visits::Visits};
use crate::{http, state::State};

/// The page, while it is served. Dropping it ends the thread without waiting.
pub(crate) struct View {
    visits: Visits,
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl View {
    /// Listens, and starts the thread `mermin-page`. `wants_drops`: the source was asked to count packets that the kernel drops.
    ///
    /// # Errors
    /// The port is in use, or this user may not use it; no thread.
    pub(crate) fn listen(address: SocketAddr, state: State, wants_drops: bool) -> Result<Self> {
        let listener = http::listen(address, "page")?;
        let address = listener.local_addr()?;
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let visits = Visits::default();
        let (stop, stopped) = oneshot::channel();
        let looking = visits.clone();
        thread::Builder::new()
            .name("mermin-page".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    // The listener must be created within its runtime. If that fails, no descriptor is left for epoll.
                    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
                        return;
                    };
                    let work = join(
                        serve(&listener, &looking),
                        feed(&state, &looking, wants_drops),
                    );
                    select(stopped, pin!(work)).await;
                });
            })?;
        Ok(Self {
            visits,
            address,
            _stop: stop,
        })
    }

    /// Returns the address it listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the counts of browsers.
    pub(crate) fn visits(&self) -> Visits {
        self.visits.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _},
        net::TcpStream,
    };

    use hyper::body::Bytes;
    use mermin_testing::until;
    use serde_json::Value as Json;

    use super::*;
    use crate::page::visits::MOST;

    fn view() -> View {
        View::listen(([127, 0, 0, 1], 0).into(), State::default(), false).unwrap()
    }

    fn ask(view: &View, method: &str, path: &str, host: &str) -> TcpStream {
        let mut stream = TcpStream::connect(view.address()).unwrap();
        stream
            .set_read_timeout(Some(mermin_testing::LONGEST))
            .unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// Returns the status, the head and the body of an answer.
    fn answer(mut stream: TcpStream) -> (u16, String, String) {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_ascii_lowercase(), body.to_owned())
    }

    fn get(view: &View, path: &str) -> (u16, String, String) {
        answer(ask(view, "GET", path, "localhost"))
    }

    #[test]
    fn page_needs_nothing_from_elsewhere() {
        let view = view();
        for (path, kind) in [
            ("/", "text/html"),
            ("/page.css", "text/css"),
            ("/page.js", "text/javascript"),
        ] {
            let (status, head, body) = get(&view, path);
            assert_eq!(status, 200, "{path}");
            for part in [
                kind,
                "content-security-policy: default-src 'none'",
                "x-content-type-options: nosniff",
                "cross-origin-resource-policy: same-origin",
            ] {
                assert!(head.contains(part), "{path}: {part}: {head}");
            }
            // The name of SVG is no address that a browser reads.
            let body = body.replace("http://www.w3.org/2000/svg", "");
            for part in ["http://", "https://", "//cdn", "innerHTML", "style="] {
                assert!(!body.contains(part), "{path}: {part}");
            }
        }
        assert_eq!(get(&view, "/favicon.ico").0, 404);
    }

    #[test]
    fn other_methods_and_foreign_names_are_refused() {
        let view = view();
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            let (status, head, _) = answer(ask(&view, method, "/", "localhost"));
            assert_eq!(status, 405, "{method}");
            assert!(head.contains("allow: get, head"), "{head}");
        }
        for path in ["/", "/page.js", "/events"] {
            let (status, _, said) = answer(ask(&view, "GET", path, "rebound.example:8081"));
            assert_eq!(status, 403, "{path}");
            assert!(said.contains("by `localhost` or by an address"), "{said}");
        }
        let (status, _, body) = answer(ask(&view, "HEAD", "/", "[::1]:8081"));
        assert_eq!((status, body.as_str()), (200, ""));
        assert_eq!(answer(ask(&view, "HEAD", "/events", "localhost")).0, 404);
        assert!(!view.visits.is_watched());
    }

    fn look(view: &View) -> BufReader<TcpStream> {
        BufReader::new(ask(view, "GET", "/events", "127.0.0.1"))
    }

    /// Returns the next frame of a browser.
    fn frame(events: &mut BufReader<TcpStream>) -> Json {
        let mut line = String::new();
        while !line.starts_with("data: ") {
            line.clear();
            assert_ne!(events.read_line(&mut line).unwrap(), 0, "no frame");
        }
        serde_json::from_str(line.trim_start_matches("data: ")).unwrap()
    }

    #[test]
    fn browsers_get_frames_as_far_as_there_is_room() {
        let view = view();
        let mut inside: Vec<_> = (0..MOST).map(|_| look(&view)).collect();
        let frames: Vec<_> = inside.iter_mut().map(frame).collect();
        let frame = &frames[0];
        let begun = (&frame["phase"], &frame["open"]);
        assert_eq!(begun, (&"opening".into(), &0.into()));
        assert_eq!(frame["checks"][0]["name"], "source");
        assert!(frame["total"]["octet_rate"].is_null());
        let (status, _, said) = get(&view, "/events");
        assert_eq!(status, 503);
        assert!(said.contains("close one"), "{said}");
        // The page itself is there, and asks again.
        assert_eq!(get(&view, "/").0, 200);
        inside.pop();
        until("room", || {
            let mut stream = ask(&view, "GET", "/events", "localhost");
            let mut status = [0; 12];
            stream.read_exact(&mut status).unwrap();
            status.ends_with(b"200")
        });
        drop(inside);
        until("nobody looks", || !view.visits.is_watched());
    }

    #[test]
    fn browser_that_does_not_read_is_disconnected() {
        let view = view();
        let mut stuck = ask(&view, "GET", "/events", "localhost");
        until("somebody looks", || view.visits.is_watched());
        // More than the kernel holds for a connection, so the server waits in the middle of it.
        let message = Bytes::from(vec![b' '; 32 << 20]);
        view.visits.send(&message);
        let mut some = vec![0; 64 << 10];
        until("the middle", || {
            stuck.peek(&mut some).unwrap() == some.len()
        });
        until("the disconnection", || {
            view.visits.send(&message);
            !view.visits.is_watched()
        });
        let mut rest = Vec::new();
        if let Err(error) = stuck.read_to_end(&mut rest) {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
        assert!(rest.len() < message.len(), "{}", rest.len());
        // Others are served.
        frame(&mut look(&view));
    }

    #[test]
    fn port_in_use_is_an_error_with_a_remedy() {
        let first = view();
        let second = View::listen(first.address(), State::default(), false);
        let error = second.err().unwrap().to_string();
        for part in [
            "for `internal \"page\"`: ",
            "; choose another port, or see who has this one: `ss -ltnp",
        ] {
            assert!(error.contains(part), "{error}");
        }
    }
}
