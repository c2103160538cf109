//! Answers to probes: liveness, readiness and startup, each with its checks.
//!
//! Trouble with a receiver, the API server or a new file is a warning, not a failure: flows are captured, and a restart would
//! lose records and mend nothing.

use mermin_core::sink::SinkStats;
use mermin_kubernetes::{Condition, Health};
use serde::Serialize;

use super::{Phase, Reloads, State};

/// A probe of Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// `/livez`.
    Live,
    /// `/readyz`.
    Ready,
    /// `/startup`.
    Startup,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Ok,
    Warning,
    Failed,
}

/// One check: its result in a sentence, and a remedy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    pub(super) name: &'static str,
    pub(crate) status: Status,
    pub(super) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remedy: Option<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Answer {
    pub(super) status: Status,
    pub(super) checks: Vec<Check>,
}

impl Check {
    fn new(name: &'static str, status: Status, message: impl Into<String>) -> Self {
        Self {
            name,
            status,
            message: message.into(),
            remedy: None,
        }
    }

    fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

impl Probe {
    pub(super) fn at(path: &str) -> Option<Self> {
        Some(match path {
            "/livez" => Self::Live,
            "/readyz" => Self::Ready,
            "/startup" => Self::Startup,
            _ => return None,
        })
    }

    /// Answers with the facts of this moment.
    pub(super) fn answer(self, state: &State) -> Answer {
        let followed = state.followed();
        let health = followed.as_ref().map(|it| it.follower.health());
        let checks = match self {
            // That this answers at all is the check.
            Self::Live => vec![Check::new("process", Status::Ok, "it answers")],
            Self::Startup => vec![
                phase(state.phase(), false),
                match &followed {
                    Some(followed) if !followed.is_settled() => Check::new(
                        "kubernetes",
                        Status::Failed,
                        "objects are being listed for the first time",
                    ),
                    _ => kubernetes(health.as_ref()),
                },
            ],
            Self::Ready => {
                let watched = state.source().map(|it| it.stats().interfaces.watched);
                let receivers = state.exchange().stats();
                vec![
                    phase(state.phase(), true),
                    interfaces(watched),
                    configuration(&state.reloads()),
                    kubernetes(health.as_ref()),
                    exports(&receivers),
                ]
            }
        };
        let worst = checks.iter().map(|check| check.status).max();
        Answer {
            status: worst.unwrap_or(Status::Ok),
            checks,
        }
    }
}

fn phase(phase: Phase, ready: bool) -> Check {
    match phase {
        Phase::Opening => Check::new("source", Status::Failed, "the source is being opened"),
        Phase::Capturing => Check::new("source", Status::Ok, "flows are captured"),
        Phase::Closing if ready => Check::new("source", Status::Failed, "the agent is closing"),
        Phase::Closing => Check::new("source", Status::Ok, "the agent is closing"),
    }
}

fn interfaces(watched: Option<u64>) -> Check {
    match watched {
        Some(0) => Check::new("interfaces", Status::Warning, "no interface is watched").remedy(
            "compare `interfaces` of `discovery \"instrument\"` with the names that `ip -brief link` prints; in a pod, set `netns = \"host\"` \
             and `hostPID: true`",
        ),
        Some(count) => Check::new("interfaces", Status::Ok, format!("{count} interfaces are watched")),
        None => Check::new("interfaces", Status::Ok, "the source is not open yet"),
    }
}

fn configuration(reloads: &Reloads) -> Check {
    const NAME: &str = "configuration";
    if let Some(problem) = &reloads.problem {
        return Check::new(
            NAME,
            Status::Warning,
            format!("the new file was refused, and the former one is in effect: {problem}"),
        )
        .remedy("correct the file: `mermin-agent check FILE` shows all errors");
    }
    if !reloads.needs_restart.is_empty() {
        let keys = reloads.needs_restart.join(", ");
        return Check::new(
            NAME,
            Status::Warning,
            format!("the file is in effect, except for these keys: {keys}"),
        )
        .remedy("restart the agent");
    }
    Check::new(NAME, Status::Ok, "the file is in effect")
}

fn kubernetes(health: Option<&Health>) -> Check {
    const NAME: &str = "kubernetes";
    let Some(health) = health else {
        return Check::new(NAME, Status::Ok, "no cluster is followed");
    };
    let mut troubled = health
        .kinds
        .iter()
        .filter(|kind| kind.problem.is_some() && kind.condition != Condition::Absent);
    match troubled.next() {
        Some(kind) => {
            let others = troubled.count();
            let problem = kind.problem.as_ref();
            let text = problem.map_or("", |it| it.text.as_str());
            let more = if others == 0 {
                String::new()
            } else {
                format!(" (and {others} other kinds)")
            };
            let check = Check::new(
                NAME,
                Status::Warning,
                format!(
                    "flows may lack names of Kubernetes objects: {}{more}: {text}",
                    kind.kind
                ),
            );
            match problem.and_then(|it| it.remedy.clone()) {
                Some(remedy) => check.remedy(remedy),
                None => check,
            }
        }
        None if !health.is_synced() => Check::new(
            NAME,
            Status::Warning,
            "objects are being listed for the first time",
        ),
        None => Check::new(NAME, Status::Ok, "all kinds are followed"),
    }
}

/// A receiver that is away is a warning while records wait for it or were dropped.
fn exports(receivers: &[(String, SinkStats)]) -> Check {
    const NAME: &str = "receivers";
    let away = receivers.iter().filter_map(|(name, stats)| {
        let dropped = stats.dropped_in_all();
        let waits = stats.failing && stats.waiting > 0;
        // A slow receiver has no error.
        let error = stats.last_error.as_ref();
        let error = error.map_or_else(String::new, |it| format!("; last error: {it}"));
        (waits || dropped > 0).then(|| {
            format!(
                "`{name}`: {} records wait, {dropped} were dropped{error}",
                stats.waiting
            )
        })
    });
    // Each of them: one that is down must not hide another that drops records.
    let away: Vec<_> = away.collect();
    match (away.is_empty(), receivers.len()) {
        (false, _) => Check::new(NAME, Status::Warning, away.join("; "))
            .remedy("look after the receiver; records wait in its buffer, if it has one, and then in the kernel's table"),
        (true, 0) => Check::new(NAME, Status::Warning, "no receiver is configured, so records go nowhere")
            .remedy("add `export \"traces\"` or `export \"flows\"` to the file"),
        (true, count) => Check::new(NAME, Status::Ok, format!("{count} receivers")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_file_is_a_warning_with_the_error() {
        let mut reloads = Reloads::default();
        assert_eq!(configuration(&reloads).status, Status::Ok);
        reloads.needs_restart.push("max_flows".to_owned());
        assert!(
            configuration(&reloads)
                .message
                .ends_with("except for these keys: max_flows")
        );
        reloads.problem = Some("a.hcl:2:3: no".to_owned());
        let check = configuration(&reloads);
        assert_eq!(check.status, Status::Warning);
        assert!(check.message.contains("a.hcl:2:3"), "{check:?}");
    }

    #[test]
    fn opening_agent_is_not_ready_but_alive() {
        let state = State::default();
        assert_eq!(Probe::Ready.answer(&state).status, Status::Failed);
        assert_eq!(Probe::Startup.answer(&state).status, Status::Failed);
        assert_eq!(Probe::Live.answer(&state).status, Status::Ok);
        state.closing();
        assert_eq!(Probe::Startup.answer(&state).status, Status::Ok);
        assert_eq!(Probe::Ready.answer(&state).status, Status::Failed);
    }

    #[test]
    fn receiver_that_recovered_is_no_warning() {
        let mut stats = SinkStats::default();
        stats.last_error = Some("down".to_owned());
        let shown = |stats: &SinkStats| exports(&[("a".to_owned(), stats.clone())]).status;
        assert_eq!(shown(&stats), Status::Ok);
        // The next batch is on its way.
        stats.waiting = 1;
        assert_eq!(shown(&stats), Status::Ok);
        stats.failing = true;
        assert_eq!(shown(&stats), Status::Warning);
        assert_eq!(exports(&[]).status, Status::Warning);
    }

    #[test]
    fn drops_of_a_receiver_without_errors_are_a_warning() {
        let mut stats = SinkStats::default();
        stats.waiting = 4;
        let shown = |stats: &SinkStats| exports(&[("a".to_owned(), stats.clone())]);
        assert_eq!(shown(&stats).status, Status::Ok);
        stats.dropped[0] = 3;
        let check = shown(&stats);
        assert_eq!(check.status, Status::Warning);
        assert_eq!(check.message, "`a`: 4 records wait, 3 were dropped");
        stats.last_error = Some("down".to_owned());
        assert!(shown(&stats).message.ends_with("dropped; last error: down"));
        let both = exports(&["a", "b"].map(|name| (name.to_owned(), stats.clone())));
        for name in ["`a`: 4", "`b`: 4"] {
            assert!(both.message.contains(name), "{both:?}");
        }
    }
}
