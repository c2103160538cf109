//! `flows` from outside: which records it shows of a capture, and the sums that it makes of them.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and the lint knows only functions that are marked as tests"
)]

use std::{
    fs::File,
    process::{Command, Output, Stdio},
};

/// 18 packets, of which three are in no record; `mixed.pcap.flows` beside it tells what flows they are.
const CAPTURE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../mermin-core/tests/captures/mixed.pcap"
);

fn flows(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flows"));
    let output = command.args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output
}

fn of_capture(arguments: &[&str]) -> String {
    let output = flows(&[&["--pcap", CAPTURE], arguments].concat());
    String::from_utf8(output.stdout).unwrap()
}

fn lines(arguments: &[&str]) -> Vec<String> {
    of_capture(arguments).lines().map(str::to_owned).collect()
}

#[test]
fn where_and_its_denial_part_the_records() {
    let all = lines(&[]);
    for (expression, count) in [
        ("port 443", 2),
        ("port 443 and not net 192.0.2.0/24", 0),
        ("udp and (ip6 or dst port 53)", 4),
        ("flow.connection.state=closed", 1),
        ("src 10.0.0.1 and not icmp", 1),
    ] {
        let mut parts = lines(&["--where", expression]);
        assert_eq!(parts.len(), count, "{expression}");
        parts.extend(lines(&["--where", &format!("not ({expression})")]));
        parts.sort_unstable();
        let mut sorted = all.clone();
        sorted.sort_unstable();
        assert_eq!(parts, sorted, "{expression}");
    }
}

#[test]
fn records_that_where_rejects_are_counted() {
    let output = flows(&["--pcap", CAPTURE, "--where", "udp"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.starts_with("8 records, 18 packets,")
            && stderr.contains("4 of the records are not shown"),
        "{stderr}"
    );
}

#[test]
fn sums_of_groups_are_those_of_all_flows() {
    for (keys, top) in [
        ("network.transport", None),
        ("source.address,destination.port", None),
        ("source.port,network.type", Some("1")),
    ] {
        let mut arguments = vec!["--csv", "--group-by", keys];
        arguments.extend(top.iter().flat_map(|top| ["--top", top]));
        let text = of_capture(&arguments);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let names: Vec<String> = reader
            .headers()
            .unwrap()
            .iter()
            .map(str::to_owned)
            .collect();
        let expected: Vec<&str> = keys
            .split(',')
            .chain(["flows", "packets", "octets"])
            .collect();
        assert_eq!(names, expected);
        let mut sums = [0_u64; 3];
        for row in reader.records() {
            let row = row.unwrap();
            for (sum, cell) in sums.iter_mut().zip(row.iter().skip(names.len() - 3)) {
                *sum += cell.parse::<u64>().unwrap();
            }
        }
        // 18 packets without the three that are in no record.
        assert_eq!(sums, [8, 15, 2766], "{keys}");
    }
}

#[test]
fn groups_are_ranked_by_octets() {
    assert_eq!(
        lines(&["--group-by", "network.transport,network.type", "--top", "2"]),
        [
            "network.transport  network.type  flows  packets  octets",
            "tcp                ipv4              2        8    2420",
            "udp                ipv4              3        3     207",
            "(others)           -                 3        4     139",
        ]
    );
    let json = lines(&["--json", "--group-by", "source.port", "--top", "1"]);
    let first: serde_json::Value = serde_json::from_str(&json[0]).unwrap();
    let expected =
        serde_json::json!({"source.port": 40000, "flows": 2, "packets": 8, "octets": 2420});
    assert_eq!(first, expected);
}

#[test]
fn top_shows_the_largest_flows() {
    let shown = lines(&["--top", "2", "--where", "udp"]);
    let [first, second] = &shown[..] else {
        panic!("{shown:?}");
    };
    assert!(first.contains(":53 sent 1 packet 70 bytes"), "{first}");
    assert!(second.contains(":53 sent 1 packet 69 bytes"), "{second}");
}

#[test]
fn csv_has_the_values_of_json() {
    let json = lines(&["--json"]);
    let text = of_capture(&["--csv"]);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), json.len());
    for (row, line) in rows.iter().zip(&json) {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        let object = object.as_object().unwrap();
        let mut known = 0;
        for (name, cell) in names.iter().zip(row) {
            let expected = object.get(name).map(|value| match value {
                serde_json::Value::String(text) => text.clone(),
                serde_json::Value::Array(items) => {
                    let items = items
                        .iter()
                        .map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned));
                    items.collect::<Vec<_>>().join(";")
                }
                other => other.to_string(),
            });
            known += usize::from(expected.is_some());
            // The id has the time at which the capture was opened.
            if name != "flow.id" {
                assert_eq!(cell, expected.unwrap_or_default(), "{name}");
            }
        }
        assert_eq!(known, object.len(), "a column is missing: {line}");
    }
}

#[test]
fn pipe_is_read_like_a_file() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flows"));
    command.args(["--pcap", "-", "--group-by", "network.transport"]);
    let output = command
        .stdin(Stdio::from(File::open(CAPTURE).unwrap()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text, of_capture(&["--group-by", "network.transport"]));
}

#[test]
fn bash_completes_by_the_script() {
    let flows = env!("CARGO_BIN_EXE_flows");
    let script = format!(
        "source <({flows} --completion bash)\n\
         COMP_WORDS=({flows} --group-by source.port,network.tr)\n\
         COMP_CWORD=2\n\
         _bpaf_dynamic_completion {flows}\n\
         echo \"${{COMPREPLY[@]}}\""
    );
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("source.port,network.transport"),
        "{text} {:?}",
        output.stderr
    );
}

#[test]
fn manual_page_is_one() {
    let manual = String::from_utf8(flows(&["--man"]).stdout).unwrap();
    let has_title = manual.lines().any(|line| line.starts_with(".TH"));
    assert!(has_title && manual.contains("where"), "{manual}");
}
