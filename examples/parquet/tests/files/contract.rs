//! The rules that every sink keeps.

use std::{fs, time::Duration};

use futures::executor::block_on;
use mermin_core::{
    Flow,
    sink::{
        FlowSink as _, Retry, retry,
        testing::{self, flows},
    },
};
use mermin_parquet::{Exporter, Settings};
use mermin_testing::{Folder, soon, trouble};

use crate::{
    expected::key,
    read::{Key, keys},
};

struct Receiver {
    folder: Folder,
}

impl Receiver {
    fn new() -> Self {
        Self {
            folder: Folder::new("contract"),
        }
    }
}

impl testing::Receiver for Receiver {
    type Sink = Retry<Exporter>;
    type Key = Key;

    fn key(flow: &Flow) -> Key {
        key(flow)
    }

    fn sink(&mut self) -> Self::Sink {
        let exporter = Exporter::folder(self.folder.path(), Settings::default());
        retry(exporter.unwrap(), soon())
    }

    fn received(&mut self) -> Vec<Key> {
        keys(self.folder.path())
    }

    /// Something else takes the folder's place.
    fn stop(&mut self) -> bool {
        self.folder.leave();
        true
    }

    fn start(&mut self) {
        self.folder.restore();
    }
}

pub(crate) fn keeps() {
    trouble::sink_contract_holds(Receiver::new, 5);
}

/// Another file has the folder's place. The buffer fills, and its policy drops and counts records.
pub(crate) fn away() {
    let mut receiver = Receiver::new();
    let exporter = Exporter::folder(receiver.folder.path(), Settings::default()).unwrap();
    testing::Receiver::stop(&mut receiver);
    let delivered = trouble::away(exporter, || testing::Receiver::start(&mut receiver));
    let mut expected: Vec<_> = delivered.iter().map(key).collect();
    expected.sort();
    let mut stored = keys(receiver.folder.path());
    stored.sort();
    assert_eq!(stored, expected);
}

/// Closing keeps to its time, and says what is left.
pub(crate) fn never_comes() {
    let mut receiver = Receiver::new();
    let exporter = Exporter::folder(receiver.folder.path(), Settings::default()).unwrap();
    testing::Receiver::stop(&mut receiver);
    let stats = trouble::never_comes(exporter, Duration::from_millis(500));
    assert!(stats.retried > 0);
    let words = stats.last_error.unwrap();
    assert!(words.contains("Not a directory"), "{words}");
    testing::Receiver::start(&mut receiver);
    assert_eq!(receiver.folder.names(), [""; 0]);
}

pub(crate) fn several_files() {
    let folder = Folder::new("several");
    let settings = Settings::default().rows(300);
    let mut sink = Exporter::folder(folder.path(), settings).unwrap();
    let flows = flows(1000);
    block_on(sink.export(&flows)).unwrap();
    block_on(sink.close()).unwrap();
    assert_eq!(folder.names().len(), 4);
    let mut sent: Vec<_> = flows.iter().map(key).collect();
    let mut came = keys(folder.path());
    sent.sort_unstable();
    came.sort_unstable();
    assert_eq!(came, sent);
    // By size: a group of rows is the smallest piece.
    let folder = Folder::new("large");
    let settings = Settings::default().group(400).octets(1);
    let mut sink = Exporter::folder(folder.path(), settings).unwrap();
    block_on(sink.export(&flows)).unwrap();
    assert_eq!(folder.names().len(), 3);
    assert_eq!(keys(folder.path()).len(), flows.len());
}

/// Files that an attempt had finished are written again in their places.
pub(crate) fn again() {
    let folder = Folder::new("again");
    let settings = Settings::default().rows(100);
    let mut sink = Exporter::folder(folder.path(), settings).unwrap();
    let flows = flows(250);
    block_on(sink.export(&flows)).unwrap();
    let names = folder.names();
    let (last, others) = names.split_last().unwrap();
    assert_eq!(others.len(), 2);
    // One of the three cannot be named.
    let path = folder.path().join(last);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let error = block_on(sink.export(&flows)).unwrap_err().to_string();
    assert!(error.starts_with("cannot name `"), "{error}");
    fs::remove_dir(&path).unwrap();
    block_on(sink.export(&flows)).unwrap();
    assert_eq!(folder.names(), names);
    assert_eq!(keys(folder.path()).len(), 250);
}
