//! A nats-server of a test, and what is in its streams.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use mermin_nats::{Exporter, Settings};
use mermin_testing::{Folder, LONGEST, free_port, wait};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

pub(crate) const STREAM: &str = "FLOWS";

pub(crate) fn settings(port: u16) -> Settings {
    Settings::new([format!("127.0.0.1:{port}")], STREAM).patience(Duration::from_secs(10))
}

/// A server with a folder of its own, which it finds again when it is started again.
pub(crate) struct Server {
    pub(crate) port: u16,
    folder: Folder,
    running: Option<Child>,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// With lines of a configuration.
    pub(crate) fn with(configuration: &str) -> Self {
        let (port, folder) = (free_port(), Folder::new("nats"));
        let store = folder.file("store").display().to_string();
        let text = format!(
            "listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: \"{store}\" }}\n{configuration}\n"
        );
        fs::write(folder.file("server.conf"), text).unwrap();
        let mut server = Self {
            port,
            folder,
            running: None,
        };
        server.start();
        server
    }

    pub(crate) fn start(&mut self) {
        let path = env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
        let child = Command::new("nats-server")
            .arg("-c")
            .arg(self.folder.file("server.conf"))
            .env("PATH", path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.running = Some(child.unwrap());
        wait(|| TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    fn id(&self) -> Pid {
        let id = self.running.as_ref().unwrap().id();
        Pid::from_raw(i32::try_from(id).unwrap()).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.id(), signal).unwrap();
        // Each of its threads stops by itself.
        wait(|| signal != Signal::STOP || self.threads_are_stopped());
    }

    fn threads_are_stopped(&self) -> bool {
        let tasks = format!("/proc/{}/task", self.id().as_raw_nonzero());
        fs::read_dir(tasks).unwrap().all(|task| {
            let state = fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
            state.rsplit(") ").next().unwrap().starts_with('T')
        })
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.running.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(crate) fn settings(&self) -> Settings {
        settings(self.port)
    }

    pub(crate) fn exporter(&self) -> Exporter {
        Exporter::new(self.settings()).unwrap()
    }

    /// A client of the interface.
    pub(crate) fn client(&self) -> Client {
        let mut client = None;
        wait(|| {
            client = Client::new(self.port, "{}").and_then(|mut client| {
                // Streams are there when the interface is.
                let info = client.ask("INFO", "")?;
                info.get("error").is_none().then_some(client)
            });
            client.is_some()
        });
        client.unwrap()
    }

    /// Makes the stream, with these settings besides its name and subjects.
    pub(crate) fn create(&self, config: &Value) {
        let mut whole =
            json!({"name": STREAM, "subjects": [format!("{STREAM}.>")], "storage": "file"});
        let settings = config.as_object().unwrap().clone();
        whole.as_object_mut().unwrap().extend(settings);
        let made = self
            .client()
            .must(&format!("STREAM.CREATE.{STREAM}"), &whole.to_string());
        assert!(made["config"].is_object(), "{made}");
    }

    /// Messages in the stream: their ids and what they hold.
    pub(crate) fn stored(&self) -> Vec<(String, Value)> {
        self.client().stored()
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.stored().into_iter().map(|(id, _)| id).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Questions that are asked before the first answer is read.
const TOGETHER: usize = 100;

/// Asks a server, by no code of the exporter.
pub(crate) struct Client {
    /// Where answers go, of this one alone.
    ear: String,
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn new(port: u16, connect: &str) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let ear = format!("ear.{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(LONGEST)).unwrap();
        write!(stream, "CONNECT {connect}\r\nSUB {ear} 1\r\n").ok()?;
        let reader = BufReader::new(stream.try_clone().unwrap());
        Some(Self {
            ear,
            stream,
            reader,
        })
    }

    fn put(&mut self, what: &str, payload: &str) -> Option<()> {
        let (length, ear) = (payload.len(), &self.ear);
        write!(
            self.stream,
            "PUB $JS.API.{what} {ear} {length}\r\n{payload}\r\n"
        )
        .ok()
    }

    fn answer(&mut self) -> Option<Value> {
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let Some(arguments) = line
                .trim_end()
                .strip_prefix(&format!("MSG {} 1 ", self.ear))
            else {
                assert!(!line.starts_with("-ERR"), "{line}");
                continue;
            };
            let length: usize = arguments.parse().unwrap();
            let mut payload = vec![0; length + 2];
            self.reader.read_exact(&mut payload).ok()?;
            return Some(serde_json::from_slice(&payload).unwrap());
        }
    }

    pub(crate) fn ask(&mut self, what: &str, payload: &str) -> Option<Value> {
        self.put(what, payload)?;
        self.answer()
    }

    pub(crate) fn must(&mut self, what: &str, payload: &str) -> Value {
        self.ask(what, payload).unwrap()
    }

    pub(crate) fn info(&mut self) -> Value {
        self.must(&format!("STREAM.INFO.{STREAM}"), "")
    }

    pub(crate) fn count(&mut self) -> u64 {
        self.info()["state"]["messages"].as_u64().unwrap_or(0)
    }

    /// Messages of the stream in their order.
    pub(crate) fn stored(&mut self) -> Vec<(String, Value)> {
        let state = &self.info()["state"];
        let (first, last) = (state["first_seq"].as_u64(), state["last_seq"].as_u64());
        let (Some(first), Some(last)) = (first, last) else {
            return Vec::new();
        };
        let places: Vec<u64> = (first.max(1)..=last).collect();
        let mut all = BTreeMap::new();
        for places in places.chunks(TOGETHER) {
            for place in places {
                let question = json!({"seq": place}).to_string();
                let what = format!("STREAM.MSG.GET.{STREAM}");
                self.put(&what, &question).unwrap();
            }
            for _ in places {
                let answer = self.answer().unwrap();
                let (place, id, payload) = message(&answer["message"]);
                all.insert(place, (id, payload));
            }
        }
        assert_eq!(all.len(), places.len());
        all.into_values().collect()
    }
}

/// Its place, its id, what it holds.
fn message(message: &Value) -> (u64, String, Value) {
    let part = |name: &str| {
        let text = message[name].as_str().unwrap();
        String::from_utf8(BASE64_STANDARD.decode(text).unwrap()).unwrap()
    };
    let headers = part("hdrs");
    let id = headers
        .lines()
        .find_map(|line| line.strip_prefix("Nats-Msg-Id: "));
    let payload = serde_json::from_str(&part("data")).unwrap();
    let place = message["seq"].as_u64().unwrap();
    (place, id.unwrap().to_owned(), payload)
}
