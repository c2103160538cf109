//! Commands that capture nothing.

use std::{fs, process::Output};

use mermin_testing::Folder;
use serde_json::Value as Json;

use crate::support::program;

fn run(arguments: &[&str]) -> Output {
    program().args(arguments).output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

pub(crate) fn check_prints_all_errors() {
    let folder = Folder::new("agent-check");
    let file = folder.file("a.hcl");
    let path = file.display().to_string();
    fs::write(
        &file,
        "span {\n  tcp_timeot = \"3s\"\n  udp_timeout = \"x\"\n}\n",
    )
    .unwrap();
    let output = run(&["check", &path]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("did you mean `tcp_timeout`?"), "{said}");
    assert!(said.contains("a.hcl:3:17"), "{said}");
    // Keys without effect are errors too, all at once.
    fs::write(
        &file,
        "internal \"traces\" {\n  span_fmt = \"full\"\n}\nexport \"flows\" {\n  to = [\"carrier-pigeon:9\"]\n}\n",
    )
    .unwrap();
    let output = run(&["check", &path]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("cannot use `internal \"traces\".span_fmt`: the agent makes no spans"),
        "{said}"
    );
    assert!(said.contains("a target begins with one of"), "{said}");
    let flows = folder.file("flows.json");
    fs::write(
        &file,
        format!(
            "export \"flows\" {{\n  to = [\"json:{}\"]\n}}\n",
            flows.display()
        ),
    )
    .unwrap();
    let output = run(&["check", &path]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(!flows.exists());
}

pub(crate) fn yaml_is_refused() {
    let folder = Folder::new("agent-yaml");
    let file = folder.file("a.yaml");
    fs::write(&file, "log_level: debug\nspan:\n  tcp_timeout: 3s\n").unwrap();
    let output = run(&["check", &file.display().to_string()]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("YAML") && said.contains("log_level = \"debug\""),
        "{said}"
    );
}

pub(crate) fn printed_configuration_has_no_secrets() {
    let folder = Folder::new("agent-print");
    let file = folder.file("a.hcl");
    fs::write(
        &file,
        "export \"traces\" {\n  otlp = {\n    auth = { basic = { user = \"me\", pass = \"hush\" } }\n    headers = { key = \"hush\" }\n  }\n}\n",
    )
    .unwrap();
    let output = run(&["print-config", "--config", &file.display().to_string()]);
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(
        !printed.contains("hush") && printed.contains("pass = \"(hidden)\""),
        "{printed}"
    );
    // It is a valid file itself, but for what it hides.
    fs::write(&file, &printed).unwrap();
    let again = run(&["print-config", "--config", &file.display().to_string()]);
    assert!(text(&again.stderr).contains("cannot use") || text(&again.stdout) == printed);
}

/// A token in the faulty line is shown on a terminal, and not in the log of a start.
pub(crate) fn logs_show_no_line_of_a_refused_file() {
    let folder = Folder::new("agent-secret");
    let file = folder.file("a.hcl");
    let path = file.display().to_string();
    for line in [
        "auth = { bearer = \"t0ken\", bassic = 1 }",
        "auth = { basic = { user = \"me\", pass = \"t0ken } }",
    ] {
        let text = format!("export \"traces\" {{\n  otlp = {{\n    {line}\n  }}\n}}\n");
        fs::write(&file, text).unwrap();
        let shown = text_of(&run(&["check", &path]));
        assert!(shown.contains("t0ken"), "{shown}");
        for command in ["run", "doctor --json"] {
            let words = command.split(' ').chain(["--config", &path]);
            let output = run(&words.collect::<Vec<_>>());
            let logged = text_of(&output);
            assert_eq!(output.status.code(), Some(2), "{logged}");
            assert!(
                logged.contains("a.hcl:3:") && logged.contains(": cannot "),
                "{logged}"
            );
            assert!(!logged.contains("t0ken"), "{command}: {logged}");
        }
    }
}

/// Standard output and error.
fn text_of(output: &Output) -> String {
    text(&output.stdout) + &text(&output.stderr)
}

pub(crate) fn unusable_file_or_level_has_a_status_of_its_own() {
    let folder = Folder::new("agent-unusable");
    let file = folder.file("a.hcl");
    let path = file.display().to_string();
    fs::write(&file, "span {\n  tcp_timeot = \"3s\"\n}\n").unwrap();
    for command in ["run", "doctor", "check", "print-config"] {
        let output = run(&[command, "--config", &path]);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{command}: {}",
            text_of(&output)
        );
    }
    fs::write(&file, "").unwrap();
    for command in ["run", "check"] {
        let output = program()
            .args([command, "--config", &path])
            .env("MERMIN_LOG_LEVEL", "a=b=c")
            .output()
            .unwrap();
        let said = text_of(&output);
        assert_eq!(output.status.code(), Some(2), "{command}: {said}");
        assert!(said.contains("write a level such as `info`"), "{said}");
    }
}

/// Variables of OTLP's resource are part of what `check` answers for.
pub(crate) fn unusable_resource_is_found_by_check() {
    let folder = Folder::new("agent-resource");
    let file = folder.file("a.hcl");
    let block = "export \"traces\" {\n  otlp = { endpoint = \"http://127.0.0.1:4317\" }\n}\n";
    let target = "export \"flows\" {\n  to = [\"otlp://127.0.0.1\"]\n}\n";
    for (text, status) in [(block, 2), (target, 2), ("", 0)] {
        fs::write(&file, text).unwrap();
        for command in ["check", "print-config"] {
            let mut program = program();
            let output = program
                .args([command, "--config"])
                .arg(&file)
                .env("OTEL_RESOURCE_ATTRIBUTES", "hush")
                .output()
                .unwrap();
            let said = text_of(&output);
            assert_eq!(output.status.code(), Some(status), "{said}");
            let names = said.contains("cannot use `OTEL_RESOURCE_ATTRIBUTES`: write `key=value");
            assert!(names == (status == 2) && !said.contains("hush"), "{said}");
        }
    }
}

pub(crate) fn path_of_the_environment_is_used() {
    let folder = Folder::new("agent-path");
    let file = folder.file("a.hcl");
    fs::write(&file, "shutdown_timeout = \"7s\"\n").unwrap();
    let output = program()
        .arg("print-config")
        .env("MERMIN_CONFIG_PATH", &file)
        .output()
        .unwrap();
    assert!(text(&output.stdout).contains("shutdown_timeout = \"7s\""));
}

pub(crate) fn doctor_runs() {
    let output = run(&["doctor", "--json"]);
    let report: Json = serde_json::from_slice(&output.stdout).unwrap();
    let subjects: Vec<_> = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|check| check["subject"].as_str())
        .collect();
    assert!(
        subjects.contains(&"kernel") && subjects.contains(&"memory"),
        "{report}"
    );
    let failed = report["can_capture"] == Json::Bool(false);
    assert_eq!(output.status.code(), Some(i32::from(failed)));
    let lines = text(&run(&["doctor"]).stdout);
    assert!(lines.contains("configuration: defaults: valid"), "{lines}");
    assert!(lines.contains("Flows can"), "{lines}");
}

