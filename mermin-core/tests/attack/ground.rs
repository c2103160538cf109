//! The ground of each attack: a network namespace of its own, and both CPUs for itself. And how many packets all attacks take.

use std::{
    env,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use mermin_core::lab::{Fault, Lab, enter_new_namespace};

/// One attack at a time: each wants both CPUs.
static TURN: Mutex<()> = Mutex::new(());

/// Packets of attacks that were found exact.
static EXACT: AtomicU64 = AtomicU64::new(0);
static SKIPPED: AtomicBool = AtomicBool::new(false);

/// Adds the packets of an attack, each of which was found in one record or under one reason.
pub(crate) fn add_exact(packets: u64) {
    EXACT.fetch_add(packets, Ordering::Relaxed);
}

/// Packets that were added.
pub(crate) fn exact() -> u64 {
    EXACT.load(Ordering::Relaxed)
}

/// True if an attack did not take place.
pub(crate) fn has_skipped() -> bool {
    SKIPPED.load(Ordering::Relaxed)
}

/// Packets that all attacks together must have found exact.
pub(crate) fn least() -> u64 {
    number_in("MERMIN_ATTACK_PACKETS").unwrap_or(5_000_000)
}

/// Does the work in a network namespace of its own; `None` where the kernel is out of reach.
pub(crate) fn in_namespace<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let thread = thread::spawn(|| match hindrance() {
        Some(hindrance) => {
            skip(&hindrance);
            None
        }
        None => Some(work()),
    });
    thread.join().unwrap()
}

/// Why the kernel cannot be had here, if it cannot.
fn hindrance() -> Option<String> {
    if let Err(error) = enter_new_namespace() {
        return Some(format!("cannot make a network namespace: {error}"));
    }
    Lab::open(1).err().map(|error| error.to_string())
}

fn skip(why: &str) {
    eprintln!("skipped: {why}");
    SKIPPED.store(true, Ordering::Relaxed);
    assert!(
        env::var_os("MERMIN_REQUIRE_KERNEL").is_none(),
        "MERMIN_REQUIRE_KERNEL is set"
    );
}

/// How long each attack takes.
pub(crate) fn seconds() -> u64 {
    number_in("MERMIN_ATTACK_SECONDS").unwrap_or(4)
}

fn number_in(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

/// Attacks of a control before it is taken for unable to lose anything: two minutes of them, and six at least.
pub(crate) fn attempts() -> u64 {
    (120 / seconds().max(1)).max(6)
}

/// A kernel program that is compiled for tests, with this fault.
pub(crate) fn for_tests(name: &str) -> Option<Fault> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("../bpf/{name}.bpf.o"));
    match std::fs::read(&path) {
        Ok(object) => Some(Fault::Object(object.leak())),
        Err(error) => {
            skip(&format!(
                "cannot read `{}`: {error}; type `cargo xtask bpf --tests`",
                path.display()
            ));
            None
        }
    }
}
