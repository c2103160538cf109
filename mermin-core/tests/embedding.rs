//! A source changes nothing that belongs to its process or to other threads.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
};

use futures::executor::block_on;
use mermin_core::{Attach, FlowSource, NetNs, lab::enter_new_namespace};

/// Settings that a thread may call its own.
type Thread = BTreeMap<&'static str, String>;

/// Lines of `/proc/<pid>/status` about signals, rights and masks.
const STATUS: [&str; 14] = [
    "Umask:",
    "Uid:",
    "Gid:",
    "Groups:",
    "SigBlk:",
    "SigIgn:",
    "SigCgt:",
    "CapInh:",
    "CapPrm:",
    "CapEff:",
    "CapBnd:",
    "CapAmb:",
    "NoNewPrivs:",
    "Seccomp:",
];

fn thread_state(task: &Path) -> Thread {
    let status = fs::read_to_string(task.join("status")).unwrap();
    let mut state: Thread = STATUS
        .into_iter()
        .filter_map(|name| {
            let line = status.lines().find(|line| line.starts_with(name))?;
            Some((name, line.to_owned()))
        })
        .collect();
    for namespace in ["net", "mnt", "user", "pid"] {
        let link = fs::read_link(task.join("ns").join(namespace)).unwrap();
        state.insert(namespace, link.display().to_string());
    }
    let cwd = fs::read_link(task.join("cwd")).unwrap();
    state.insert("cwd", cwd.display().to_string());
    state
}

/// Traits of a process that are visible from outside of its code.
#[derive(Debug, PartialEq)]
struct Process {
    threads: BTreeMap<PathBuf, Thread>,
    limits: String,
    oom_score: String,
    environment: Vec<(std::ffi::OsString, std::ffi::OsString)>,
}

impl Process {
    /// The process, and those of its threads that were there before.
    fn now(threads: &[PathBuf]) -> Self {
        Self {
            threads: threads
                .iter()
                .map(|task| (task.clone(), thread_state(task)))
                .collect(),
            limits: fs::read_to_string("/proc/self/limits").unwrap(),
            oom_score: fs::read_to_string("/proc/self/oom_score_adj").unwrap(),
            environment: env::vars_os().collect(),
        }
    }
}

/// Two threads that outlive the test: the process's first and the calling one. Those of other tests come and go.
fn threads() -> Vec<PathBuf> {
    let first = PathBuf::from(format!("/proc/self/task/{}", std::process::id()));
    let calling = Path::new("/proc").join(fs::read_link("/proc/thread-self").unwrap());
    vec![first, calling]
}

/// The reason why nothing can be captured here, if there is one.
fn hindrance() -> Option<String> {
    if let Err(error) = enter_new_namespace() {
        return Some(format!("cannot make a network namespace: {error}"));
    }
    let tried = block_on(FlowSource::builder().interfaces(["lo"]).open());
    tried.err().map(|error| error.to_string())
}

/// A thread in a network namespace of its own that stays there until the sender is dropped.
fn elsewhere() -> (PathBuf, mpsc::Sender<()>) {
    let (stay, until) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        enter_new_namespace().unwrap();
        let own = fs::read_link("/proc/thread-self").unwrap();
        tell.send(Path::new("/proc").join(own).join("ns/net"))
            .unwrap();
        let _ = until.recv();
    });
    (told.recv().unwrap(), stay)
}

#[test]
fn source_changes_nothing_in_its_process() {
    // In a thread of its own, so that the harness stays where it is.
    let run = thread::spawn(|| {
        if let Some(hindrance) = hindrance() {
            eprintln!("skipped: {hindrance}");
            assert!(
                env::var_os("MERMIN_REQUIRE_KERNEL").is_none(),
                "MERMIN_REQUIRE_KERNEL is set"
            );
            return;
        }
        let (namespace, stay) = elsewhere();
        let threads = threads();
        let before = Process::now(&threads);
        for mode in [Attach::Tcx, Attach::Tc] {
            let options = FlowSource::builder().interfaces(["lo"]).attach(mode);
            let own = block_on(options.clone().open()).unwrap();
            let other = block_on(options.netns(NetNs::Path(namespace.clone())).open()).unwrap();
            assert_eq!(Process::now(&threads), before, "{mode:?}, open");
            drop(own);
            let mut other = other;
            other.close();
            drop(other);
            assert_eq!(Process::now(&threads), before, "{mode:?}, closed");
        }
        drop(stay);
    });
    run.join().unwrap();
}

/// Calls that a library has no business with.
const PROCESS_WIDE: [&str; 19] = [
    "set_logger",
    "set_boxed_logger",
    "set_global_default",
    "set_hook",
    "set_var",
    "remove_var",
    "set_current_dir",
    "chdir",
    "umask(",
    "setrlimit",
    "sigaction",
    "sigprocmask",
    "pthread_sigmask",
    "libc::signal",
    "process::exit",
    "process::abort",
    "static mut",
    "thread_local!",
    "global_allocator",
];

/// Types that make a static something that one part of a program may change under another.
const SHARED: [&str; 6] = ["Atomic", "Mutex", "RwLock", "Once", "Lazy", "Cell"];

fn sources(of: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(of).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("tests.rs")
        {
            found.push(path);
        }
    }
}

/// A line of a library that affects the whole process, if there is one.
fn beyond(source: &str) -> Option<&str> {
    // The rest is for tests: this crate's, or those of the lab.
    let shipped = ["#[cfg(test)]", "#[cfg(feature = \"__lab\")]\nmod "]
        .iter()
        .filter_map(|tests| source.find(tests))
        .min()
        .map_or(source, |end| &source[..end]);
    shipped.lines().map(str::trim_start).find(|line| {
        let code = !line.starts_with("//");
        let state = line.contains("static ") && SHARED.iter().any(|shared| line.contains(shared));
        code && (state || PROCESS_WIDE.iter().any(|word| line.contains(word)))
    })
}

#[test]
fn library_code_changes_no_process_wide_state() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    sources(&package.join("src"), &mut paths);
    assert!(paths.len() > 50, "{paths:?}");
    // It puts back what it changes, and changes its own thread.
    let (holds, others): (Vec<PathBuf>, _) = paths
        .into_iter()
        .partition(|path| path.ends_with("src/sys/signals.rs"));
    assert_eq!(holds.len(), 1);
    for path in others {
        let source = fs::read_to_string(&path).unwrap();
        let line = beyond(&source);
        assert!(line.is_none(), "{}: {line:?}", path.display());
    }
    assert!(beyond("fn f() {\n    log::set_logger(&L);\n}").is_some());
    assert!(beyond("static COUNT: AtomicU32 = AtomicU32::new(0);").is_some());
    assert!(beyond("#[cfg(feature = \"__lab\")]\nmod lab {\nstatic N: AtomicU8 = X;").is_none());
    assert!(beyond("static NAMES: [&str; 2] = [\"a\", \"b\"];\n// set_logger").is_none());
}
