//! The report as JSON. Only strings need escaping.

use mermin_core::report::Report;
use mermin_examples::{json::quoted, shell::Program};

/// Formats the report as one object on one line.
pub(crate) fn report(report: &Report) -> String {
    let checks: Vec<String> = report
        .checks
        .iter()
        .map(|check| {
            let remedy = check
                .remedy
                .as_deref()
                .map(|remedy| Program::Doctor.words(remedy));
            let remedy = remedy.map_or("null".to_owned(), |remedy| quoted(&remedy));
            format!(
                "{{\"subject\":{},\"outcome\":{},\"found\":{},\"needed\":{},\"remedy\":{remedy}}}",
                quoted(check.subject.as_str()),
                quoted(check.outcome.as_str()),
                quoted(&check.found),
                check.needed
            )
        })
        .collect();
    let degradations: Vec<String> = report
        .degradations
        .iter()
        .map(|it| {
            format!(
                "{{\"feature\":{},\"cause\":{},\"fallback\":{},\"impact\":{},\"remedy\":{}}}",
                quoted(it.feature.as_str()),
                quoted(&it.cause),
                quoted(&it.fallback),
                quoted(&it.impact),
                quoted(&Program::Doctor.words(&it.remedy))
            )
        })
        .collect();
    format!(
        "{{\"can_capture\":{},\"checks\":[{}],\"degradations\":[{}]}}",
        report.can_capture(),
        checks.join(","),
        degradations.join(",")
    )
}
