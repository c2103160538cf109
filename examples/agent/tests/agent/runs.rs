//! Runs that capture, each in namespaces of its own.

use std::{
    collections::HashMap,
    fs,
    io::{self, Write as _},
    net::TcpListener,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use mermin_testing::{Folder, apart::command, free_port, until};
use rustix::process::Signal;
use serde_json::Value as Json;

use crate::{
    network::{make, send},
    support::{Agent, get, metric, program},
    troubleshooting::compare,
};

/// Sums the packets that the near end sent, of a file's records: those since the record before.
pub(crate) fn packets(file: &Path) -> u64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let mut seen: HashMap<(String, u64), u64> = HashMap::new();
    for line in text.lines() {
        let flow: Json = serde_json::from_str(line).unwrap();
        let id = flow["flow.id"].as_str().unwrap().to_owned();
        let sequence = flow["flow.sequence"].as_u64().unwrap_or(0);
        let count = flow["flow.packets.delta"].as_u64().unwrap_or(0);
        let former = seen.insert((id, sequence), count);
        assert!(former.is_none_or(|former| former == count), "{line}");
    }
    seen.values().sum()
}

/// Only the thread that captures has a capability, and no thread can get one.
fn privileges_are_given_up(process: u32) {
    const NET_ADMIN: u64 = 1 << 12;
    let statuses = || -> Vec<String> {
        let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
        let status = |task: io::Result<fs::DirEntry>| {
            // A thread may have ended.
            fs::read_to_string(task.unwrap().path().join("status")).ok()
        };
        tasks.filter_map(status).collect()
    };
    until("the opener to end", || {
        !statuses()
            .iter()
            .any(|status| status.contains("mermin-opener"))
    });
    let statuses = statuses();
    assert!(statuses.len() > 4, "{statuses:?}");
    for status in &statuses {
        let line = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap().trim().to_owned()
        };
        let captures = line("Name:") == "mermin-capture";
        let left = if captures { NET_ADMIN } else { 0 };
        for set in ["CapPrm:", "CapEff:"] {
            let bits = u64::from_str_radix(&line(set), 16).unwrap();
            assert_eq!(bits, left, "{status}");
        }
        for set in ["CapInh:", "CapAmb:"] {
            assert_eq!(line(set), "0000000000000000", "{status}");
        }
        assert_eq!(line("NoNewPrivs:"), "1", "{status}");
    }
}

pub(crate) fn settings(port: u16, metrics: u16) -> String {
    format!(
        "shutdown_timeout = \"20s\"\ndiscovery \"instrument\" {{\n  interfaces = [\"near0\"]\n}}\n\
         internal \"server\" {{\n  port = {port}\n}}\ninternal \"metrics\" {{\n  port = {metrics}\n}}\n"
    )
}

pub(crate) fn exports_every_packet() {
    make();
    let folder = Folder::new("agent-exports");
    let (file, one, two) = (
        folder.file("a.hcl"),
        folder.file("one.json"),
        folder.file("two.json"),
    );
    let (port, metrics) = (free_port(), free_port());
    let text = format!(
        "{}export \"flows\" {{\n  to = [\"json:{}\", \"json:{}\"]\n}}\n",
        settings(port, metrics),
        one.display(),
        two.display()
    );
    fs::write(&file, text).unwrap();
    let mut agent = Agent::start(&file);
    let (status, body) = get(port, "/readyz");
    assert_eq!(status, 200, "{body}");
    let ready: Json = serde_json::from_str(&body).unwrap();
    assert_eq!(ready["status"], "ok", "{body}");
    privileges_are_given_up(agent.id());
    for path in ["/livez", "/startup"] {
        assert_eq!(get(port, path).0, 200);
    }
    assert_eq!(get(port, "/").0, 404);
    let sent = send(50, 20, Duration::from_millis(5));
    let (status, page) = get(metrics, "/metrics");
    assert_eq!(status, 200);
    for metric in [
        "mermin_agent_capturing 1",
        "mermin_source_",
        "mermin_export_accepted_records_total{target=\"json:",
    ] {
        assert!(page.contains(metric), "{metric}: {page}");
    }
    assert_eq!(agent.stop(), Some(0), "{}", agent.said());
    assert_eq!(
        (packets(&one), packets(&two)),
        (sent, sent),
        "{}",
        agent.said()
    );
}

