//! A source that outlives its process.

mod analysed;
mod child;
mod forked;
mod joined;
mod killed;
pub(crate) mod left;
mod many;
pub(crate) mod moved;
mod passed;
mod places;
pub(crate) mod private;
mod slots;
mod traffic;
mod unpinned;

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::{Case, support::child_process::Task};

pub(crate) fn cases() -> Vec<Case> {
    let cases = [
        left::cases(),
        unpinned::cases(),
        many::cases(),
        slots::cases(),
        killed::cases(),
        joined::cases(),
        forked::cases(),
        moved::cases(),
        passed::cases(),
        private::cases(),
        places::cases(),
        analysed::cases(),
    ];
    cases.into_iter().flatten().collect()
}

pub(crate) const TASKS: &[Task] = &[child::TASK, forked::TASK];

/// Name of an instance that no other test, and no other process, has.
pub(crate) fn instance_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("test-{}-{number}", std::process::id())
}

/// Where an instance's directory is.
pub(crate) fn pins(instance: &str) -> PathBuf {
    PathBuf::from("/sys/fs/bpf/mermin").join(instance)
}

/// The only directory of a layout in it.
pub(crate) fn layout(instance: &str) -> PathBuf {
    let mut entries = fs::read_dir(pins(instance)).unwrap();
    let layout = entries.next().unwrap().unwrap().path();
    assert!(entries.next().is_none());
    layout
}
