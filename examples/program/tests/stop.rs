//! Has a process of its own, because signals affect the whole process.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and the lint knows only functions that are marked as tests"
)]

use std::{fs, io};

use futures::executor::block_on;
use mermin_core::{FlowSource, sink::JsonLines};
use mermin_program::{Named, Run};
use rustix::process::{Signal, getpid, kill_process};

#[test]
fn signal_ends_the_run_and_exports_open_flows() {
    // A capture that does not end, because its writer stays open.
    let (reader, mut writer) = io::pipe().unwrap();
    let capture =
        env!("CARGO_MANIFEST_DIR").to_owned() + "/../../mermin-core/tests/captures/mixed.pcap";
    io::copy(&mut fs::File::open(capture).unwrap(), &mut writer).unwrap();
    let whole = block_on(Run::default().run(
        FlowSource::builder().pcap_reader(reader),
        vec![Named::new("none", JsonLines::new(io::sink()))],
        |_| {
            std::thread::spawn(|| {
                // The thread starts after the handlers are installed. An earlier signal would end the process.
                while !has_thread("stop") {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
                kill_process(getpid(), Signal::TERM).unwrap();
            });
        },
    ));
    assert!(whole.unwrap());
    drop(writer);
}

/// Returns true if the process has a thread with this name.
fn has_thread(name: &str) -> bool {
    fs::read_dir("/proc/self/task").unwrap().any(|thread| {
        let comm = thread.unwrap().path().join("comm");
        // A thread may end meanwhile.
        fs::read_to_string(comm).is_ok_and(|it| it.trim() == name)
    })
}
