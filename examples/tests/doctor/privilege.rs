//! Missing capabilities and user namespaces.

use std::process::Command;

use rustix::thread::CapabilitySet;

use crate::{
    output::{json, mark},
    run::{DOCTOR, NEEDED, apart, as_nobody, needed, run},
};

pub(crate) fn without_capabilities() {
    let said = as_nobody(CapabilitySet::empty(), &["lo"]);
    assert_eq!((said.code, &*said.stderr), (Some(1), ""), "{said:?}");
    let refused = "\u{2717} program: cannot load the kernel program: permission denied";
    assert!(said.stdout.contains(refused), "{said:?}");
    assert!(
        said.stdout.ends_with("\nFlows cannot be captured.\n"),
        "{said:?}"
    );
    let object = json(&as_nobody(CapabilitySet::empty(), &["--json", "lo"]));
    assert_eq!(object["can_capture"], false);
    let facts = object["checks"].as_array().unwrap();
    let program = facts.iter().find(|fact| fact["subject"] == "program");
    let program = program.unwrap();
    assert_eq!(
        (&program["outcome"], &program["needed"]),
        (&"failed".into(), &true.into())
    );
    for (_, name) in NEEDED {
        assert!(
            program["remedy"].as_str().unwrap().contains(name),
            "{program}"
        );
    }
}

pub(crate) fn each_missing_capability_is_named() {
    for (missing, name) in NEEDED {
        let said = as_nobody(needed() - missing, &["lo"]);
        assert_eq!(said.code, Some(1), "{said:?}");
        for (_, other) in NEEDED {
            assert_eq!(said.stdout.contains(other), other == name, "{said:?}");
        }
    }
    // A gap that concerns some options prevents those alone.
    let said = as_nobody(needed(), &["--host"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert_eq!(mark(&said.stdout, "interfaces"), '\u{2717}', "{said:?}");
    assert!(
        said.stdout
            .contains("give the process CAP_SYS_PTRACE and CAP_SYS_ADMIN"),
        "{said:?}"
    );
}

/// All capabilities are there, and hold in a user namespace alone: that is what is said, and no capability is asked for.
pub(crate) fn user_namespace() {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", DOCTOR, "lo"]);
    let said = apart(|| run(&mut command));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(!said.stdout.contains("CAP_SYS_PTRACE"), "{said:?}");
    assert!(!said.stdout.contains("may do all"), "{said:?}");
    assert_eq!(mark(&said.stdout, "program"), '\u{2717}', "{said:?}");
    assert_eq!(mark(&said.stdout, "privilege"), '-', "{said:?}");
    let remedy = "run it as root of the host, outside of that";
    assert!(said.stdout.contains(remedy), "{said:?}");
}
