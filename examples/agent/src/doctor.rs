//! `mermin-agent doctor`: what capturing needs on this host, and what is missing.

use std::process::ExitCode;

use futures::executor::block_on;
use mermin_core::{
    NetNs,
    report::{Outcome, Report},
};
use serde_json::{Value as Json, json};

use crate::{
    UNUSABLE,
    configuration::{File, Memory, PODS, Refused, mebi},
    words::{say, words},
};

/// Tries each step of capturing with the options of the file, and prints the results. It captures nothing.
pub(crate) fn doctor(file: &Result<File, Refused>, as_json: bool) -> ExitCode {
    let builder = match file {
        Ok(file) => file.plan.capture.clone(),
        // The host can be checked without a file.
        Err(_) => mermin_core::FlowSource::builder().netns(NetNs::Own),
    };
    let report = match block_on(builder.preflight()) {
        Ok(report) => report,
        Err(error) => {
            say(&error);
            return ExitCode::from(UNUSABLE);
        }
    };
    if as_json {
        println!("{}", object(&report, file));
    } else {
        print!("{}", text(&report, file));
    }
    match file {
        Err(_) => ExitCode::from(UNUSABLE),
        Ok(_) => ExitCode::from(u8::from(!report.can_capture())),
    }
}

fn text(report: &Report, file: &Result<File, Refused>) -> String {
    let mut lines = vec![match file {
        Err(error) => format!("configuration: refused\n{error}"),
        Ok(file) => format!(
            "configuration: {}: valid, receivers: {}, names of Kubernetes objects {}",
            file.name(),
            file.plan.receivers.len(),
            if file.plan.cluster.is_some() {
                "on"
            } else {
                "off"
            }
        ),
    }];
    for check in &report.checks {
        lines.push(words(&check.to_string()));
        if let Some(remedy) = check
            .remedy
            .as_ref()
            .filter(|_| check.outcome != Outcome::Passed)
        {
            lines.push(format!("    {}", words(remedy)));
        }
    }
    lines.extend(file.iter().map(|file| memory(&Memory::of(&file.plan))));
    let given_up = report.degradations.iter();
    lines.extend(given_up.map(|degradation| words(&format!("given up: {degradation}"))));
    lines.push(
        "privileges: once the source is open, its thread keeps CAP_NET_ADMIN, and before Linux 5.19 CAP_BPF; of the others only the one that looks up sockets has any"
            .to_owned(),
    );
    lines.push(if report.can_capture() {
        "Flows can be captured.\n".to_owned()
    } else {
        "Flows cannot be captured.\n".to_owned()
    });
    lines.join("\n")
}

/// Returns the memory that a container has to have, and its parts.
fn memory(memory: &Memory) -> String {
    let objects = match memory.objects {
        0 => String::new(),
        objects => format!("names in a cluster of {PODS} pods {}, ", mebi(objects)),
    };
    format!(
        "memory of a container: request {} MiB, limit {} MiB (flow table {}, process {}, {objects}records that wait {})",
        memory.request(),
        memory.limit(),
        mebi(memory.table),
        mebi(memory.process),
        mebi(memory.records),
    )
}

fn object(report: &Report, file: &Result<File, Refused>) -> Json {
    // Programs read this and pass it on: a line of the file may have a secret.
    let refused = file.as_ref().err().map(Refused::without_excerpts);
    let file = file.as_ref().ok();
    let checks = report.checks.iter().map(|check| {
        json!({
            "subject": check.subject.as_str(),
            "outcome": check.outcome.as_str(),
            "found": check.found,
            "needed": check.needed,
            "remedy": check.remedy.as_deref().map(words),
        })
    });
    let degradations = report.degradations.iter().map(|it| {
        json!({
            "feature": it.feature.as_str(),
            "cause": it.cause,
            "fallback": it.fallback,
            "impact": it.impact,
            "remedy": words(&it.remedy),
        })
    });
    let memory = file.map(|file| {
        let memory = Memory::of(&file.plan);
        json!({
            "request": memory.request(),
            "limit": memory.limit(),
            "table": mebi(memory.table),
            "process": mebi(memory.process),
            "objects": mebi(memory.objects),
            "records": mebi(memory.records),
        })
    });
    json!({
        "can_capture": report.can_capture(),
        "memory_mib": memory,
        "configuration": {
            "file": file.map(File::name),
            "error": refused,
            "receivers": file.map(|it| it.plan.receivers.len()),
        },
        "checks": checks.collect::<Vec<_>>(),
        "degradations": degradations.collect::<Vec<_>>(),
    })
}
