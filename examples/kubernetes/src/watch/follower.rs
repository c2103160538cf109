//! A thread that follows a cluster.

use std::{path::PathBuf, sync::Arc, thread, time::Duration};

use kube::Config;
use tokio::{sync::oneshot, task::JoinSet};

use super::{
    access::{Access, Clients},
    connection::Connection,
    follow::Follow,
    health::{Board, Health},
    pace::Pace,
};
use crate::{Cluster, Kind};

/// Settings of following a cluster.
#[derive(Clone, Debug)]
pub struct FollowSettings {
    access: Access,
    kinds: Vec<Kind>,
    streams: bool,
    pace: Pace,
}

impl Default for FollowSettings {
    fn default() -> Self {
        Self {
            access: Access::default(),
            kinds: Kind::ALL.to_vec(),
            streams: false,
            pace: Pace::default(),
        }
    }
}

impl FollowSettings {
    /// Names the kubeconfig file. Default: the service account of a pod, or `KUBECONFIG`, or `~/.kube/config`.
    #[must_use]
    pub fn kubeconfig(mut self, path: impl Into<PathBuf>) -> Self {
        self.access = Access::Kubeconfig(path.into());
        self
    }

    /// Sets a configuration of the crate `kube`.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.access = Access::Config(Box::new(config));
        self
    }

    /// Follows only these kinds. Default: all. Each needs `get`, `list` and `watch` in the `ClusterRole`.
    #[must_use]
    pub fn kinds(mut self, kinds: impl IntoIterator<Item = Kind>) -> Self {
        self.kinds = kinds.into_iter().collect();
        self
    }

    /// Asks for lists as a stream of events, which takes the server less memory (Kubernetes 1.32 and later); an older server
    /// is asked for pages. Default: false.
    #[must_use]
    pub const fn streaming_lists(mut self, streams: bool) -> Self {
        self.streams = streams;
        self
    }

    /// Sets how long to wait for what.
    #[must_use]
    pub const fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }
}

/// Follows a cluster on a thread of its own until it is dropped, so that nothing of it, such as reading a list of 10,000
/// pods, holds up flows or needs a runtime of the embedding program.
#[derive(Debug)]
pub struct Follower {
    board: Board,
    /// Dropped, it ends the thread, which nobody waits for.
    _stop: oneshot::Sender<()>,
}

impl Follower {
    /// Begins to follow a cluster. It never fails for good: without credentials, server or permission,
    /// [`health`](Self::health) says what is wrong, and it tries again.
    ///
    /// # Errors
    /// No thread, or no runtime for it.
    pub fn start(cluster: &Cluster, settings: FollowSettings) -> std::io::Result<Self> {
        let board = Board::new(&settings.kinds);
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (cluster, shown) = (cluster.clone(), board.clone());
        thread::Builder::new()
            .name("mermin-k8s".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = follow(&cluster, &settings, &shown) => {}
                        _ = stopped => {}
                    }
                });
                // A look-up of a name may hold a thread for as long as the resolver waits, and a kubeconfig's plugin
                // for as long as it hangs.
                runtime.shutdown_background();
            })?;
        Ok(Self { board, _stop: stop })
    }

    /// Returns the state of all kinds.
    #[must_use]
    pub fn health(&self) -> Health {
        self.board.health()
    }
}

async fn follow(cluster: &Cluster, settings: &FollowSettings, board: &Board) {
    let pace = settings.pace;
    let mut failures = 0;
    let client = loop {
        match settings.access.client().await {
            Ok(client) => break client,
            Err(failure) => {
                for kind in &settings.kinds {
                    board.failed(*kind, &failure, kind.resources()[0]);
                }
                failures += 1;
                tokio::time::sleep(pace.back_off(failures, 1.0)).await;
            }
        }
    };
    let clients = Arc::new(Clients::new(settings.access.clone(), client));
    let connection = Connection::new(clients, pace.silent_after);
    let mut kinds = JoinSet::new();
    for kind in &settings.kinds {
        let (cluster, connection, board) = (cluster.clone(), connection.clone(), board.clone());
        kinds.spawn(Follow::new(*kind, cluster, connection, board, pace, settings.streams).run());
    }
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        cluster.change(|index| index.expire(std::time::SystemTime::now().into()));
    }
}
