//! Files: whole messages, also when the disk is full.

use std::{
    fs,
    pin::pin,
    sync::mpsc,
    task::{Context, Waker},
    thread,
    time::Duration,
};

use futures::executor::block_on;
use mermin_core::{
    Flow,
    sink::{
        FlowSink as _,
        testing::{self, detailed_flows, flows},
    },
};
use mermin_ipfix::{Exporter, Settings};
use mermin_testing::{
    Folder,
    apart::{self, Role},
    trouble,
};

use crate::{decode::Decoded, expected::flow_id};

fn settings() -> Settings {
    Settings::default().biflow(true)
}

struct Receiver {
    folder: Folder,
}

impl testing::Receiver for Receiver {
    type Sink = Exporter;
    type Key = u64;

    fn key(flow: &Flow) -> u64 {
        flow_id(flow)
    }

    fn sink(&mut self) -> Exporter {
        Exporter::file(self.folder.file("flows.ipfix"), settings()).unwrap()
    }

    fn received(&mut self) -> Vec<u64> {
        match fs::read(self.folder.file("flows.ipfix")) {
            Ok(octets) => Decoded::read(&octets).ids(),
            Err(_) => Vec::new(),
        }
    }
}

pub(crate) fn sink_contract_holds() {
    let make = || Receiver {
        folder: Folder::new("file"),
    };
    trouble::sink_contract_holds(make, 4);
}

/// The file was renamed, as logrotate does: each has templates and whole messages.
pub(crate) fn rotated() {
    let folder = Folder::new("rotated");
    let (file, older) = (folder.file("flows.ipfix"), folder.file("flows.ipfix.1"));
    let mut sink = Exporter::file(&file, settings()).unwrap();
    let flows = flows(300);
    let (before, behind) = flows.split_at(100);
    block_on(sink.export(before)).unwrap();
    fs::rename(&file, &older).unwrap();
    for batch in behind.chunks(100) {
        block_on(sink.export(batch)).unwrap();
    }
    block_on(sink.close()).unwrap();
    for (file, flows) in [(older, before), (file, behind)] {
        let decoded = Decoded::read(&fs::read(file).unwrap());
        decoded.check_sequence();
        let expected: Vec<_> = flows.iter().map(flow_id).collect();
        assert_eq!(decoded.ids(), expected);
    }
}

/// A process that is killed leaves a part of a message. The next one removes it, and a file in which something else is stays as it is.
pub(crate) fn torn() {
    let folder = Folder::new("torn");
    let file = folder.file("flows.ipfix");
    let flows = flows(40);
    let (first, second) = flows.split_at(20);
    let export = |flows: &[Flow]| {
        let mut sink = Exporter::file(&file, settings()).unwrap();
        let exported = block_on(sink.export(flows));
        // A dropped sink gives the file back a moment later.
        let closed = block_on(sink.close());
        exported.and(closed)
    };
    export(first).unwrap();
    let whole = fs::read(&file).unwrap();
    export(second).unwrap();
    let both = fs::read(&file).unwrap();
    let expected: Vec<_> = flows.iter().map(flow_id).collect();
    for more in [0, 1, 3, 4, 15, 16, 17, 300] {
        fs::write(&file, &both[..whole.len() + more]).unwrap();
        export(second).unwrap();
        let read = fs::read(&file).unwrap();
        assert_eq!(Decoded::read(&read).ids(), expected, "{more}");
    }
    for other in [&b"notes"[..], &[&whole[..], b"notes"].concat()] {
        fs::write(&file, other).unwrap();
        let words = export(second).unwrap_err().to_string();
        assert!(words.contains("no message of IPFIX begins"), "{words}");
        assert_eq!(fs::read(&file).unwrap(), other);
    }
}

/// As after a source was killed: a collector can tell such records by `flowId`, counts and times.
pub(crate) fn redelivered() {
    let folder = Folder::new("redelivered");
    let flows = detailed_flows(300);
    let [one, other] = ["one", "other"].map(|name| {
        let file = folder.file(name);
        let mut sink = Exporter::file(&file, settings()).unwrap();
        block_on(sink.export(&flows)).unwrap();
        block_on(sink.close()).unwrap();
        Decoded::read(&fs::read(file).unwrap()).records
    });
    assert_eq!(one.len(), flows.len());
    assert_eq!(one, other);
}

/// A pipe that nobody reads blocks its writer, which must not be the task: the program could not be ended.
pub(crate) fn pipe() {
    let folder = Folder::new("pipe");
    let pipe = folder.file("flows.ipfix");
    apart::command(&format!("mkfifo {}", pipe.display()));
    let mut sink = Exporter::file(&pipe, settings().own_thread(false)).unwrap();
    let (tell, told) = mpsc::channel();
    let task = thread::spawn(move || {
        let flows = flows(3);
        let mut export = pin!(sink.export(&flows));
        let polled = export
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        tell.send(polled.is_pending()).unwrap();
        if polled.is_pending() {
            block_on(export).unwrap();
        }
    });
    let is_pending = told.recv_timeout(Duration::from_secs(10));
    // A reader lets a writer go on that blocks in the task.
    let read = fs::read(&pipe).unwrap();
    task.join().unwrap();
    assert_eq!(is_pending, Ok(true));
    let expected: Vec<_> = flows(3).iter().map(flow_id).collect();
    assert_eq!(Decoded::read(&read).ids(), expected);
}

pub(crate) const FULL: Role = ("full_disk", fill);

/// A message that does not fit is an error and leaves nothing; when there is room again it is written.
pub(crate) fn full() {
    apart::run(FULL, &["--mount"]);
}

fn fill() {
    let folder = Folder::new("full");
    let path = folder.path().display().to_string();
    apart::command(&format!("mount -t tmpfs -o size=256k none {path}"));
    let (file, filler) = (folder.file("flows.ipfix"), folder.file("filler"));
    fs::write(&filler, vec![0; 128 << 10]).unwrap();
    let mut sink = Exporter::file(&file, settings()).unwrap();
    let flows = flows(2000);
    let (delivered, refused, _) = trouble::until_full(&mut sink, &flows, 200);
    let mut written: Vec<_> = delivered.iter().map(flow_id).collect();
    assert_eq!(Decoded::read(&fs::read(&file).unwrap()).ids(), written);
    fs::remove_file(&filler).unwrap();
    block_on(sink.export(refused)).unwrap();
    written.extend(refused.iter().map(flow_id));
    block_on(sink.close()).unwrap();
    let decoded = Decoded::read(&fs::read(&file).unwrap());
    assert_eq!(decoded.ids(), written);
    decoded.check_sequence();
    apart::command(&format!("umount {path}"));
}
