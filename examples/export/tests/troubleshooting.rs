//! The rows of docs/TROUBLESHOOTING.md about exporting: each symptom is made, and what is said compared with the row.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and the lint knows only functions that are marked as tests"
)]

#[expect(dead_code, reason = "the other rows are tested by other crates")]
#[path = "../../../mermin-core/tests/kernel/troubleshooting/page.rs"]
mod page;

use std::{fs, io::Write as _, net::TcpListener, process::Command, thread};

use mermin_testing::{Folder, program::CAPTURE};

/// Standard error of exporting a capture to this target.
fn told(target: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_mermin-export"))
        .args(["--pcap", CAPTURE, "--to", target, "--close-within", "3"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn troubleshooting_rows_about_exporting_are_reproduced() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port_of = |listener: &TcpListener| listener.local_addr().unwrap().port();
    let metrics = format!("prometheus://127.0.0.1:{}", port_of(&taken));
    let gone = port_of(&TcpListener::bind("127.0.0.1:0").unwrap());
    let away = format!("ipfix+tcp://127.0.0.1:{gone}");
    let web = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = format!("nats://127.0.0.1:{}/FLOWS", port_of(&web));
    thread::spawn(move || {
        for peer in web.incoming() {
            let _ = peer.unwrap().write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let folder = Folder::new("notes");
    let file = folder.file("notes");
    fs::write(&file, "bread\nbutter").unwrap();
    let [lines, messages] = ["json", "ipfix+file"].map(|kind| format!("{kind}:{}", file.display()));
    let rows = [
        ("`cannot export to` .. `begins with one of`", "udp://a"),
        (
            "`cannot listen on` .. `Address already in use`",
            metrics.as_str(),
        ),
        ("`last error:` .. `Connection refused`", away.as_str()),
        ("`last error:` .. `it does not speak NATS`", stream.as_str()),
        (
            "`last error:` .. `No space left on device`",
            "json:/dev/full",
        ),
        (
            "`last error:` .. `its last line is not of a record`",
            lines.as_str(),
        ),
        (
            "`last error:` .. `no message of IPFIX begins`",
            messages.as_str(),
        ),
        (
            "`cannot deliver all within` .. `records are left`",
            away.as_str(),
        ),
    ];
    // Some keep trying for all of the time that they have.
    let said: Vec<(&str, String)> = thread::scope(|scope| {
        let running = rows.map(|(cell, target)| (cell, scope.spawn(move || told(target))));
        let ended = running.map(|(cell, running)| (cell, running.join().unwrap()));
        ended.into()
    });
    for (cell, text) in &said {
        let lacking = page::lacking(cell, text);
        assert_eq!(lacking, None, "the page has `{cell}`, and not:\n{text}");
    }
    let mut rows = page::of_export();
    let mut tested: Vec<&str> = said.iter().map(|(cell, _)| *cell).collect();
    rows.sort_unstable();
    tested.sort_unstable();
    assert_eq!(rows, tested);
}
