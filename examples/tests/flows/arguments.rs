//! Arguments and exit status.

use libtest_mimic::Failed;

use crate::{
    common::ensure,
    support::{flows, run},
};

pub(crate) fn bad_arguments_exit_2() -> Result<(), Failed> {
    for arguments in [
        &["--nonsense"][..],
        &["eth0"],
        &["--duration", "soon"],
        &["--attach", "xdp"],
        &["--demo", "--interface", "eth0"],
        &["--check"],
    ] {
        let finished = run(flows().args(arguments))?;
        ensure(
            finished.code == Some(2),
            format!("{arguments:?}: {finished:?}"),
        )?;
        ensure(finished.stdout.is_empty(), format!("{finished:?}"))?;
        ensure(
            finished.stderr.contains("flows --help"),
            format!("{finished:?}"),
        )?;
        ensure(
            !finished.stderr.contains("panicked"),
            format!("{finished:?}"),
        )?;
    }
    Ok(())
}

pub(crate) fn help_and_version_exit_0() -> Result<(), Failed> {
    for (argument, expected) in [("--help", "Usage: flows"), ("--version", "flows 0.")] {
        let finished = run(flows().arg(argument))?;
        ensure(finished.code == Some(0), format!("{finished:?}"))?;
        ensure(finished.stdout.contains(expected), format!("{finished:?}"))?;
        ensure(finished.stderr.is_empty(), format!("{finished:?}"))?;
    }
    Ok(())
}
