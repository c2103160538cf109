//! Flows of a network namespace made for the test.

use std::{
    env,
    net::UdpSocket,
    process::{Command, ExitCode},
    thread,
    time::Duration,
};

use crate::tmux::{Tmux, top};

/// Returns true if programs can be loaded here.
pub(crate) fn can_capture() -> bool {
    let mut command = Command::new("unshare");
    command.args([
        "--net",
        top(),
        "--interface",
        "lo",
        "--frames",
        "1",
        "--delay",
        "0.05",
    ]);
    command.output().is_ok_and(|output| output.status.success())
}

/// Set if this program must send datagrams to itself on the loopback interface of its namespace.
pub(crate) const SEND: &str = "MERMIN_TOP_TEST_SEND";

/// A query of DNS: identifier, recursion desired, one question, `example.com`, A, IN.
const QUESTION: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\x01\0\x01";

pub(crate) fn send() -> ExitCode {
    let socket = UdpSocket::bind("127.0.0.1:5004").unwrap();
    let _receiver = UdpSocket::bind("127.0.0.1:5005").unwrap();
    let _resolver = UdpSocket::bind("127.0.0.1:53").unwrap();
    for _ in 0..3000 {
        socket.send_to(&[7; 500], "127.0.0.1:5005").unwrap();
        socket.send_to(QUESTION, "127.0.0.1:53").unwrap();
        thread::sleep(Duration::from_millis(20));
    }
    ExitCode::SUCCESS
}

/// A flow, its process and its name are visible long before the flow has a record.
pub(crate) fn shows() {
    let own = env::current_exe().unwrap();
    let script = format!(
        "ip link set lo up; {SEND}=1 {} & LANG=C.UTF-8 {} --interface lo --with process,names; kill $!",
        own.display(),
        top()
    );
    let tmux = Tmux::start(&format!("unshare --net sh -c '{script}'"));
    let lines = tmux.until("the flow", |lines| {
        let flows = lines.get(3..21).unwrap_or_default();
        flows
            .iter()
            .any(|line| line.starts_with("udp") && line.contains("127.0.0.1:5005"))
    });
    assert!(lines[0].starts_with("top  lo "), "{lines:#?}");
    // On hold, the rows stay while packets are counted.
    tmux.send(&["Space"]);
    let held = tmux.until_shown("held");
    let later = tmux.until("more packets", |lines| lines[21] != held[21]);
    assert_eq!(held[1..21], later[1..21]);
    tmux.send(&["Space"]);
    tmux.until("other rows", |lines| lines[2..21] != held[2..21]);
    tmux.send(&["Enter"]);
    tmux.until_shown("flow.id");
    tmux.send(&["End"]);
    tmux.until_shown("process.executable.name");
    tmux.send(&["Escape", "Tab", "Tab"]);
    tmux.until("the process", |lines| {
        lines[2].starts_with("process") && lines[3].contains("terminal-")
    });
    tmux.send(&["Tab"]);
    tmux.until("the name", |lines| {
        lines[2].starts_with("name ") && lines[3].starts_with("dns example.com ")
    });
    tmux.send(&["q"]);
    tmux.until("the end", |_| tmux.is_as_it_was());
}
