//! Parses a machine's output: passed, failed and skipped tests, and the verifier's counts.

use std::collections::BTreeMap;

use super::{
    image::{BEGIN, END},
    kernels::Expected,
};

/// The error on a kernel below the oldest supported version, without the release.
const TOO_OLD: &str = ": 5.14 or newer is needed";
/// The error on a kernel without TCX.
const NO_TCX: &str = "cannot attach by TCX";

/// The result of one machine.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) passed: Vec<String>,
    /// Test and reason.
    pub(super) skipped: Vec<(String, String)>,
    pub(super) failed: Vec<String>,
    /// Instructions that the verifier processed, by program.
    pub(super) verified: BTreeMap<String, u64>,
    /// Exit status of the tests, if they ended.
    pub(super) status: Option<i32>,
}

impl Outcome {
    /// Parses a machine's output.
    pub(super) fn read(said: &str) -> Self {
        let mut outcome = Self::default();
        // A test's own output may appear between its name and its result.
        let mut running = None;
        let tests = said.split(BEGIN).nth(1).unwrap_or_default();
        for line in tests.lines() {
            if let Some(status) = line.strip_prefix(END) {
                outcome.status = status.trim().parse().ok();
            } else if let Some((name, result)) = line
                .strip_prefix("test ")
                .and_then(|rest| rest.split_once(" ... "))
            {
                let name = name.trim().to_owned();
                running = outcome.test(name, result);
            } else if let Some(rest) = line.strip_prefix("verified ") {
                let mut words = rest.split(' ');
                if let (Some(program), Some(Ok(count))) =
                    (words.next(), words.next().map(str::parse))
                {
                    outcome.verified.insert(program.to_owned(), count);
                }
            } else if let Some(name) = running.take() {
                running = outcome.test(name, line);
            }
        }
        outcome.failed.extend(running);
        outcome
    }

    /// Stores the result of a test; returns its name if this is no result.
    fn test(&mut self, name: String, result: &str) -> Option<String> {
        match result.trim() {
            "ok" => self.passed.push(name),
            result if result.starts_with("ignored") => {
                let why = result.trim_start_matches("ignored").trim();
                let why = why.trim_start_matches('(').trim_end_matches(')');
                self.skipped.push((name, why.to_owned()));
            }
            "FAILED" => self.failed.push(name),
            _ => return Some(name),
        }
        None
    }

    /// Returns faults as sentences; empty if there are none.
    pub(super) fn faults(&self, expected: Expected) -> Vec<String> {
        let mut faults = Vec::new();
        match self.status {
            None => faults.push("the tests did not come to their end".to_owned()),
            Some(0) => {}
            Some(status) => faults.push(format!("the tests ended with {status}")),
        }
        for name in &self.failed {
            faults.push(format!("`{name}` failed"));
        }
        for (name, why) in &self.skipped {
            let may = match expected {
                Expected::Refused => why.contains(TOO_OLD),
                Expected::Tc => name.ends_with("::tcx") && why.contains(NO_TCX),
                Expected::Tcx => false,
            };
            if !may && !lacks_device(why) {
                faults.push(format!("`{name}` was skipped: {why}"));
            }
        }
        match expected {
            Expected::Refused if !self.passed.is_empty() => {
                faults.push(format!("`{}` passed", self.passed.join("`, `")));
            }
            Expected::Refused if self.skipped.is_empty() => {
                faults.push("nothing was refused".to_owned());
            }
            Expected::Tc | Expected::Tcx if self.passed.is_empty() => {
                faults.push("nothing passed".to_owned());
            }
            _ => {}
        }
        faults
    }
}

/// Returns true if a test needs a device or program that this kernel or image lacks.
fn lacks_device(why: &str) -> bool {
    why.contains("is not installed")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "SeaBIOS\ntest before ... ok\n== tests begin\n\nrunning 3 tests\ntest udp::tcx ... ignored (cannot \
        attach by TCX to the ingress of `lo`)\ntest udp::tc  ... \nverified mermin_general 162947\nok\ntest strict::tc ... \
        \nthread 'main' panicked at strict.rs:1:1:\nFAILED\ntest cut ... \n== tests ended with 1\nreboot: Power down\n";

    #[test]
    fn tests_are_read_between_begin_and_end() {
        let outcome = Outcome::read(SAID);
        assert_eq!(outcome.passed, ["udp::tc"]);
        assert_eq!(outcome.failed, ["strict::tc", "cut"]);
        assert_eq!(outcome.skipped.len(), 1);
        assert_eq!(outcome.verified["mermin_general"], 162_947);
        assert_eq!(outcome.status, Some(1));
    }

    #[test]
    fn expected_outcome_depends_on_the_kernel() {
        let mut outcome = Outcome::read(SAID);
        assert_eq!(
            outcome.faults(Expected::Tc),
            [
                "the tests ended with 1",
                "`strict::tc` failed",
                "`cut` failed"
            ]
        );
        outcome.failed.clear();
        outcome.status = Some(0);
        assert!(outcome.faults(Expected::Tc).is_empty());
        assert_eq!(outcome.faults(Expected::Tcx).len(), 1);
        assert_eq!(outcome.faults(Expected::Refused).len(), 2);
        let refused = Outcome {
            skipped: vec![(
                "udp::tc".to_owned(),
                "cannot capture on Linux 5.10.0-46-cloud-amd64: 5.14 or newer is needed".to_owned(),
            )],
            status: Some(0),
            ..Outcome::default()
        };
        assert!(refused.faults(Expected::Refused).is_empty());
        assert_eq!(
            Outcome::default().faults(Expected::Tcx),
            ["the tests did not come to their end", "nothing passed"]
        );
    }
}
