//! A disk that is slow: its file system is frozen most of the time.

use std::{fs::File, path::Path, process::Command, thread, time::Duration};

use mermin_parquet::{Exporter, Settings};
use mermin_testing::{
    Folder,
    apart::{self, Role},
    can_mount, is_installed, trouble,
};

use crate::{expected::key, read::keys};

pub(crate) const SLOW: Role = ("slow_disk", write);

/// Returns true if a file can be mounted as a disk, and frozen.
pub(crate) fn can_freeze() -> bool {
    can_mount()
        && ["mkfs.ext4", "fsfreeze"].into_iter().all(is_installed)
        && Path::new("/dev/loop-control").exists()
}

pub(crate) fn slow() {
    apart::run(SLOW, &["--mount"]);
}

fn write() {
    let (image, folder) = (Folder::new("image"), Folder::new("slow"));
    let (disk, path) = (image.file("disk"), folder.path().display().to_string());
    File::create(&disk).unwrap().set_len(64 << 20).unwrap();
    let disk = disk.display();
    apart::command(&format!("mkfs.ext4 -q -F {disk}"));
    apart::command(&format!("mount -o loop {disk} {path}"));
    let exporter = Exporter::folder(folder.path(), Settings::default()).unwrap();
    let flows = thread::scope(|scope| {
        let run = scope.spawn(|| trouble::slow(exporter, 4000, 400));
        // A frozen file system holds up whoever writes, even against SIGKILL: the last step is always to thaw it.
        while !run.is_finished() {
            let is_frozen = freeze("--freeze", &path);
            thread::sleep(Duration::from_millis(100));
            let is_thawed = freeze("--unfreeze", &path);
            assert!(is_frozen && is_thawed);
            thread::sleep(Duration::from_millis(5));
        }
        run.join().unwrap()
    });
    let mut stored = keys(folder.path());
    let mut expected: Vec<_> = flows.iter().map(key).collect();
    stored.sort_unstable();
    expected.sort_unstable();
    assert_eq!(stored, expected);
    apart::command(&format!("umount {path}"));
}

fn freeze(way: &str, path: &str) -> bool {
    let status = Command::new("fsfreeze").args([way, path]).status();
    status.is_ok_and(|status| status.success())
}
