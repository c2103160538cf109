//! A disk that is full.

use std::fs;

use futures::executor::block_on;
use mermin_core::sink::{FlowSink as _, retry, testing::flows};
use mermin_parquet::{Exporter, Settings};
use mermin_testing::{
    Folder,
    apart::{self, Role},
    soon, trouble,
};

use crate::{expected::key, read::keys, support::unfinished};

pub(crate) const FULL: Role = ("full_disk", fill);

/// A file that does not fit is an error and leaves nothing; when there is room again it is written.
pub(crate) fn full() {
    apart::run(FULL, &["--mount"]);
}

fn fill() {
    let folder = Folder::new("full");
    let path = folder.path().display().to_string();
    apart::command(&format!("mount -t tmpfs -o size=512k none {path}"));
    let filler = folder.path().join("filler");
    fs::write(&filler, vec![0; 256 << 10]).unwrap();
    let mut sink = Exporter::folder(folder.path(), Settings::default()).unwrap();
    let flows = flows(8000);
    let (delivered, refused, words) = trouble::until_full(&mut sink, &flows, 500);
    assert!(words.contains("cannot write to `"), "{words}");
    let mut written: Vec<_> = delivered.iter().map(key).collect();
    let sorted = |mut keys: Vec<_>| {
        keys.sort_unstable();
        keys
    };
    assert_eq!(sorted(keys(folder.path())), sorted(written.clone()));
    assert_eq!(unfinished(&folder), [""; 0]);
    // With `retry`, room is all it takes.
    let mut sink = retry(sink, soon());
    let meter = sink.meter().unwrap();
    let room = std::thread::spawn(move || {
        while meter.stats().retried == 0 {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        fs::remove_file(&filler).unwrap();
    });
    block_on(sink.export(refused)).unwrap();
    room.join().unwrap();
    written.extend(refused.iter().map(key));
    block_on(sink.close()).unwrap();
    assert_eq!(sorted(keys(folder.path())), sorted(written));
    apart::command(&format!("umount {path}"));
}
