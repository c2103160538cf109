//! Follows one kind for ever: asks, enters what comes, and waits as the state says.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::{Duration, Instant, SystemTime},
};

use super::{
    connection::{Answer, Connection},
    failure::Failure,
    health::Board,
    lines::Lines,
    message::{Event, EventKind, Page, Versioned},
    pace::Pace,
    state::{State, Step},
};
use crate::{Cluster, Kind, Moment, api::Object};

/// Objects that are entered at a time: flows are not decorated meanwhile.
const AT_ONCE: usize = 50;

/// Follows one kind.
pub(super) struct Follow {
    kind: Kind,
    cluster: Cluster,
    connection: Connection,
    board: Board,
    pace: Pace,
    state: State,
}

impl Follow {
    pub(super) const fn new(
        kind: Kind,
        cluster: Cluster,
        connection: Connection,
        board: Board,
        pace: Pace,
        streams: bool,
    ) -> Self {
        Self {
            kind,
            cluster,
            connection,
            board,
            pace,
            state: State::new(kind, pace, streams),
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            let began = Instant::now();
            let result = match self.state.step() {
                Step::List => self.list().await.map(|()| None),
                Step::Check => self.check().await.map(|()| None),
                Step::Stream => self.watch(true).await.map(Some),
                Step::Watch => self.watch(false).await.map(Some),
            };
            let wait = match result {
                Ok(None) => Duration::ZERO,
                Ok(Some(())) => self.state.ended(began.elapsed(), random()),
                Err(failure) => self.failed(&failure),
            };
            tokio::time::sleep(wait).await;
        }
    }

    fn failed(&mut self, failure: &Failure) -> Duration {
        let resource = self.state.resource();
        let wait = self.state.failed(failure, random());
        // An older version of the API may be there.
        if matches!(failure, Failure::Absent) && wait.is_zero() {
            return wait;
        }
        self.board.failed(self.kind, failure, resource);
        let now = SystemTime::now();
        if let Some((last, age)) = self.board.age(self.kind, now)
            && age > self.pace.stale_after
        {
            self.cluster
                .change(|index| index.clear(self.kind, last.into(), now.into()));
            self.state.forgotten();
        }
        wait
    }

    /// Asks for all objects, page by page.
    async fn list(&mut self) -> Result<(), Failure> {
        let mut next: Option<String> = None;
        let mut first = true;
        let version = loop {
            let resource = self.state.resource();
            let body = self
                .connection
                .page(self.kind, resource, next.as_deref())
                .await?;
            let page: Page<'_> = parse(&body)?;
            if std::mem::take(&mut first) {
                self.cluster.change(|index| index.begin_list(self.kind));
            }
            for items in page.items.chunks(AT_ONCE) {
                let objects = items.iter().filter_map(|item| self.object(item.get()));
                let objects: Vec<_> = objects.collect();
                let now = Moment::from(SystemTime::now());
                self.cluster
                    .change(|index| objects.iter().for_each(|object| index.apply(object, now)));
                tokio::task::yield_now().await;
            }
            match page.metadata.next.filter(|next| !next.is_empty()) {
                Some(token) => next = Some(token),
                None => break page.metadata.resource_version,
            }
        };
        self.finish_list(&version);
        Ok(())
    }

    fn finish_list(&mut self, version: &str) {
        let now = SystemTime::now();
        let last_known = self.board.age(self.kind, now).map_or(now, |(last, _)| last);
        let objects = self.cluster.change(|index| {
            index.finish_list(self.kind, last_known.into(), now.into());
            index.present(self.kind)
        });
        self.state.listed(version);
        self.board.listed(self.kind, objects, now, true);
    }

    async fn check(&mut self) -> Result<(), Failure> {
        let body = self
            .connection
            .check(self.kind, self.state.resource())
            .await?;
        let page: Page<'_> = parse(&body)?;
        self.state.checked(&page.metadata.resource_version);
        self.followed(0);
        Ok(())
    }

    /// Follows changes until the server ends the watch.
    async fn watch(&mut self, mut listing: bool) -> Result<(), Failure> {
        // Watches of all nodes should not end together.
        let lasts = self.pace.watch_for.mul_f64(0.8 + 0.2 * random());
        let version = (!listing).then(|| self.state.version().to_owned());
        let resource = self.state.resource();
        let mut answer: Answer = self
            .connection
            .watch(self.kind, resource, version.as_deref(), lasts)
            .await?;
        if listing {
            self.cluster.change(|index| index.begin_list(self.kind));
        } else {
            self.followed(0);
        }
        let mut lines = Lines::default();
        loop {
            let Some(piece) = answer.piece().await? else {
                return if listing {
                    Err(Failure::Cut("before the end of a list".to_owned()))
                } else {
                    Ok(())
                };
            };
            if !lines.push(piece.as_ref()) {
                return Err(Failure::Malformed("a line is too long".to_owned()));
            }
            let mut events = 0;
            let result = lines.each(|line| {
                events += 1;
                self.event(line, &mut listing)
            });
            if !listing {
                self.followed(events);
            }
            result?;
        }
    }

    fn followed(&self, events: u64) {
        let objects = self.cluster.read(|index| index.present(self.kind));
        self.board
            .followed(self.kind, events, objects, SystemTime::now());
    }

    fn event(&mut self, line: &[u8], listing: &mut bool) -> Result<(), Failure> {
        let event: Event<'_> = parse(line)?;
        let json = event.object.get();
        if event.kind == EventKind::Error {
            return Err(Failure::of_event(json));
        }
        let object: Versioned = serde_json::from_str(json).map_err(|error| malformed(&error))?;
        let version = &object.metadata.resource_version;
        if event.kind == EventKind::Bookmark {
            if *listing && object.ends_list() {
                *listing = false;
                self.finish_list(version);
            } else if !*listing {
                self.state.advanced(version);
            }
            return Ok(());
        }
        if let Some(object) = self.object(json) {
            let now = Moment::from(SystemTime::now());
            self.cluster.change(|index| match event.kind {
                EventKind::Deleted => index.remove(&object, now),
                _ => index.apply(&object, now),
            });
        }
        if !*listing {
            self.state.advanced(version);
        }
        Ok(())
    }

    /// Reads an object. One that cannot be read is counted, and holds nothing back.
    fn object(&self, json: &str) -> Option<Object> {
        match Object::parse(self.kind, json) {
            Ok(object) => Some(object),
            Err(error) => {
                let name = serde_json::from_str::<Versioned>(json).map_or_else(
                    |_| "?".to_owned(),
                    |it| format!("{}/{}", it.metadata.namespace, it.metadata.name),
                );
                self.board.unreadable(self.kind, &name, &error);
                None
            }
        }
    }
}

fn parse<'a, T: serde::Deserialize<'a>>(octets: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(octets).map_err(|error| malformed(&error))
}

fn malformed(error: &serde_json::Error) -> Failure {
    Failure::Malformed(error.to_string())
}

/// Returns a number of 0 to 1: enough to spread requests.
fn random() -> f64 {
    let number = RandomState::new().hash_one(0_u8);
    f64::from(u32::try_from(number >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}