/// Returns the number of reloads with this outcome.
fn reloads(metrics: u16, outcome: &str) -> usize {
    let sample = format!("mermin_agent_reloads_total{{outcome=\"{outcome}\"}}");
    metric(metrics, &sample)
}

/// A target that listens has its port until it is closed, so other options for it take two reloads. The first refusal says so.
pub(crate) fn listening_target_is_changed_by_two_reloads() {
    make();
    let folder = Folder::new("agent-listening");
    let file = folder.file("a.hcl");
    let (port, metrics, own) = (free_port(), free_port(), free_port());
    let write = |targets: &str| {
        let flows = format!("export \"flows\" {{\n  to = [{targets}]\n}}\n");
        fs::write(&file, settings(port, metrics) + &flows).unwrap();
    };
    let changed = format!("\"prometheus://127.0.0.1:{own}?series=7\"");
    write(&format!("\"prometheus://127.0.0.1:{own}\""));
    let mut agent = Agent::start(&file);
    write(&changed);
    agent.signal(Signal::HUP);
    until("a refusal", || reloads(metrics, "refused") == 1);
    let ready = get(port, "/readyz").1;
    assert!(
        ready.contains("take it out of the file with one reload"),
        "{ready}"
    );
    assert_eq!(get(own, "/metrics").0, 200);
    write("");
    agent.signal(Signal::HUP);
    until("the removal", || {
        agent.said().contains("is closed; every record")
    });
    write(&changed);
    agent.signal(Signal::HUP);
    until("the addition", || reloads(metrics, "applied") == 2);
    assert_eq!(get(own, "/metrics").0, 200);
    // Its page has the other targets, as long as they are there.
    let there = format!("\"json:{}\"", folder.file("there.json").display());
    for (targets, is_there, applied) in [
        (format!("{changed}, {there}"), true, 3),
        (changed, false, 4),
    ] {
        write(&targets);
        agent.signal(Signal::HUP);
        until("a reload", || reloads(metrics, "applied") == applied);
        let page = get(own, "/metrics").1;
        assert_eq!(page.contains("target=\"json:"), is_there, "{page}");
    }
    assert_eq!(agent.stop(), Some(0), "{}", agent.said());
}

/// A pipe is empty once it was read, and an empty file has no receivers.
pub(crate) fn pipe_is_not_read_again() {
    make();
    let folder = Folder::new("agent-pipe");
    let there = folder.file("there.json");
    let (port, metrics) = (free_port(), free_port());
    let text = format!(
        "{}export \"flows\" {{\n  to = [\"json:{}\"]\n}}\n",
        settings(port, metrics),
        there.display()
    );
    let (reader, mut writer) = io::pipe().unwrap();
    writer.write_all(text.as_bytes()).unwrap();
    drop(writer);
    let mut command = program();
    command.stdin(reader);
    let mut agent = Agent::start_as(command, Path::new("/dev/stdin"));
    agent.signal(Signal::HUP);
    until("a refusal", || reloads(metrics, "refused") == 1);
    assert!(agent.said().contains("it is a pipe"), "{}", agent.said());
    let sent = send(10, 5, Duration::from_millis(1));
    assert_eq!(agent.stop(), Some(0), "{}", agent.said());
    assert_eq!(packets(&there), sent, "{}", agent.said());
}

/// Twenty files, each read at SIGHUP.
pub(crate) fn reloads_lose_no_packet() {
    reloads_while_packets_are_sent("", 20, |agent| agent.signal(Signal::HUP));
}

/// Ten files, each read because it has changed: nobody sends a signal.
pub(crate) fn changes_of_the_file_lose_no_packet() {
    reloads_while_packets_are_sent("auto_reload = true\n", 10, |_| {});
}

