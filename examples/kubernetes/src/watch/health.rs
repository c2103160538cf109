//! How following a cluster goes, for a health page and metrics.

use std::{
    fmt::{self, Write as _},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use super::failure::Failure;
use crate::{Kind, Resource};

/// The condition of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Condition {
    /// No list has been complete yet: flows are not decorated by this kind.
    Starting,
    /// A watch follows every change.
    Current,
    /// The objects were complete, and changes do not come at the moment: flows are decorated by the objects as they were.
    Stale,
    /// The server does not have the kind.
    Absent,
}

/// The state of one kind.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KindHealth {
    /// The kind.
    pub kind: Kind,
    /// Its condition.
    pub condition: Condition,
    /// Objects that the cluster has, as far as is known.
    pub objects: usize,
    /// Objects that could not be read, since the start.
    pub unreadable: u64,
    /// The last of them, and why.
    pub unreadable_object: Option<String>,
    /// Complete lists, since the start.
    pub lists: u64,
    /// Changes of objects, since the start. Bookmarks and the objects of lists are none.
    pub events: u64,
    /// Failed requests, since the start.
    pub failures: u64,
    /// The latest time up to which the server reported all changes of this kind: by a list, an event, a bookmark, or
    /// the end of a watch at the time asked for. Neither a connection nor an answer without an event counts as contact.
    pub last_contact: Option<SystemTime>,
    /// The last failure, unless it went well since.
    pub problem: Option<Problem>,
}

/// Something that went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The failure, in the server's words.
    pub text: String,
    /// A way to mend it.
    pub remedy: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match &self.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

/// The state of all kinds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Health {
    /// The kinds that are followed.
    pub kinds: Vec<KindHealth>,
}

impl Health {
    /// Returns true once all objects of each kind have been listed, except for kinds that the server does not have.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        let mut kinds = self.kinds.iter();
        kinds.all(|kind| kind.condition != Condition::Starting)
    }

    /// Returns true if every kind is current, except those that the server does not have.
    #[must_use]
    pub fn is_current(&self) -> bool {
        let mut kinds = self.kinds.iter();
        kinds.all(|it| matches!(it.condition, Condition::Current | Condition::Absent))
    }

    /// Returns the state of a kind that is followed.
    #[must_use]
    pub fn of(&self, kind: Kind) -> Option<&KindHealth> {
        self.kinds.iter().find(|it| it.kind == kind)
    }
}

/// The kinds' states, as those who follow them write them.
#[derive(Clone, Debug)]
pub(super) struct Board(Arc<Mutex<Vec<KindHealth>>>);

impl Board {
    pub(super) fn new(kinds: &[Kind]) -> Self {
        let kinds = kinds.iter().map(|kind| KindHealth {
            kind: *kind,
            condition: Condition::Starting,
            objects: 0,
            unreadable: 0,
            unreadable_object: None,
            lists: 0,
            events: 0,
            failures: 0,
            last_contact: None,
            problem: None,
        });
        Self(Arc::new(Mutex::new(kinds.collect())))
    }

    pub(super) fn health(&self) -> Health {
        let kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Health {
            kinds: kinds.clone(),
        }
    }

    /// Changes the state of a kind.
    fn change(&self, kind: Kind, change: impl FnOnce(&mut KindHealth)) {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = kinds.iter_mut().find(|it| it.kind == kind) {
            change(found);
        }
    }

    /// A list is complete, as of a time.
    pub(super) fn listed(&self, kind: Kind, objects: usize, at: SystemTime) {
        self.change(kind, |it| {
            it.objects = objects;
            it.lists += 1;
            it.condition = Condition::Current;
            it.last_contact = Some(at);
            it.problem = None;
        });
    }

    /// A watch was answered, which says nothing about the objects.
    pub(super) fn answered(&self, kind: Kind) {
        self.change(kind, |it| {
            it.problem = None;
            if it.condition == Condition::Stale {
                it.condition = Condition::Current;
            }
        });
    }

