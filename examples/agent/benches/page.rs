//! Cost of the page with 10,000 live flows: `cargo bench -p mermin-agent`, as root; with `-- --json`, one object per row.
//!
//! A process in a new network namespace sends a datagram to five ports of each of 2,000 pods, continues with a fifth of these flows,
//! and runs the agent, which follows an API server with the pods. The benchmark reads frames as a browser does, and the CPU time of
//! the page's thread from /proc.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on ends; the lint knows only functions that are marked as tests"
)]

#[expect(dead_code, reason = "a benchmark needs no troubles")]
#[path = "../../kubernetes/tests/server/api_server.rs"]
mod api_server;

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, TcpStream, UdpSocket},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use mermin_testing::{
    Folder, apart::command, figure::Row, kubeconfig, milliseconds, thread_times, until,
};
use serde_json::{Value as Json, json};

use crate::api_server::ApiServer;

/// Set if the process is in the namespace.
const INSIDE: &str = "MERMIN_AGENT_BENCH_INSIDE";
const PODS: u32 = 2_000;
const PORTS: u16 = 5;
const FLOWS: u64 = 10_000;
const FRAMES: u32 = 15;
/// Port of the page.
const PAGE: u16 = 8081;

fn main() {
    if env::var_os(INSIDE).is_some() {
        return inside();
    }
    if env::args().any(|argument| argument == "--test") {
        return;
    }
    let own = env::current_exe().unwrap();
    let mut apart = Command::new("unshare");
    apart.args(["--net", "--"]).arg(own).env(INSIDE, "1");
    apart.args(env::args().skip(1));
    assert!(apart.status().unwrap().success(), "run it as root");
}

fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a01_0000 + number)
}

fn pod(number: u32) -> Json {
    let ip = address(number).to_string();
    let owner = json!([{"kind": "StatefulSet", "apiVersion": "apps/v1", "name": format!("set-{}", number % 200),
        "uid": format!("set-{}", number % 200), "controller": true}]);
    json!({
        "metadata": {"name": format!("pod-{number}"), "namespace": format!("space-{}", number % 20), "uid": format!("pod-{number}"),
            "creationTimestamp": "2026-01-01T00:00:00Z", "ownerReferences": owner},
        "spec": {"nodeName": "n1", "containers": [{"name": "main", "image": "example:1"}]},
        "status": {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "startTime": "2026-01-01T00:00:00Z"},
    })
}

/// An agent that ends with the benchmark.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn inside() {
    // Without ARP, each address is reachable at once.
    command("ip link set lo up");
    command("ip link add d0 arp off up type veth peer name d1");
    command("ip link set d1 up");
    command("ip addr add 10.0.0.1/8 dev d0");
    let server = ApiServer::start();
    for number in 0..PODS {
        server.put("pods", pod(number));
    }
    let folder = Folder::new("agent-page-bench");
    let agent = start(&folder, &server.url().to_string());
    until("the page", || {
        TcpStream::connect(("127.0.0.1", PAGE)).is_ok()
    });
    let mut frames = frames();
    // Packets before that are in no record.
    frames
        .by_ref()
        .find(|frame| frame["phase"] == "capturing")
        .unwrap();
    let is_named = |frame: &Json| {
        let listed = frame["talkers"]["listed"].as_array().unwrap();
        listed.iter().any(|it| it["destination"]["kind"] == "pod")
    };
    let socket = UdpSocket::bind("10.0.0.1:5000").unwrap();
    let send = move |every: usize| {
        for number in (0..PODS * u32::from(PORTS)).step_by(every) {
            let to = (
                address(number % PODS),
                1_000 + u16::try_from(number / PODS).unwrap(),
            );
            // The interface disappears with the namespace.
            let _ = socket.send_to(&[0; 100], to);
            if number % 100 == 0 {
                thread::sleep(Duration::from_millis(1));
            }
        }
    };
    send(1);
    thread::spawn(move || {
        loop {
            send(5);
        }
    });
    let frame = frames
        .by_ref()
        .find(|frame| frame["total"]["flows"].as_u64() >= Some(FLOWS) && is_named(frame))
        .unwrap();
    let is_json = env::args().any(|argument| argument == "--json");
    let say = |text: String| {
        if !is_json {
            println!("{text}");
        }
    };
    say(format!(
        "{} flows, {} pairs listed of {}, {} groups",
        frame["total"]["flows"],
        frame["talkers"]["listed"].as_array().unwrap().len(),
        frame["talkers"]["listed"].as_array().unwrap().len() as u64
            + frame["talkers"]["other_pairs"].as_u64().unwrap(),
        frame["map"]["nodes"].as_array().unwrap().len(),
    ));
    let (before, began) = (thread_times(agent.0.id()), Instant::now());
    let measured: Vec<Json> = frames.take(FRAMES as usize).collect();
    let (after, took) = (thread_times(agent.0.id()), began.elapsed());
    drop(agent);
    let mut all = Duration::ZERO;
    let mut own = Duration::ZERO;
    for (name, time) in after {
        let known = before.iter().find(|(known, _)| *known == name);
        let spent = time.saturating_sub(known.map_or(Duration::ZERO, |(_, time)| *time));
        all += spent;
        if name.starts_with("mermin-page ") {
            own += spent / FRAMES;
        }
        let spent = milliseconds(spent / FRAMES);
        say(format!("{name:24} {spent:6.2} ms a frame"));
    }
    let mut waits: Vec<f64> = measured
        .iter()
        .map(|it| it["took"].as_f64().unwrap())
        .collect();
    waits.sort_unstable_by(f64::total_cmp);
    say(format!(
        "a snapshot, names and sums, by the clock: {:.1} ms (median); a frame has {} kB",
        waits[waits.len() / 2],
        measured[0].to_string().len() / 1_000,
    ));
    let other = milliseconds(all / FRAMES) - milliseconds(own);
    let share = all.as_secs_f64() / took.as_secs_f64() * 100.0;
    for row in [
        Row::new("frame_in_the_thread_of_the_page", "ms", milliseconds(own)).at_most(50.0),
        Row::new("frame_in_other_threads", "ms", other),
        Row::new("all_threads", "percent_of_core", share),
    ] {
        println!("{}", if is_json { row.json() } else { row.line() });
    }
}

fn start(folder: &Folder, server: &str) -> Agent {
    let (file, access) = (folder.file("a.hcl"), folder.file("kubeconfig"));
    fs::write(&access, kubeconfig(server, None, &json!({}))).unwrap();
    let text = format!(
        "discovery \"instrument\" {{\n  interfaces = [\"d0\"]\n}}\nspan {{\n  udp_timeout = \"10m\"\n}}\n\
         discovery \"informer\" \"k8s\" {{\n  kubeconfig_path = \"{}\"\n}}\nexport \"flows\" {{\n  to = [\"json:/dev/null\"]\n}}\n\
         internal \"page\" {{\n  enabled = true\n  port = {PAGE}\n}}\n",
        access.display()
    );
    fs::write(&file, text).unwrap();
    let mut agent = Command::new(env!("CARGO_BIN_EXE_mermin-agent"));
    agent
        .args(["run", "--config"])
        .arg(&file)
        .stderr(Stdio::null());
    Agent(agent.spawn().unwrap())
}

/// Reads frames as a browser does.
fn frames() -> impl Iterator<Item = Json> {
    let mut stream = TcpStream::connect(("127.0.0.1", PAGE)).unwrap();
    let request = b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request).unwrap();
    let lines = BufReader::new(stream).lines().map(Result::unwrap);
    lines.filter_map(|line| Some(serde_json::from_str(line.strip_prefix("data: ")?).unwrap()))
}