/// Replaces the file while packets are sent: each has other receivers, another interval of records and other interfaces, and some
/// are refused. The receivers got all packets that were sent, and each record is at one of them at least.
fn reloads_while_packets_are_sent(keys: &str, files: usize, tell: fn(&Agent)) {
    make();
    let folder = Folder::new("agent-reloads");
    let file = folder.file("a.hcl");
    let (port, metrics) = (free_port(), free_port());
    let text = |number: usize| {
        let always = folder.file("always.json");
        let other = folder.file(&format!("other-{}.json", number % 3));
        let interval = ["1s", "2s", "700ms"][number % 3];
        let exclude = if number.is_multiple_of(2) {
            "far0"
        } else {
            "nothing9"
        };
        format!(
            "{keys}{}span {{\n  max_record_interval = \"{interval}\"\n}}\nexport \"flows\" {{\n  to = [\"json:{}\", \"json:{}\"]\n}}\n",
            settings(port, metrics).replace(
                "[\"near0\"]",
                &format!("[\"near0\"]\n  exclude = [\"{exclude}\"]")
            ),
            always.display(),
            other.display()
        )
    };
    fs::write(&file, text(0)).unwrap();
    let mut agent = Agent::start(&file);
    let sender = thread::spawn(|| send(40, 400, Duration::from_millis(10)));
    let reloads = |outcome: &str| reloads(metrics, outcome);
    // At once, as whoever edits a file does: one that is half written has its own effect.
    let replace = |text: String| {
        let whole = folder.file("a.hcl.new");
        fs::write(&whole, text).unwrap();
        fs::rename(&whole, &file).unwrap();
    };
    for number in 1..=files {
        if number % 5 == 0 {
            let refused = number / 5;
            let secret =
                "export \"traces\" {\n  otlp = { auth = { bearer = \"t0ken\", bassic = 1 } }\n}\n";
            replace(format!("{secret}span {{\n  tcp_timeot = \"1s\"\n}}\n"));
            tell(&agent);
            until("a refusal", || reloads("refused") == refused);
            let ready: Json = serde_json::from_str(&get(port, "/readyz").1).unwrap();
            assert_eq!(ready["status"], "warning");
            assert!(ready.to_string().contains("did you mean"), "{ready}");
            assert!(ready.to_string().contains("bassic"), "{ready}");
            assert!(!ready.to_string().contains("t0ken"), "{ready}");
        }
        replace(text(number));
        tell(&agent);
        until("a reload", || reloads("applied") == number);
        assert_eq!(get(port, "/readyz").0, 200);
    }
    let sent = sender.join().unwrap();
    assert_eq!(agent.stop(), Some(0), "{}", agent.said());
    assert!(agent.said().contains("bassic"), "{}", agent.said());
    assert!(!agent.said().contains("t0ken"), "{}", agent.said());
    // The file changes only what a reload changes.
    assert!(!agent.said().contains("restart"), "{}", agent.said());
    assert_eq!(
        packets(&folder.file("always.json")),
        sent,
        "{}",
        agent.said()
    );
    // The others had the time of a reload each, and have nothing that the first has not.
    let others: u64 = (0..3)
        .map(|number| packets(&folder.file(&format!("other-{number}.json"))))
        .sum();
    assert!(others >= sent, "{others} of {sent}");
}

/// Only with `debug_metrics_enabled` do series have addresses and destination ports.
pub(crate) fn debug_tier_has_addresses() {
    make();
    let folder = Folder::new("agent-tiers");
    let file = folder.file("a.hcl");
    for debug in [false, true] {
        let (port, metrics) = (free_port(), free_port());
        let key = format!("  debug_metrics_enabled = {debug}\n  port = {metrics}");
        let text = settings(port, metrics).replace(&format!("  port = {metrics}"), &key);
        let brief = "span {\n  udp_timeout = \"200ms\"\n}\n";
        fs::write(&file, text + brief).unwrap();
        let mut agent = Agent::start(&file);
        send(3, 5, Duration::from_millis(1));
        let mut flow = String::new();
        until("flows", || {
            let page = get(metrics, "/metrics").1;
            let mut lines = page
                .lines()
                .filter(|it| it.starts_with("mermin_flow_bytes_total{"));
            let line = lines.find(|it| it.contains("network_interface_name=\"near0\""));
            line.unwrap_or_default().clone_into(&mut flow);
            !flow.is_empty()
        });
        for label in [
            "source_address=\"10.9.0.1\"",
            "destination_address=\"10.9.0.2\"",
            "destination_port=\"9\"",
        ] {
            assert_eq!(flow.contains(label), debug, "{label}: {flow}");
        }
        assert_eq!(agent.stop(), Some(0), "{}", agent.said());
    }
}

