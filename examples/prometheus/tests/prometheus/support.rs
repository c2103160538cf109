//! Prometheus beside a test, a scraper of few lines, and pages taken apart.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
};

use mermin_prometheus::{Exporter, Settings};
use mermin_testing::{Folder, LONGEST, wait};
use serde_json::Value as Json;

pub(crate) fn exporter(settings: Settings) -> Exporter {
    Exporter::listen("127.0.0.1:0".parse().unwrap(), settings).unwrap()
}

pub(crate) fn capture() -> String {
    env!("CARGO_MANIFEST_DIR").to_owned() + "/../../mermin-core/tests/captures/mixed.pcap"
}

/// The head and the body of an answer.
pub(crate) fn get(address: SocketAddr, request: &str, header: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONGEST)).unwrap();
    // In one write: a request that is refused by its first octets closes the connection before the next.
    let request = format!("{request} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{header}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        // A head that is too long is not read to its end, which resets the connection behind the answer.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        read => {
            read.unwrap();
        }
    }
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

pub(crate) fn scrape(address: SocketAddr) -> String {
    let (head, body) = get(address, "GET /metrics", "");
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    body
}

/// None where nobody listens any more.
pub(crate) fn try_scrape(address: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(
        stream,
        "GET /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    // A whole page has the outcomes of scrapes at its end.
    let (_, page) = answer.split_once("\r\n\r\n")?;
    page.contains("outcome=\"too_slow\"")
        .then(|| page.to_owned())
}

pub(crate) type Labels = BTreeMap<String, String>;

/// The samples of a metric on a page of text. Each set of labels is there once.
pub(crate) fn samples(page: &str, metric: &str) -> BTreeMap<Labels, u64> {
    let mut samples = BTreeMap::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let Some(rest) = line.strip_prefix(metric) else {
            continue;
        };
        let (labels, value) = match rest.strip_prefix('{') {
            Some(rest) => rest.rsplit_once("} ").unwrap(),
            None if rest.starts_with(' ') => ("", &rest[1..]),
            None => continue,
        };
        let before = samples.insert(labels_of(labels), value.parse().unwrap());
        assert_eq!(before, None, "{line}");
    }
    samples
}

pub(crate) fn sum(page: &str, metric: &str) -> u64 {
    samples(page, metric).values().sum()
}

fn labels_of(text: &str) -> Labels {
    let mut labels = Labels::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once("=\"") {
        let (mut value, mut characters) = (String::new(), after.chars());
        loop {
            match characters.next().unwrap() {
                '"' => break,
                '\\' => value.push(match characters.next().unwrap() {
                    'n' => '\n',
                    other => other,
                }),
                other => value.push(other),
            }
        }
        labels.insert(name.to_owned(), value);
        rest = characters.as_str();
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    labels
}

/// A Prometheus that scrapes one target every second; it goes with the test.
pub(crate) struct Prometheus {
    child: Child,
    _folder: Folder,
    address: SocketAddr,
}

impl Prometheus {
    pub(crate) fn of(target: SocketAddr) -> Self {
        let folder = Folder::new("prometheus");
        let config = folder.file("prometheus.yml");
        let text = format!(
            "scrape_configs:\n- job_name: mermin\n  scrape_interval: 1s\n  static_configs:\n  - targets: ['{target}']\n"
        );
        fs::write(&config, text).unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.file("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .arg("--enable-feature=exemplar-storage")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.file("log")).unwrap())
            .spawn()
            .unwrap();
        let prometheus = Self {
            child,
            _folder: folder,
            address,
        };
        wait(|| TcpStream::connect(address).is_ok());
        prometheus
    }

    /// Answer of an API. None while it is not ready.
    fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> Option<Json> {
        let query: Vec<String> = parameters
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        let request = format!("GET /api/v1/{path}?{}", query.join("&"));
        // HTTP/1.0 has no chunks.
        let mut stream = TcpStream::connect(self.address).ok()?;
        write!(stream, "{request} HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        if head.contains(" 503 ") {
            return None;
        }
        let answer: Json = serde_json::from_str(body).unwrap();
        assert_eq!(answer["status"], "success", "{request}: {answer}");
        Some(answer["data"].clone())
    }

    /// The values of a query, by their labels.
    pub(crate) fn query(&self, query: &str) -> Vec<(Labels, String)> {
        let Some(data) = self.ask("query", &[("query", query)]) else {
            return Vec::new();
        };
        let results = data["result"].as_array().unwrap().iter();
        results
            .map(|result| {
                let labels = result["metric"].as_object().unwrap().iter();
                let labels =
                    labels.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
                (
                    labels.collect(),
                    result["value"][1].as_str().unwrap().to_owned(),
                )
            })
            .collect()
    }

    /// The one value of a query, a whole number below 2^53.
    pub(crate) fn whole(&self, query: &str) -> u64 {
        let found = self.query(query);
        assert_eq!(found.len(), 1, "{query}");
        found[0].1.parse().unwrap()
    }

    /// Exemplars of a metric.
    pub(crate) fn exemplars(&self, metric: &str) -> Vec<Json> {
        let range = [("query", metric), ("start", "1"), ("end", "9000000000")];
        let data = self.ask("query_exemplars", &range).unwrap_or_default();
        data.as_array().cloned().unwrap_or_default()
    }

    /// Waits until it has scraped at least so often, and says what is wrong where it cannot.
    pub(crate) fn wait_for_scrapes(&self, scrapes: u64) {
        wait(|| {
            let down = self.query("up == 0");
            assert!(down.is_empty(), "the target is down: {}", self.why());
            let count = self.query("count_over_time(up[5m])");
            count
                .first()
                .is_some_and(|(_, count)| count.parse::<u64>().unwrap() >= scrapes)
        });
    }

    fn why(&self) -> String {
        self.ask("targets", &[]).unwrap_or_default()["activeTargets"][0]["lastError"].to_string()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// For the query of an address.
fn encoded(text: &str) -> String {
    let octets = text.bytes();
    octets.fold(String::new(), |encoded, octet| {
        if octet.is_ascii_alphanumeric() {
            encoded + &char::from(octet).to_string()
        } else {
            encoded + &format!("%{octet:02X}")
        }
    })
}
