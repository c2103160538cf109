//! The program from outside: several targets at once, and what its exit status says.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and the lint knows only functions that are marked as tests"
)]

use std::{
    env, fs,
    net::TcpListener,
    process::{Command, Output},
    thread,
};

use mermin_testing::{Folder, free_port};
use serde_json::Value as Json;

/// Records of the capture.
const RECORDS: usize = 8;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mermin-export"))
        .args(arguments)
        .output()
        .unwrap()
}

fn capture() -> String {
    env!("CARGO_MANIFEST_DIR").to_owned() + "/../../mermin-core/tests/captures/mixed.pcap"
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The numbers behind a target's name.
fn numbers(said: &str, target: &str) -> Vec<u64> {
    let line = said.lines().find(|line| line.starts_with(target)).unwrap();
    line[target.len()..]
        .split_whitespace()
        .map_while(|word| word.parse().ok())
        .collect()
}

#[test]
fn each_target_receives_every_record() {
    let folder = Folder::new("all");
    let targets = ["a.json", "b.json", "c.ipfix"].map(|name| {
        let kind = if name.ends_with("json") {
            "json:"
        } else {
            "ipfix+file:"
        };
        format!("{kind}{}", folder.file(name).display())
    });
    let capture = capture();
    let mut arguments = vec!["--pcap", &capture];
    arguments.extend(targets.iter().flat_map(|target| ["--to", target]));
    let metrics = "prometheus://127.0.0.1:0".to_owned();
    arguments.extend(["--to", &metrics]);
    let output = run(&arguments);
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    for target in targets.iter().chain([&metrics]) {
        assert_eq!(numbers(&said, target), [8, 8, 0, 0], "{said}");
    }
    let lines = fs::read_to_string(folder.file("a.json")).unwrap();
    assert_eq!(lines.lines().count(), RECORDS);
    for line in lines.lines() {
        let flow: Json = serde_json::from_str(line).unwrap();
        assert!(flow["flow.id"].is_string());
    }
    assert_eq!(lines, fs::read_to_string(folder.file("b.json")).unwrap());
    let ipfix = fs::read(folder.file("c.ipfix")).unwrap();
    assert_eq!(ipfix[..2], [0, 10]);
}

#[test]
fn dropped_records_are_counted_and_exit_with_1() {
    let folder = Folder::new("lost");
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let away = format!("ipfix+tcp://127.0.0.1:{port}");
    let file = format!("json:{}", folder.file("flows.json").display());
    let output = run(&[
        "--pcap",
        &capture(),
        "--to",
        &away,
        "--to",
        &file,
        "--close-within",
        "1",
    ]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let lost = numbers(&said, &away);
    assert_eq!((lost[0], lost[1], lost[3]), (8, 0, 8), "{said}");
    assert!(said.contains("closed: 8"), "{said}");
    assert!(
        said.contains("error: cannot deliver all within 1s: 8 records are left"),
        "{said}"
    );
    // The other target has everything.
    assert_eq!(numbers(&said, &file), [8, 8, 0, 0], "{said}");
    let lines = fs::read_to_string(folder.file("flows.json")).unwrap();
    assert_eq!(lines.lines().count(), RECORDS);
}

#[test]
fn arguments_override_the_configuration_file() {
    let folder = Folder::new("file");
    let path = |name: &str| folder.file(name).display().to_string();
    let file = path("mermin.hcl");
    let text = format!(
        "shutdown_timeout = \"5s\"\nexport \"flows\" {{\n  to = [\"json:{}\", \"ipfix+file:{}\"]\n  overflow = \
         \"drop_newest\"\n  buffer = 5\n}}\n",
        path("a.json"),
        path("b.ipfix")
    );
    fs::write(&file, text).unwrap();
    let mut arguments = vec!["--pcap", "CAPTURE", "--config", &file, "--buffer", "100"];
    let capture = capture();
    arguments[1] = &capture;
    let output = run(&arguments);
    let told = said(&output);
    assert!(output.status.success(), "{told}");
    // All of its keys have an effect.
    assert!(!told.contains("has no use for"), "{told}");
    for target in [
        format!("json:{}", path("a.json")),
        format!("ipfix+file:{}", path("b.ipfix")),
    ] {
        assert_eq!(numbers(&told, &target), [8, 8, 0, 0], "{told}");
    }
    let other = format!("json:{}", path("c.json"));
    arguments.extend(["--to", &other]);
    let output = run(&arguments);
    let told = said(&output);
    assert!(output.status.success(), "{told}");
    assert_eq!(numbers(&told, &other), [8, 8, 0, 0], "{told}");
    assert!(!told.contains("ipfix"), "{told}");
    let lines = |name| fs::read_to_string(path(name)).unwrap().lines().count();
    assert_eq!((lines("a.json"), lines("c.json")), (RECORDS, RECORDS));
    fs::write(&file, "export \"flows\" {\n  to = [\"udp://a\"]\n}\n").unwrap();
    let output = run(&arguments[..4]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("cannot export to `udp://a`"),
        "{}",
        said(&output)
    );
    fs::write(&file, "").unwrap();
    let output = run(&arguments[..4]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("cannot export without a target"),
        "{}",
        said(&output)
    );
}

/// The resolver's words are in the table, and the records are counted.
#[test]
fn unresolvable_host_name_is_reported_and_records_counted() {
    let targets = [
        "ipfix://name.invalid:1",
        "ipfix+tcp://name.invalid:1",
        "otlp://name.invalid:1",
        "nats://name.invalid:1/F",
    ];
    // Each asks again until its time to close is over.
    let outputs = thread::scope(|scope| {
        let export = |target| run(&["--pcap", &capture(), "--to", target, "--close-within", "2"]);
        let running = targets.map(|target| scope.spawn(move || export(target)));
        running.map(|running| running.join().unwrap())
    });
    for (target, output) in targets.into_iter().zip(outputs) {
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        let lost = numbers(&said, target);
        assert_eq!((lost[0], lost[1], lost[3]), (8, 0, 8), "{said}");
        assert!(said.contains("closed: 8"), "{said}");
        assert!(
            said.contains("lookup") || said.contains("no answer"),
            "{said}"
        );
    }
}

/// The final table says which records the policy dropped, and which were left at the end.
#[test]
fn unreachable_target_drops_and_counts_when_the_buffer_is_full() {
    let target = format!("ipfix+tcp://127.0.0.1:{}", free_port());
    let capture = capture();
    let mut arguments = vec!["--pcap", &capture, "--to", &target];
    arguments.extend("--buffer 2 --overflow drop-oldest --close-within 1".split(' '));
    let output = run(&arguments);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let lost = numbers(&said, &target);
    assert_eq!((lost[0], lost[1], lost[3]), (8, 0, 8), "{said}");
    assert!(
        said.contains("oldest: ") && said.contains("closed: "),
        "{said}"
    );
}

#[test]
fn full_disk_is_reported_and_records_counted() {
    for target in ["json:/dev/full", "ipfix+file:/dev/full"] {
        let output = run(&["--pcap", &capture(), "--to", target, "--close-within", "1"]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        let lost = numbers(&said, target);
        assert_eq!((lost[0], lost[1], lost[3]), (8, 0, 8), "{said}");
        assert!(
            said.contains("cannot write to `/dev/full`: No space left on device"),
            "{said}"
        );
    }
}

#[test]
fn pipe_receives_every_line() {
    let output = run(&["--pcap", &capture(), "--to", "json:/dev/stdout"]);
    let told = said(&output);
    assert!(output.status.success(), "{told}");
    let lines = String::from_utf8(output.stdout).unwrap();
    assert_eq!(lines.lines().count(), RECORDS);
}

#[test]
fn invalid_arguments_exit_with_2() {
    for arguments in [
        ["--pcap", "x", "--to", "udp://a"].as_slice(),
        &["--to", "json:"],
        &["--to", "nats://a"],
        &["--pcap", "x"],
        &["--pcap", "x", "--interface", "eth0", "--to", "json:x"],
        &["--overflow", "never", "--to", "json:x"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(said(&output).starts_with("error: "), "{}", said(&output));
    }
    let output = run(&[
        "--pcap",
        "x",
        "--to",
        "json:x",
        "--to",
        "ipfix+file:x",
        "--to",
        "json:x",
    ]);
    let told = said(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("cannot export to `json:x` twice"), "{told}");
    for target in [
        "udp://me:hush@a",
        "ipfix://me:hush@a",
        "ipfix+tcp://me:hush/?@a",
        "otlp://me:hush@a",
        "otlp+http://me:hush@a/b",
        "nats://me:hush@a/b",
        "kafka://me:hush@a/b",
        "s3://me:hush@a?rows=0",
        "prometheus://me:hush@a",
    ] {
        let output = run(&["--pcap", "x", "--to", target]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(!said.contains("hush"), "a password is shown: {said}");
    }
    assert!(run(&["--help"]).status.success());
}