pub(crate) fn receiver_that_is_down_is_counted() {
    make();
    let folder = Folder::new("agent-down");
    let (file, there) = (folder.file("a.hcl"), folder.file("there.json"));
    let (port, metrics, away) = (free_port(), free_port(), free_port());
    // A file system without room for new files, a name that nobody knows, and authorities in a file that is not there.
    let fixed = folder.file("fixed");
    fs::create_dir(&fixed).unwrap();
    command(&format!("mount -t tmpfs -o ro none {}", fixed.display()));
    let tls = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let tls = (tls.local_addr().unwrap(), tls);
    let targets = [
        format!("json:{}", there.display()),
        format!("ipfix+tcp://127.0.0.1:{away}"),
        format!("json:{}/flows.json", fixed.display()),
        "otlp://collector.invalid:4317".to_owned(),
        format!("otlps://{}?ca=/there/is/no.pem", tls.0),
    ];
    let text = format!(
        "{}span {{\n  max_record_interval = \"500ms\"\n}}\nexport \"flows\" {{\n  to = {targets:?}\n}}\n",
        settings(port, metrics).replace("20s", "2s")
    );
    fs::write(&file, text).unwrap();
    let mut agent = Agent::start(&file);
    let sent = send(10, 20, Duration::from_millis(20));
    until("a warning", || {
        let ready: Json = serde_json::from_str(&get(port, "/readyz").1).unwrap();
        ready["status"] == "warning" && ready.to_string().contains("Connection refused")
    });
    compare("look after the receiver", &get(port, "/readyz").1);
    for symptom in [
        "failed to lookup address information",
        "cannot use the certificates in",
        "Read-only file system",
    ] {
        until(symptom, || get(port, "/readyz").1.contains(symptom));
        compare(symptom, &get(port, "/readyz").1);
    }
    let asked = Instant::now();
    assert_eq!(agent.stop(), Some(1), "{}", agent.said());
    // It tries for as long as it may, and no longer.
    let took = asked.elapsed();
    assert!(took >= Duration::from_secs(2), "{took:?}");
    assert!(took < Duration::from_secs(6), "{took:?}");
    until("the table", || agent.said().contains("closed: "));
    compare("cannot deliver all within", &agent.said());
    command(&format!("umount {}", fixed.display()));
    assert_eq!(packets(&there), sent, "{}", agent.said());
}

/// An agent is killed while its receiver is down and all flows have ended. The next one of its instance, whose receiver is there,
/// delivers every packet: without a buffer, no record was only in memory.
pub(crate) fn killed_agent_loses_no_record() {
    make();
    let folder = Folder::new("agent-killed");
    let (file, there) = (folder.file("a.hcl"), folder.file("there.json"));
    let (port, metrics, away) = (free_port(), free_port(), free_port());
    let write = |target: &str| {
        let text = format!(
            "{}span {{\n  udp_timeout = \"200ms\"\n}}\nexport \"flows\" {{\n  to = [\"{target}\"]\n  buffer = 0\n}}\n",
            settings(port, metrics).replace("[\"near0\"]", "[\"near0\"]\n  instance = \"killed\"")
        );
        fs::write(&file, text).unwrap();
    };
    write(&format!("ipfix+tcp://127.0.0.1:{away}"));
    let agent = Agent::start(&file);
    let sent = send(50, 20, Duration::from_millis(1));
    until("records", || {
        metric(metrics, "mermin_source_records_total") >= 50
    });
    until("an attempt", || {
        get(port, "/readyz").1.contains("Connection refused")
    });
    // Another agent does not get the instance.
    let (second, pinned) = (
        folder.file("second.hcl"),
        "[\"near0\"]\n  instance = \"killed\"",
    );
    let text = settings(free_port(), free_port()).replace("[\"near0\"]", pinned);
    fs::write(&second, text).unwrap();
    let output = program().args(["run", "--config"]).arg(&second).output();
    let said = String::from_utf8(output.unwrap().stderr).unwrap();
    compare("another process has it", &said);
    agent.signal(Signal::KILL);
    drop(agent);
    write(&format!("json:{}", there.display()));
    let mut agent = Agent::start(&file);
    assert_eq!(agent.stop(), Some(0), "{}", agent.said());
    assert_eq!(packets(&there), sent, "{}", agent.said());
}
