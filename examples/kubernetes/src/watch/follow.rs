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
    message::{Event, EventKind, Outline, Page},
    pace::Pace,
    state::{State, Step, is_full},
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
    /// The end of a watch that reported all changes until then, unless the server's store is older than the watch.
    told_until: Option<SystemTime>,
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
            told_until: None,
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
                Ok(Some(asked)) => {
                    let lasted = began.elapsed();
                    self.told_until = is_full(lasted, asked).then(SystemTime::now);
                    self.state.ended(lasted, random())
                }
                Err(failure) => {
                    let failure = self.state.judged(failure);
                    let wait = self.failed(&failure);
                    if let Err(another) = self.connection.renew(&failure).await {
                        self.board.adds(self.kind, &another);
                    }
                    wait
                }
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
            self.board.forgotten(self.kind);
            self.state.forgotten();
        }
        wait
    }

    /// Asks for all objects, page by page.
    async fn list(&mut self) -> Result<(), Failure> {
        let mut next: Option<String> = None;
        let mut first = true;
        // The pages are of the time at which the server got the first request.
        let asked = SystemTime::now();
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
                let objects = items.iter().map(|item| self.object(item.get()));
                let objects: Vec<_> = objects.collect();
                let now = Moment::from(SystemTime::now());
                self.cluster.change(|index| {
                    for object in &objects {
                        match object {
                            Ok(object) => index.apply(object, now),
                            Err(outline) => index.keep_uid(self.kind, &outline.uid),
                        }
                    }
                });
                tokio::task::yield_now().await;
            }
            match page.metadata.next.filter(|next| !next.is_empty()) {
                Some(token) => next = Some(token),
                None => break page.metadata.resource_version,
            }
        };
        self.finish_list(&version, asked);
        Ok(())
    }

    /// Ends a list that has the objects as of a time.
    fn finish_list(&mut self, version: &str, at: SystemTime) {
        let now = SystemTime::now();
        let last_known = self.board.age(self.kind, now).map_or(now, |(last, _)| last);
        let objects = self.cluster.change(|index| {
            index.finish_list(self.kind, last_known.into(), now.into());
            index.present(self.kind)
        });
        self.state.listed(version);
        self.told_until = None;
        self.board.listed(self.kind, objects, at);
    }

    async fn check(&mut self) -> Result<(), Failure> {
        let body = self
            .connection
            .check(self.kind, self.state.resource())
            .await?;
        let page: Page<'_> = parse(&body)?;
        self.state.checked(&page.metadata.resource_version)?;
        if let Some(until) = self.told_until.take() {
            self.board.confirmed(self.kind, until);
        }
        Ok(())
    }

    /// Follows changes until the server ends the watch. Returns the time that was asked for.
    async fn watch(&mut self, mut listing: bool) -> Result<Duration, Failure> {
        // Watches of all nodes should not end together.
        let lasts = self.pace.watch_for.mul_f64(0.8 + 0.2 * random());
        // The API knows whole seconds.
        let lasts = Duration::from_secs(lasts.as_secs().max(1));
        let version = (!listing).then(|| self.state.version().to_owned());
        let resource = self.state.resource();
        let mut answer: Answer = self
            .connection
            .watch(self.kind, resource, version.as_deref(), lasts)
            .await?;
        if listing {
            self.cluster.change(|index| index.begin_list(self.kind));
        } else {
            self.board.answered(self.kind);
        }
        let mut lines = Lines::default();
        let answered = Instant::now();
        loop {
            let piece = answer.piece().await;
            if !listing {
                self.state.served(answered.elapsed());
            }
            let Some(piece) = piece? else {
                return if listing {
                    Err(Failure::Cut("before the end of a list".to_owned()))
                } else {
                    Ok(lasts)
                };
            };
            if !lines.push(piece.as_ref()) {
                return Err(Failure::Malformed("a line is too long".to_owned()));
            }
            let (mut changes, mut told) = (0, false);
            let result = lines.each(|line| {
                let was_listing = listing;
                let is_change = self.event(line, &mut listing)?;
                // Objects of a list are no changes.
                changes += u64::from(is_change && !was_listing);
                told = true;
                Ok(())
            });
            if told && !listing {
                self.followed(changes);
            }
            result?;
        }
    }

    fn followed(&self, changes: u64) {
        let objects = self.cluster.read(|index| index.present(self.kind));
        self.board
            .followed(self.kind, changes, objects, SystemTime::now());
    }

    /// Enters an event. Returns true if it is a change of an object.
    fn event(&mut self, line: &[u8], listing: &mut bool) -> Result<bool, Failure> {
        let event: Event<'_> = parse(line)?;
        let json = event.object.get();
        if event.kind == EventKind::Error {
            return Err(Failure::of_event(json));
        }
        if event.kind == EventKind::Bookmark {
            let outline = Outline::of(json);
            if *listing && outline.ends_list() {
                *listing = false;
                self.finish_list(&outline.resource_version, SystemTime::now());
            } else if !*listing {
                self.state.advanced(&outline.resource_version)?;
            }
            return Ok(false);
        }
        if event.kind == EventKind::Unknown {
            let error = "the type of its event is unknown";
            self.board
                .unreadable(self.kind, &Outline::of(json).title(), &error);
            return Ok(false);
        }
        let object = self.object(json);
        let version = match &object {
            Ok(object) => &object.metadata().resource_version,
            Err(outline) => &outline.resource_version,
        };
        // Objects of a list are in the order of their names.
        if !*listing {
            self.state.advanced(version)?;
        }
        let now = Moment::from(SystemTime::now());
        self.cluster.change(|index| match (event.kind, &object) {
            (EventKind::Deleted, Ok(object)) => index.remove(object, now),
            (EventKind::Deleted, Err(outline)) => index.remove_uid(self.kind, &outline.uid, now),
            (_, Ok(object)) => index.apply(object, now),
            (_, Err(outline)) => index.keep_uid(self.kind, &outline.uid),
        });
        Ok(true)
    }

    /// Reads an object. One that cannot be read is counted, and holds nothing back.
    fn object(&self, json: &str) -> Result<Object, Outline> {
        Object::parse(self.kind, json).map_err(|error| {
            let outline = Outline::of(json);
            self.board.unreadable(self.kind, &outline.title(), &error);
            outline
        })
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
