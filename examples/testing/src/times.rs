//! CPU time of the threads of a process.

use std::{fs, time::Duration};

/// Returns the CPU time of each thread of a process: `mermin-page 4711`, its name and its number.
#[must_use]
pub fn thread_times(process: u32) -> Vec<(String, Duration)> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    tasks
        .map(|task| {
            let task = task.unwrap().path();
            let read = |name: &str| fs::read_to_string(task.join(name)).unwrap();
            let nanoseconds = read("schedstat")
                .split(' ')
                .next()
                .unwrap()
                .parse()
                .unwrap();
            let number = task.file_name().unwrap().to_string_lossy().into_owned();
            (
                format!("{} {number}", read("comm").trim()),
                Duration::from_nanos(nanoseconds),
            )
        })
        .collect()
}

/// Returns a time in milliseconds.
#[must_use]
pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
