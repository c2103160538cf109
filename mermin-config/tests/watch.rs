//! A file that changes in all the ways files do.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use futures::{FutureExt as _, StreamExt as _, executor::block_on};
use mermin_config::{Error, Loaded, Watcher, value::LogLevel};

/// Longer than any change takes to be seen, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longer than what is seen takes to come, so that nothing came.
const SILENCE: Duration = Duration::from_millis(500);

struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("mermin-watch-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn write(path: &Path, level: &str) {
    fs::write(path, format!("log_level = \"{level}\"\n")).unwrap();
}

fn next(watcher: &mut Watcher) -> Result<Loaded, Error> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(item) = watcher.next().now_or_never() {
            return item.unwrap();
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("nothing came");
}

fn level(watcher: &mut Watcher) -> LogLevel {
    next(watcher).unwrap().config.log_level()
}

fn nothing(watcher: &mut Watcher) {
    thread::sleep(SILENCE);
    assert!(watcher.next().now_or_never().is_none());
}

#[test]
fn written_file_is_reloaded_and_errors_reported() {
    let directory = Directory::new();
    let file = directory.file("mermin.hcl");
    write(&file, "info");
    let (loaded, mut watcher) = Watcher::open(&file).unwrap();
    assert_eq!(loaded.config.log_level(), LogLevel::Info);
    write(&file, "warn");
    assert_eq!(level(&mut watcher), LogLevel::Warn);
    write(&file, "wran");
    let error = next(&mut watcher).unwrap_err();
    assert_eq!(error.diagnostics()[0].line(), Some(1));
    write(&file, "debug");
    assert_eq!(level(&mut watcher), LogLevel::Debug);
    write(&file, "debug");
    write(&directory.file("other.hcl"), "trace");
    nothing(&mut watcher);
}

#[test]
fn file_replaced_by_rename_is_reloaded() {
    let directory = Directory::new();
    let (file, new) = (
        directory.file("mermin.hcl"),
        directory.file("mermin.hcl.new"),
    );
    write(&file, "info");
    let (_, mut watcher) = Watcher::open(&file).unwrap();
    for (name, expected) in [("warn", LogLevel::Warn), ("error", LogLevel::Error)] {
        write(&new, name);
        fs::rename(&new, &file).unwrap();
        assert_eq!(level(&mut watcher), expected);
    }
}

#[test]
fn kubernetes_config_map_links_are_followed() {
    let directory = Directory::new();
    for (version, name) in [("..1", "info"), ("..2", "warn"), ("..3", "error")] {
        fs::create_dir(directory.file(version)).unwrap();
        write(&directory.file(version).join("mermin.hcl"), name);
    }
    let point = |version: &str| {
        symlink(version, directory.file("..data_tmp")).unwrap();
        fs::rename(directory.file("..data_tmp"), directory.file("..data")).unwrap();
    };
    point("..1");
    symlink("..data/mermin.hcl", directory.file("mermin.hcl")).unwrap();
    let (_, mut watcher) = Watcher::open(directory.file("mermin.hcl")).unwrap();
    point("..2");
    fs::remove_dir_all(directory.file("..1")).unwrap();
    assert_eq!(level(&mut watcher), LogLevel::Warn);
    point("..3");
    assert_eq!(level(&mut watcher), LogLevel::Error);
}

#[test]
fn file_behind_a_symbolic_link_is_watched() {
    let (here, there) = (Directory::new(), Directory::new());
    write(&there.file("real.hcl"), "info");
    symlink(there.file("real.hcl"), here.file("mermin.hcl")).unwrap();
    let (_, mut watcher) = Watcher::open(here.file("mermin.hcl")).unwrap();
    write(&there.file("real.hcl"), "warn");
    assert_eq!(level(&mut watcher), LogLevel::Warn);
}

#[test]
fn removed_and_recreated_file_is_reloaded() {
    let directory = Directory::new();
    let file = directory.file("mermin.hcl");
    write(&file, "info");
    let (_, mut watcher) = Watcher::open(&file).unwrap();
    fs::remove_file(&file).unwrap();
    assert!(
        next(&mut watcher)
            .unwrap_err()
            .to_string()
            .contains("cannot read the file")
    );
    write(&file, "info");
    assert_eq!(level(&mut watcher), LogLevel::Info);
}

#[test]
fn watch_wakes_polls_and_its_thread_ends_with_the_stream() {
    let directory = Directory::new();
    let file = directory.file("mermin.hcl");
    write(&file, "info");
    let (_, mut watcher) = Watcher::open(&file).unwrap();
    let writer = thread::spawn({
        let file = file.clone();
        move || {
            thread::sleep(Duration::from_millis(200));
            write(&file, "warn");
        }
    });
    let item = block_on(watcher.next()).unwrap().unwrap();
    assert_eq!(item.config.log_level(), LogLevel::Warn);
    writer.join().unwrap();
    drop(watcher);
}

#[test]
fn invalid_file_cannot_be_watched() {
    let directory = Directory::new();
    assert!(Watcher::open(directory.file("none.hcl")).is_err());
    fs::write(directory.file("bad.hcl"), "x").unwrap();
    assert!(Watcher::open(directory.file("bad.hcl")).is_err());
}

fn pipe(path: &Path) {
    rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RWXU).unwrap();
}

#[test]
fn file_replaced_by_a_pipe_is_an_error_until_restored() {
    let directory = Directory::new();
    let (file, new) = (directory.file("mermin.hcl"), directory.file("new"));
    write(&file, "info");
    let (_, mut watcher) = Watcher::open(&file).unwrap();
    for name in ["warn", "error"] {
        pipe(&new);
        fs::rename(&new, &file).unwrap();
        let error = next(&mut watcher).unwrap_err().to_string();
        assert!(error.contains("it is a pipe"), "{error}");
        write(&new, name);
        fs::rename(&new, &file).unwrap();
        assert_eq!(level(&mut watcher).as_str(), name);
    }
    pipe(&directory.file("pipe"));
    assert!(Watcher::open(directory.file("pipe")).is_err());
}

/// Also one further up, and one that is moved away.
#[test]
fn recreated_directory_is_watched() {
    let directory = Directory::new();
    let (above, inner) = (directory.file("a"), directory.file("a/b"));
    let file = inner.join("mermin.hcl");
    fs::create_dir_all(&inner).unwrap();
    write(&file, "info");
    let (_, mut watcher) = Watcher::open(&file).unwrap();
    let steps: [(&str, &dyn Fn()); 3] = [
        ("warn", &|| fs::remove_dir_all(&inner).unwrap()),
        ("error", &|| {
            fs::rename(&above, directory.file("old")).unwrap();
        }),
        ("debug", &|| fs::remove_dir_all(&above).unwrap()),
    ];
    for (name, away) in steps {
        away();
        assert!(next(&mut watcher).is_err());
        // Longer than what follows each other within a moment.
        thread::sleep(Duration::from_millis(300));
        fs::create_dir_all(&inner).unwrap();
        thread::sleep(Duration::from_millis(300));
        write(&file, name);
        let written = Instant::now();
        assert_eq!(level(&mut watcher).as_str(), name);
        assert!(
            written.elapsed() < Duration::from_secs(2),
            "{:?}",
            written.elapsed()
        );
    }
}
