//! The program from outside.

use std::process::Command;

use crate::support::Server;

pub(crate) fn exports() {
    let server = Server::with("authorization { token: \"hush\" }");
    let capture =
        env!("CARGO_MANIFEST_DIR").to_owned() + "/../../mermin-core/tests/captures/mixed.pcap";
    let target = format!("nats://127.0.0.1:{}/FLOWS", server.port);
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mermin-nats"));
        command.args(arguments).env("NATS_TOKEN", "hush");
        let output = command.output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (status, said) = run(&["--pcap", &capture, "--to", &target]);
    assert_eq!(status, Some(0), "{said}");
    let line = said.lines().find(|line| line.starts_with(&target)).unwrap();
    let numbers: Vec<&str> = line[target.len()..].split_whitespace().collect();
    assert_eq!(numbers, ["8", "8", "0", "0"], "{said}");
    assert!(!said.contains("twice"), "{said}");
    let mut client = crate::support::Client::new(server.port, r#"{"auth_token":"hush"}"#).unwrap();
    assert_eq!(client.stored().len(), 8);
    assert_eq!(run(&["--pcap", &capture]).0, Some(2));
    assert_eq!(run(&["--pcap", &capture, "--to", "nats://a"]).0, Some(2));
}