/// The table's part is that of the library's own check, whatever the file asks for.
pub(crate) fn doctor_sums_up_the_memory() {
    let folder = Folder::new("agent-memory");
    let file = folder.file("a.hcl");
    let path = file.display().to_string();
    let capture = |keys: &str| format!("pipeline {{\n  flow_capture {{\n{keys}\n  }}\n}}\n");
    let pinned = "discovery \"instrument\" {\n  instance = \"a\"\n}\n";
    // Without `drops`, which the check leaves out on a host that cannot count them.
    let all = "tcp_analysis = true\ntcp_sockets = true";
    for text in [
        String::new(),
        capture("flow_stats_capacity = 200000"),
        capture("tcp_analysis = true"),
        capture(all),
        capture(all) + pinned,
        pinned.to_owned(),
    ] {
        fs::write(&file, &text).unwrap();
        let output = run(&["doctor", "--json", "--config", &path]);
        let report: Json = serde_json::from_slice(&output.stdout).unwrap();
        let checks = report["checks"].as_array().unwrap();
        let check = checks.iter().find(|it| it["subject"] == "memory").unwrap();
        let found = check["found"].as_str().unwrap();
        let memory = &report["memory_mib"];
        let words = format!("takes about {} MiB", memory["table"]);
        assert!(found.contains(&words), "{words}: {found}\n{text}");
        let lines = text_of(&run(&["doctor", "--config", &path]));
        let line = format!(
            "request {} MiB, limit {} MiB (flow table {}, ",
            memory["request"], memory["limit"], memory["table"]
        );
        assert!(lines.contains(&line), "{line}: {lines}");
    }
}