    /// All objects were forgotten, because nobody has confirmed them for too long.
    pub(super) fn forgotten(&self, kind: Kind) {
        self.change(kind, |it| it.objects = 0);
    }

    /// Events came, of which some are changes of objects.
    pub(super) fn followed(&self, kind: Kind, changes: u64, objects: usize, now: SystemTime) {
        self.change(kind, |it| {
            it.objects = objects;
            it.events += changes;
            it.last_contact = Some(now);
        });
    }

    /// No change before this time is missing.
    pub(super) fn confirmed(&self, kind: Kind, until: SystemTime) {
        self.change(kind, |it| {
            it.last_contact = it.last_contact.max(Some(until));
        });
    }

    pub(super) fn unreadable(&self, kind: Kind, name: &str, error: &impl fmt::Display) {
        self.change(kind, |it| {
            it.unreadable += 1;
            it.unreadable_object = Some(format!("cannot read {kind} `{name}`: {error}"));
        });
    }

    pub(super) fn failed(&self, kind: Kind, failure: &Failure, resource: Resource) {
        self.change(kind, |it| {
            it.failures += 1;
            it.problem = Some(Problem {
                text: failure.to_string(),
                remedy: failure.remedy(kind, resource),
            });
            it.condition = match (failure, it.condition) {
                (Failure::Absent, _) => Condition::Absent,
                (_, Condition::Starting) => Condition::Starting,
                _ => Condition::Stale,
            };
        });
    }

    /// A failure made another one, such as refused credentials of which there are no newer ones.
    pub(super) fn adds(&self, kind: Kind, failure: &Failure) {
        self.change(kind, |it| {
            if let Some(problem) = &mut it.problem {
                // Memory takes all of it.
                let _ = write!(problem.text, "; {failure}");
            }
        });
    }

    /// Returns the time since the last contact, if there was any.
    pub(super) fn age(&self, kind: Kind, now: SystemTime) -> Option<(SystemTime, Duration)> {
        let mut last = None;
        self.change(kind, |it| last = it.last_contact);
        let last = last?;
        Some((last, now.duration_since(last).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn contact(board: &Board) -> Option<SystemTime> {
        board.health().of(Kind::Pod).and_then(|it| it.last_contact)
    }

    #[test]
    fn only_the_servers_words_about_objects_are_a_contact() {
        let board = Board::new(&[Kind::Pod]);
        board.answered(Kind::Pod);
        assert_eq!(contact(&board), None);
        board.listed(Kind::Pod, 3, at(100));
        board.failed(Kind::Pod, &Failure::Gone, Kind::Pod.resources()[0]);
        board.answered(Kind::Pod);
        assert_eq!(contact(&board), Some(at(100)));
        assert_eq!(
            board.age(Kind::Pod, at(160)),
            Some((at(100), Duration::from_mins(1)))
        );
        board.followed(Kind::Pod, 1, 4, at(170));
        assert_eq!(contact(&board), Some(at(170)));
        // A watch may have ended before the last event of the next one.
        board.confirmed(Kind::Pod, at(165));
        assert_eq!(contact(&board), Some(at(170)));
        board.confirmed(Kind::Pod, at(480));
        assert_eq!(contact(&board), Some(at(480)));
    }

    #[test]
    fn answered_watch_ends_a_problem() {
        let board = Board::new(&[Kind::Pod]);
        let pods = |board: &Board| board.health().kinds.remove(0);
        board.failed(Kind::Pod, &Failure::Gone, Kind::Pod.resources()[0]);
        board.answered(Kind::Pod);
        assert_eq!(pods(&board).condition, Condition::Starting);
        board.listed(Kind::Pod, 3, at(100));
        board.failed(Kind::Pod, &Failure::Restored, Kind::Pod.resources()[0]);
        assert_eq!(pods(&board).condition, Condition::Stale);
        let problem = pods(&board).problem.map(|it| it.to_string());
        assert!(problem.is_some_and(|it| it.contains("restored from a copy")));
        board.answered(Kind::Pod);
        assert_eq!(pods(&board).condition, Condition::Current);
        assert_eq!(pods(&board).problem, None);
    }
}
