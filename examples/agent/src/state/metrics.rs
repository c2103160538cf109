//! The agent's own metrics, beside those of flows, source and receivers.

use std::time::SystemTime;

use mermin_kubernetes::{Condition, KindHealth};
use mermin_prometheus::Metric;

use super::{Phase, State};

impl State {
    /// Returns the metrics of this moment.
    pub(crate) fn metrics(&self) -> Vec<Metric> {
        let reloads = self.reloads();
        let is_capturing = self.phase() == Phase::Capturing;
        let mut metrics = vec![
            Metric::gauge("mermin_agent_build_info", "Version of the agent; always 1")
                .sample([("version", env!("CARGO_PKG_VERSION"))], 1),
            Metric::gauge("mermin_agent_capturing", "1 while flows are captured")
                .sample(NONE, u64::from(is_capturing)),
            Metric::counter("mermin_agent_reloads", "Files that were read again, by outcome")
                .sample([("outcome", "applied")], reloads.applied)
                .sample([("outcome", "refused")], reloads.refused),
            Metric::gauge(
                "mermin_agent_configuration_refused",
                "1 if the present file was refused, so that the former one is in effect",
            )
            .sample(NONE, u64::from(reloads.problem.is_some())),
            Metric::gauge(
                "mermin_agent_restart_needed",
                "Number of options of the present file that take effect when the agent starts again",
            )
            .sample(NONE, reloads.needs_restart.len() as u64),
        ];
        if let Some(followed) = self.followed() {
            metrics.extend(kinds(&followed.follower.health().kinds));
            let endpoints = followed.cluster.ends();
            metrics.push(
                Metric::counter(
                    "mermin_kubernetes_flow_endpoints",
                    "Endpoints of flows, by whether a Kubernetes object was found",
                )
                .sample([("object", "known")], endpoints.known)
                .sample([("object", "unknown")], endpoints.unknown),
            );
        }
        metrics
    }
}

/// A sample without labels.
const NONE: [(&str, &str); 0] = [];

/// Reads the value of a metric for one kind of objects. `None` leaves that kind without a sample.
type Of = fn(&KindHealth) -> Option<u64>;

fn kinds(kinds: &[KindHealth]) -> Vec<Metric> {
    let numbers: [(Metric, Of); 6] = [
        (
            Metric::gauge(
                "mermin_kubernetes_objects",
                "Objects of the cluster, by kind",
            ),
            |it| Some(it.objects as u64),
        ),
        (
            Metric::gauge(
                "mermin_kubernetes_current",
                "1 if every change of the kind is followed, or the server does not have the kind",
            ),
            |it| {
                Some(u64::from(matches!(
                    it.condition,
                    Condition::Current | Condition::Absent
                )))
            },
        ),
        (
            Metric::gauge(
                "mermin_kubernetes_contact_age_seconds",
                "Time since the latest moment up to which no change of the kind is missing",
            ),
            |it| {
                // A kind that had no contact has no sample. An age of 0 would claim a contact at this moment.
                let age = SystemTime::now().duration_since(it.last_contact?);
                Some(age.unwrap_or_default().as_secs())
            },
        ),
        (
            Metric::counter("mermin_kubernetes_events", "Changes of objects"),
            |it| Some(it.events),
        ),
        (
            Metric::counter(
                "mermin_kubernetes_failures",
                "Failed requests to the API server",
            ),
            |it| Some(it.failures),
        ),
        (
            Metric::counter(
                "mermin_kubernetes_unreadable_objects",
                "Objects that could not be read",
            ),
            |it| Some(it.unreadable),
        ),
    ];
    let of_kinds = |(metric, number): (Metric, Of)| {
        kinds
            .iter()
            .fold(metric, |metric, kind| match number(kind) {
                Some(number) => metric.sample([("kind", kind.kind.as_str())], number),
                None => metric,
            })
    };
    numbers.into_iter().map(of_kinds).collect()
}
