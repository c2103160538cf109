//! Every row of docs/TROUBLESHOOTING.md: the test causes the symptom, and compares the message with the row.

mod hooks;
mod host;
mod instance;
mod memory;
mod numbers;
#[expect(dead_code, reason = "some rows are tested by another crate")]
mod page;
mod privilege;
mod quiet;

use std::collections::BTreeSet;

use mermin_core::{
    Attach, Error, FlowSourceBuilder,
    report::{Outcome, Report},
};

use crate::{
    Case,
    support::{
        child_process::Task,
        wait::{LONGEST, within},
    },
};

/// Runs a program as process 1 of its own.
const CONTAINER: [&str; 5] = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];

/// A row of the page, and what makes its symptom.
#[derive(Clone, Copy)]
struct Symptom {
    /// Its first cell.
    cell: &'static str,
    /// Name of the test.
    name: &'static str,
    /// Where it takes one of them.
    mode: Option<Attach>,
    /// Returns the message.
    make: fn() -> String,
}

/// A row, and the function that makes its symptom: its name is the test's.
macro_rules! row {
    ($cell:literal, $make:ident) => {
        Symptom {
            cell: $cell,
            name: stringify!($make),
            mode: None,
            make: $make,
        }
    };
}
use row;

const fn by_tcx(symptom: Symptom) -> Symptom {
    Symptom {
        mode: Some(Attach::Tcx),
        ..symptom
    }
}

fn troubleshooting() -> impl Iterator<Item = &'static Symptom> {
    let rows = [
        privilege::ROWS,
        host::ROWS,
        memory::ROWS,
        quiet::ROWS,
        instance::ROWS,
        hooks::ROWS,
        numbers::ROWS,
    ];
    rows.into_iter().flatten()
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = troubleshooting()
        .map(|symptom| Case {
            name: symptom.name.to_owned(),
            run: Box::new(|| {
                let said = (symptom.make)();
                let lacking = page::lacking(symptom.cell, &said);
                assert_eq!(
                    lacking, None,
                    "the page has `{}`, and not:\n{said}",
                    symptom.cell
                );
            }),
            mode: symptom.mode,
        })
        .collect();
    for others in [of_the_page::cases(), host::cases(), privilege::cases()] {
        cases.extend(others);
    }
    cases
}

mod of_the_page {
    use super::{every_troubleshooting_row_has_a_test, page::troubleshooting_texts_are_compared};

    crate::cases! {
        case every_troubleshooting_row_has_a_test,
        case troubleshooting_texts_are_compared,
    }
}

/// A row without a test, and a test without a row.
fn every_troubleshooting_row_has_a_test() {
    let on_page: BTreeSet<&str> = page::troubleshooting().into_iter().collect();
    let tested: BTreeSet<&str> = troubleshooting().map(|symptom| symptom.cell).collect();
    assert!(on_page.len() > 20, "{on_page:#?}");
    let without_test: Vec<_> = on_page.difference(&tested).collect();
    let without_row: Vec<_> = tested.difference(&on_page).collect();
    assert!(
        without_test.is_empty() && without_row.is_empty(),
        "rows without a test: {without_test:#?}, tests without a row: {without_row:#?}"
    );
}

/// Tasks for processes of their own.
pub(crate) fn tasks() -> Vec<Task> {
    [privilege::TASKS, host::TASKS, memory::TASKS, hooks::TASKS].concat()
}

fn preflight(options: &FlowSourceBuilder) -> Report {
    within(LONGEST, options.preflight())
        .expect("preflight hangs")
        .unwrap()
}

/// A report as people are shown it.
fn words(report: &Report) -> String {
    let checks = report.checks.iter().map(|check| match &check.remedy {
        Some(remedy) if check.outcome != Outcome::Passed => format!("{check}\n    {remedy}\n"),
        _ => format!("{check}\n"),
    });
    let verdict = if report.can_capture() {
        "can capture"
    } else {
        "cannot capture"
    };
    let given_up = std::iter::once(report.to_string());
    given_up.chain(checks).chain([verdict.to_owned()]).collect()
}

/// Opens in the calling thread; an error as `main` prints it, or the report.
fn open(options: FlowSourceBuilder) -> String {
    let opened: Result<_, Error> = within(LONGEST, options.open()).expect("opening hangs");
    match opened {
        Ok(source) => source.report().to_string(),
        Err(error) => error.explain().to_string(),
    }
}
