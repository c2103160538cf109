//! Checks and degradations, as text and as JSON.

use std::collections::BTreeSet;

use rustix::thread::CapabilitySet;

use crate::{
    output::{facts, json, mark},
    page,
    run::{as_nobody, doctor, needed, unpinned},
};

pub(crate) fn healthy_host_passes_every_check() {
    let said = doctor(&["--max-flows", "64", "lo"]);
    assert_eq!((said.code, &*said.stderr), (Some(0), ""), "{said:?}");
    for subject in ["kernel", "program", "tc", "memory", "interfaces"] {
        assert_eq!(mark(&said.stdout, subject), '\u{2713}', "{said:?}");
    }
    assert!(
        said.stdout.ends_with("\nFlows can be captured.\n"),
        "{said:?}"
    );
}

pub(crate) fn json_has_the_same_checks() {
    let text = as_nobody(needed(), &["lo"]);
    let object = as_nobody(needed(), &["--json", "lo"]);
    assert_eq!((text.code, object.code), (Some(0), Some(0)), "{text:?}");
    let object = json(&object);
    assert_eq!(object["can_capture"], true);
    let told = facts(&text.stdout);
    let marks: BTreeSet<char> = told.iter().map(|fact| fact.0).collect();
    // Nothing that flows can be captured without has a cross.
    assert_eq!(marks, BTreeSet::from(['\u{2713}', '-', '?']), "{text:?}");
    assert_eq!(mark(&text.stdout, "privilege"), '-', "{text:?}");
    let facts = object["checks"].as_array().unwrap();
    assert_eq!(facts.len(), told.len());
    for (fact, (mark, subject, found)) in facts.iter().zip(told) {
        assert_eq!(fact["subject"], subject);
        let outcome = match mark {
            '\u{2713}' => "passed",
            '?' => "untested",
            _ => "failed",
        };
        assert_eq!(fact["outcome"], outcome, "{subject}");
        // Free memory changes all the time.
        assert!(
            subject == "memory" || fact["found"] == found,
            "{fact} {found}"
        );
        assert!(fact["needed"].is_boolean(), "{fact}");
        if let Some(remedy) = fact["remedy"].as_str().filter(|_| outcome != "passed") {
            assert!(
                text.stdout.contains(&format!("\n    {remedy}\n")),
                "{remedy}"
            );
        }
    }
}

pub(crate) fn degradations_are_shown() {
    let said = unpinned(&[]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let line = "\ngiven up: pinning: what is at `/sys/fs/bpf` is no BPF file system; ";
    assert!(said.stdout.contains(line), "{said:?}");
    let object = json(&unpinned(&["--json"]));
    let given_up = object["degradations"].as_array().unwrap();
    assert_eq!(given_up.len(), 1, "{object}");
    for key in ["feature", "cause", "fallback", "impact", "remedy"] {
        let text = given_up[0][key].as_str().unwrap();
        assert!(said.stdout.contains(text), "{key}: {text}");
    }
    let strict = unpinned(&["--strict"]);
    assert_eq!(strict.code, Some(1), "{strict:?}");
}

/// Each line with a cross or a question mark has a row that tells about it.
pub(crate) fn problems_are_shown_with_remedies() {
    let runs = [
        as_nobody(CapabilitySet::empty(), &["lo"]),
        as_nobody(needed(), &["--host"]),
        as_nobody(needed(), &["v9"]),
        unpinned(&[]),
    ];
    let mut amiss = 0;
    for said in &runs {
        for (mark, subject, found) in facts(&said.stdout) {
            if mark != '\u{2713}' {
                let mut rows = page::troubleshooting()
                    .into_iter()
                    .filter(|cell| cell.contains('`'));
                let line = format!("{subject}: {found}");
                assert!(
                    rows.any(|cell| page::lacking(cell, &line).is_none()),
                    "{line}"
                );
                amiss += 1;
            }
        }
    }
    assert!(amiss >= 8, "{runs:?}");
}
