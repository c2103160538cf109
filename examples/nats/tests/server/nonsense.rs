//! Peers that are no server, or a strange one.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use futures::executor::block_on;
use mermin_core::sink::{FlowSink, testing::flows};
use mermin_nats::Exporter;
use mermin_testing::LONGEST;

use crate::support::settings;

const INFO: &[u8] = b"INFO {\"headers\":true,\"max_payload\":1048576}\r\n";

/// Does this with each connection; its port.
fn peer(talk: impl Fn(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || listener.incoming().for_each(|stream| talk(stream.unwrap())));
    port
}

fn told(port: u16) -> String {
    let settings = settings(port).patience(Duration::from_millis(500));
    let mut sink = Exporter::new(settings).unwrap();
    let error = block_on(sink.export(&flows(10))).unwrap_err();
    let stats = sink.meter().unwrap().stats();
    assert_eq!((stats.accepted, stats.dropped_in_all()), (0, 0));
    error.to_string()
}

/// It is no server of NATS, or one that cannot be used.
pub(crate) fn spoken() {
    let no_end = [b"INFO ".to_vec(), vec![b'x'; 1 << 20]].concat();
    for (octets, words) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            "it does not speak NATS: `HTTP/1.1 400",
        ),
        (
            b"\x15\x03\x01\x00\x02\x02\x28",
            "it does not speak NATS: `\\x15\\x03",
        ),
        (&no_end, "it does not speak NATS: `INFO xxx"),
        (b"PING\r\n", "the server says nothing for 500ms"),
        (b"", "the server says nothing for 500ms"),
        (
            b"INFO {\r\n",
            "it does not speak NATS: what it says of itself",
        ),
        (b"INFO {}\r\n", "the server takes no headers"),
        (
            b"INFO {\"tls_required\":true}\r\n",
            "the server demands TLS",
        ),
        (
            b"MSG a 1 99999999999\r\n",
            "it does not speak NATS: `MSG a 1",
        ),
        (b"+OK\r\nPONG\r\n", "it does not say who it is"),
    ] {
        let octets = octets.to_vec();
        let port = peer(move |mut stream| {
            let _ = stream.write_all(&octets);
            // Until the other side has gone.
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let error = told(port);
        assert!(
            error.starts_with("cannot connect to `127.0.0.1:"),
            "{error}"
        );
        assert!(error.contains(words), "{error}");
    }
}

/// Shakes hands, says that there is no more to be known of the stream, and then does this with what is published.
fn server(then: impl Fn(&mut TcpStream, &str) + Send + 'static) -> u16 {
    peer(move |mut stream| {
        let _ = stream.write_all(INFO);
        let reader = BufReader::new(stream.try_clone().unwrap());
        let lines = reader.split(b'\n').map_while(Result::ok);
        for line in lines.map(|line| String::from_utf8_lossy(&line).into_owned()) {
            let mut words = line.split_whitespace();
            match (words.next(), words.next(), words.next()) {
                (Some("PING"), ..) => stream.write_all(b"PONG\r\n").unwrap(),
                (Some("PUB"), ..) => {
                    let denied = b"-ERR 'Permissions Violation for Publish to \"$JS\"'\r\n";
                    stream.write_all(denied).unwrap();
                }
                (Some("HPUB"), _, Some(reply)) => then(&mut stream, reply),
                _ => {}
            }
        }
    })
}

/// An answer that makes no sense is no delivery.
pub(crate) fn acknowledged() {
    for (answer, words) in [
        (
            "MSG REPLY 1 2\r\nhi\r\n",
            "the answer to a record is none of JetStream",
        ),
        (
            "MSG REPLY 1 2\r\n{}\r\n",
            "the answer to a record is none of JetStream",
        ),
        (
            "MSG a.4711 1 2\r\n{}\r\n",
            "the server acknowledges what was not sent",
        ),
        (
            "MSG a.99999999999999999999 1 2\r\n{}\r\n",
            "the server says nothing for 500ms",
        ),
        ("HELLO\r\n", "it does not speak NATS: `HELLO"),
        (
            // The rest is in the place of its payload.
            "MSG REPLY 1 99\r\n",
            "it does not speak NATS: `MSG _INBOX.",
        ),
    ] {
        let port = server(move |stream, reply| {
            let _ = stream.write_all(answer.replace("REPLY", reply).as_bytes());
        });
        let error = told(port);
        assert!(error.contains(words), "{error}");
    }
}

/// A server's ping is answered without anything to export.
pub(crate) fn pings() {
    let (pinged, answered): (_, Receiver<()>) = channel();
    let port = peer(move |mut stream| {
        stream.write_all(INFO).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        let lines = reader.split(b'\n').map_while(Result::ok);
        for line in lines.map(|line| String::from_utf8_lossy(&line).into_owned()) {
            let mut words = line.split_whitespace();
            match (words.next(), words.next(), words.next()) {
                (Some("PING"), ..) => stream.write_all(b"PONG\r\n").unwrap(),
                (Some("PUB"), ..) => {
                    let denied = b"-ERR 'Permissions Violation for Publish to \"$JS\"'\r\n";
                    stream.write_all(denied).unwrap();
                }
                (Some("HPUB"), _, Some(reply)) => {
                    let answer = format!("MSG {reply} 1 9\r\n{{\"seq\":1}}\r\nPING\r\n");
                    stream.write_all(answer.as_bytes()).unwrap();
                }
                (Some("PONG"), ..) => {
                    pinged.send(()).unwrap();
                    stream.write_all(b"PING\r\n").unwrap();
                }
                _ => {}
            }
        }
    });
    let settings = settings(port).patience(Duration::from_millis(500));
    let mut sink = Exporter::new(settings).unwrap();
    block_on(sink.export(&flows(1))).unwrap();
    for _ in 0..3 {
        answered.recv_timeout(LONGEST).unwrap();
    }
}
