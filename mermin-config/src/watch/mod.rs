//! A stream of configurations as a file changes.

mod directories;
mod latest;
mod notice;
mod seen;
mod state;

use std::{
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    thread,
};

use futures_core::{FusedStream, Stream};

use self::{latest::Latest, notice::Notices, seen::Seen, state::State};
use crate::{
    Config, Error, Loaded,
    diagnostic::Problem,
    file::{self, Allowed},
    load,
    text::Source,
};

/// A stream of configurations: one after each change of the file, or an error. After an error, keep the previous
/// configuration.
///
/// It detects writes, renames, a symbolic link that is pointed to another file (as Kubernetes does with a
/// `ConfigMap`), and a file that is removed and created again. Changes within a tenth of a second count as one. The
/// kernel reports no changes on network file systems and in a directory that is created again. So the attributes of
/// the file are read every second, and its content every 10 s. A slow reader gets the latest configuration.
///
/// A thread of its own does the work, and ends when the stream is dropped. Any runtime can poll it.
///
/// ```no_run
/// use futures::StreamExt as _;
/// use mermin_config::Watcher;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let (loaded, mut changes) = Watcher::open("/etc/mermin/mermin.hcl")?;
/// # let apply = |config| {};
/// apply(loaded.config);
/// while let Some(change) = changes.next().await {
///     match change {
///         Ok(loaded) => apply(loaded.config),
///         Err(error) => eprintln!("{error}"), // the previous configuration stays
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Watcher {
    latest: Arc<Latest>,
    notices: Arc<Notices>,
}

impl Watcher {
    /// Reads a file and watches it from then on. No later change is missed.
    ///
    /// # Errors
    /// Those of [`Config::from_path`], and the error of creating a watch.
    pub fn open(path: impl Into<PathBuf>) -> Result<(Loaded, Self), Error> {
        let path = path.into();
        let notices = Arc::new(Notices::new().map_err(|error| unwatchable(&path, error))?);
        notices.watch(&path);
        let octets = file::read(&path, Allowed::Files)?;
        let name = path.to_string_lossy();
        let loaded = Config::load(&name, &octets, &load::process_environment)?;
        let latest = Arc::new(Latest::default());
        let work = Work {
            state: State::new(octets),
            path: path.clone(),
            latest: Arc::clone(&latest),
            notices: Arc::clone(&notices),
        };
        thread::Builder::new()
            .name("mermin-config".to_owned())
            .spawn(move || work.run())
            .map_err(|error| unwatchable(&path, error))?;
        Ok((loaded, Self { latest, notices }))
    }
}

fn unwatchable(path: &Path, error: io::Error) -> Error {
    let problem = Problem::whole(format!("cannot watch the file: {error}"))
        .with_hint("raise the limits fs.inotify.max_user_instances and fs.inotify.max_user_watches with sysctl");
    let source = Source {
        name: path.to_string_lossy().into_owned(),
        text: String::new(),
    };
    Error::system(problem.locate(&source), error)
}

impl Stream for Watcher {
    type Item = Result<Loaded, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.latest.poll(context)
    }
}

impl FusedStream for Watcher {
    fn is_terminated(&self) -> bool {
        self.latest.is_over()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.notices.stop();
    }
}

/// State of the thread.
struct Work {
    path: PathBuf,
    state: State,
    latest: Arc<Latest>,
    notices: Arc<Notices>,
}

impl Work {
    /// Checks the file whenever it may have changed, until the stream is dropped.
    fn run(mut self) {
        let mut seen = Seen::of(&self.path);
        while self.notices.wait(|| Seen::of(&self.path) != seen) {
            // Links may have new targets, and directories may be new.
            self.notices.watch(&self.path);
            // The state of the file is noted before it is read, so a change between the two is detected next time.
            seen = Seen::of(&self.path);
            let read = file::read(&self.path, Allowed::Files);
            if let Some(item) = self.state.next(read, |octets| {
                Config::load(
                    &self.path.to_string_lossy(),
                    octets,
                    &load::process_environment,
                )
            }) {
                self.latest.put(item);
            }
        }
        self.latest.end();
    }
}
