//! The rows of docs/DEPLOYMENT.md: each symptom that can be made here is, and what the agent prints is compared with its row.

use std::{
    fs::{self, Permissions},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    process::Command,
};

use mermin_testing::Folder;

use crate::support::{can_capture, program};

const PAGE: &str = include_str!("../../../../docs/DEPLOYMENT.md");
const TROUBLESHOOTING: &str = include_str!("../../../../docs/TROUBLESHOOTING.md");

/// First cells of the table, each as the texts in it.
fn rows() -> Vec<Vec<&'static str>> {
    let table = PAGE.split("| what you see |").nth(1).unwrap();
    let cells = table
        .lines()
        .skip(2)
        .map_while(|line| line.strip_prefix("| "));
    let cells = cells.filter_map(|line| line.split(" | ").next());
    cells
        .map(|cell| cell.split('`').skip(1).step_by(2).collect())
        .collect()
}

/// Compares what the agent prints with the row that has this text.
pub(crate) fn compare(part: &str, said: &str) {
    let rows = rows();
    let row = rows.iter().find(|row| row.contains(&part));
    let row = row.unwrap_or_else(|| panic!("no row has `{part}`"));
    for text in row {
        assert!(
            said.contains(text),
            "the page has `{text}`, and not:\n{said}"
        );
    }
}

/// Standard output and error of a command about a file.
fn told(mut command: Command, file: &str) -> String {
    let folder = Folder::new("agent-symptoms");
    let path = folder.file("a.hcl");
    fs::write(&path, file).unwrap();
    let output = command.arg("--config").arg(&path).output().unwrap();
    let both = [output.stdout, output.stderr].concat();
    String::from_utf8(both).unwrap()
}

fn run(name: &str) -> Command {
    let mut command = program();
    command.arg(name);
    command
}

/// The agent without capabilities.
fn powerless(name: &str) -> Command {
    if !can_capture() {
        return run(name);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--bounding-set=-all", "--inh-caps=-all"])
        .args([env!("CARGO_BIN_EXE_mermin-agent"), name]);
    command
}

pub(crate) fn rows_are_reproduced() {
    compare("CAP_BPF", &told(powerless("doctor"), ""));
    let pinned = "discovery \"instrument\" {\n  instance = \"a\"\n  pin_path = \"/tmp\"\n}\n";
    compare("is no BPF file system", &told(run("doctor"), pinned));
    let open = told(run("check"), "span {\n  tcp_timeout = \"5s\"\n");
    let hyphen = told(
        run("check"),
        "discovery \"instrument\" {\n  tc-priority = 5\n}\n",
    );
    compare("that closes", &(open + &hyphen));
    let refused = told(
        run("check"),
        "internal \"traces\" {\n  span_fmt = \"full\"\n}\ndiscovery \"informer\" \"k8s\" {\n  selectors = [{ kind = \"Pod\", namespaces = [\"a\"] }]\n}\n",
    );
    compare("the agent makes no spans of its own", &refused);
}

/// Starts that are refused before anything is captured.
pub(crate) fn refused_starts_are_reproduced() {
    let block = "export \"traces\" {\n  otlp = { endpoint = \"http://127.0.0.1:4317\" }\n}\n";
    let variable = "shutdown_timeout = env(\"MERMIN_TEST_UNSET\")\n";
    compare("it is not set", &told(run("check"), variable));
    let mut level = run("check");
    level.env("MERMIN_LOG_LEVEL", "a=b=c");
    compare("write a level such as", &told(level, ""));
    let mut resource = run("check");
    resource.env("OTEL_RESOURCE_ATTRIBUTES", "node-7");
    compare("key=value,key=value", &told(resource, block));

    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let server = format!("internal \"server\" {{\n  port = {port}\n}}\n");
    compare("Address already in use", &told(run("run"), &server));

    // Root reads any file by a capability.
    let folder = Folder::new("agent-unreadable");
    let path = folder.file("a.hcl");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o0)).unwrap();
    let output = powerless("run")
        .arg("--config")
        .arg(&path)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    compare("let the user of this process read it", &said);
}

/// Texts of rows that are not made here are those of the library, which tests them.
pub(crate) fn other_rows_are_those_of_the_library() {
    let here = [
        "CAP_BPF",
        "is no BPF file system",
        "that closes",
        "the agent makes no spans of its own",
        "is forbidden",
        "cannot reach the API server",
        "cannot agree on TLS with the API server",
        "cannot log in to the API server",
        "the API server is busy",
        "the version is too old for a watch (410)",
        "look after the receiver",
        "it is not set",
        "write a level such as",
        "key=value,key=value",
        "Address already in use",
        "let the user of this process read it",
        "another process has it",
        "failed to lookup address information",
        "cannot use the certificates in",
        "Read-only file system",
        "cannot deliver all within",
        "runAsNonRoot",
        "ErrImagePull",
    ];
    for row in rows() {
        if here.iter().any(|part| row.contains(part)) {
            continue;
        }
        for text in row {
            assert!(TROUBLESHOOTING.contains(text), "no page tests `{text}`");
        }
    }
}
