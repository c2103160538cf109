//! Arguments and exit status.

use std::process::Command;

use crate::run::{DOCTOR, run};

pub(crate) fn invalid_arguments_exit_2() {
    for arguments in [
        &["--nonsense"][..],
        &["--max-flows", "many"],
        &["--instance"],
    ] {
        let said = run(Command::new(DOCTOR).args(arguments));
        assert_eq!(said.code, Some(2), "{said:?}");
        assert_eq!(said.stdout, "");
        assert!(said.stderr.starts_with("error: "), "{said:?}");
        assert!(said.stderr.contains("usage: doctor"), "{said:?}");
    }
    for arguments in [&["eth["][..], &["--max-flows", "0"], &["--instance", "a.b"]] {
        let said = run(Command::new(DOCTOR).args(arguments));
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.stderr.starts_with("error: cannot "), "{said:?}");
        assert!(said.stderr.contains("\n  what to do: "), "{said:?}");
    }
}

pub(crate) fn help() {
    let said = run(Command::new(DOCTOR).arg("--help"));
    assert_eq!((said.code, &*said.stderr), (Some(0), ""));
    assert!(said.stdout.starts_with("usage: doctor"), "{said:?}");
}
