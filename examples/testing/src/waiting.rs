//! Time limits of tests.

use std::{
    net::TcpListener,
    thread,
    time::{Duration, Instant},
};

use mermin_core::sink::Backoff;

/// The longest that a test waits.
pub const LONGEST: Duration = Duration::from_mins(1);

/// Waits until `is_so` returns true. Fails after [`LONGEST`].
pub fn wait(is_so: impl FnMut() -> bool) {
    until("the condition is true", is_so);
}

/// Waits until `is_so` returns true. Fails after [`LONGEST`], with the name of the event.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < LONGEST, "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Returns short retry intervals, 5 to 50 ms.
pub fn soon() -> Backoff {
    Backoff::default()
        .first(Duration::from_millis(5))
        .max(Duration::from_millis(50))
}

/// Returns a TCP port of the loopback address without a listener.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
