//! A cluster that follows a real server with short waits, and what it told.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use mermin_kubernetes::{FollowSettings, Kind, Pace};
use mermin_testing::Kubernetes;
use serde_json::json;

use crate::followed::{self, Followed};

/// Waits that are short, and watches of 2 to 3 s: what is taken away shows at their end.
fn pace() -> Pace {
    let mut pace = followed::pace();
    pace.watch_for = Duration::from_secs(3);
    pace.silent_after = Duration::from_secs(30);
    pace.relist_within = Duration::from_secs(2);
    pace.absent_for = Duration::from_secs(1);
    pace
}

/// Follows with a kubeconfig.
pub(crate) fn follow(
    kubeconfig: PathBuf,
    change: impl FnOnce(FollowSettings) -> FollowSettings,
) -> Followed {
    let settings = FollowSettings::default()
        .kubeconfig(kubeconfig)
        .pace(pace());
    Followed::of(change(settings))
}

/// Follows pods alone, as the user who may do everything.
pub(crate) fn pods(server: &Kubernetes) -> Followed {
    follow(server.admin(), |it| it.kinds([Kind::Pod])).synced()
}

/// Makes a namespace, and an account `mermin` in it.
pub(crate) fn make_account(server: &Kubernetes, namespace: &str) {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "mermin", "namespace": namespace}});
    make_namespace(server, namespace);
    server.apply(&account.to_string());
}

pub(crate) fn make_namespace(server: &Kubernetes, name: &str) {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    server.apply(&namespace.to_string());
}

/// All problems of pods that were told since it began.
pub(crate) struct Told {
    words: Arc<Mutex<BTreeSet<String>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Told {
    /// Begins to look, every 2 ms.
    pub(crate) fn begin(followed: &Arc<Followed>) -> Self {
        let words = Arc::<Mutex<BTreeSet<String>>>::default();
        let over = Arc::<AtomicBool>::default();
        let (followed, told, ends) = (Arc::clone(followed), Arc::clone(&words), Arc::clone(&over));
        let thread = thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                if let Some(problem) = followed.problem(Kind::Pod) {
                    told.lock().unwrap().insert(problem);
                }
                thread::sleep(Duration::from_millis(2));
            }
        });
        Self {
            words,
            over,
            thread: Some(thread),
        }
    }

    /// Returns true if one of them has these words.
    pub(crate) fn has(&self, part: &str) -> bool {
        self.words
            .lock()
            .unwrap()
            .iter()
            .any(|it| it.contains(part))
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
