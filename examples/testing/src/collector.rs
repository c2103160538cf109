//! A collector of OTLP over HTTP that accepts everything.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
};

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// A collector of OTLP over HTTP, without compression, that accepts everything.
#[derive(Debug)]
pub struct Collector {
    /// Its port of 127.0.0.1.
    pub port: u16,
    bodies: mpsc::Receiver<Vec<u8>>,
}

impl Collector {
    /// Listens in a thread of its own until the process ends.
    #[must_use]
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, bodies) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                // The body comes first: an exporter that has its answer may end the test. Later bodies are read by nobody.
                let _ = sender.send(accept(&stream));
                stream.write_all(ANSWER.as_bytes()).unwrap();
            }
        });
        Self { port, bodies }
    }

    /// Returns the block of a file that names it, with these further lines.
    #[must_use]
    pub fn block(&self, lines: &str) -> String {
        format!(
            "export \"traces\" {{\n  otlp = {{\n    endpoint = \"http://127.0.0.1:{}\"\n    protocol = \"http_binary\"\n{lines}  }}\n}}\n",
            self.port
        )
    }

    /// Returns the bodies that came since the last call, one behind another.
    #[must_use]
    pub fn came(&self) -> Vec<u8> {
        self.bodies.try_iter().flatten().collect()
    }
}

impl Default for Collector {
    fn default() -> Self {
        Self::new()
    }
}

/// Reads the body of one request.
fn accept(stream: &TcpStream) -> Vec<u8> {
    let mut stream = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(text) = line.strip_prefix("content-length: ") {
            length = text.parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    body
}

/// Returns true if a body of OTLP has an attribute with this text.
#[must_use]
pub fn has_attribute(body: &[u8], name: &str, value: &str) -> bool {
    // Protocol Buffers: field 1 is the name; field 2 is a value, whose field 1 is a text.
    let head = |tag: u8, length: usize| [tag, u8::try_from(length).unwrap()];
    let (inner, outer) = (head(0x0a, value.len()), head(0x12, value.len() + 2));
    let name = [&head(0x0a, name.len())[..], name.as_bytes()].concat();
    let wanted = [&name[..], &outer, &inner, value.as_bytes()].concat();
    body.windows(wanted.len()).any(|it| it == wanted)
}
