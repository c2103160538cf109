//! What a configuration file says, and what is said about it.

use std::{
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use futures::{FutureExt as _, StreamExt as _, executor::block_on};
use mermin_config::{Config, Error, Loaded, Watcher};
use mermin_core::{FlowSourceBuilder, Handle, Reconfigured, Setting};

use crate::failure::Failure;

/// Says all that there is to say about a file.
pub(crate) fn check(file: &Path) -> ExitCode {
    match Config::from_path(file) {
        Ok(loaded) => {
            say(&remarks(&loaded));
            say(&format!("{}: no errors\n", file.display()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("{error}\n"));
            ExitCode::FAILURE
        }
    }
}

/// A configuration, and what comes of its file while flows are shown.
pub(crate) struct File {
    pub(crate) config: Config,
    /// There where the file asks for it.
    changes: Option<Watcher>,
}

impl File {
    /// Reads a file, and says what of it has no effect here: of a source of `captures`, or of interfaces.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(crate) fn open(file: &Path, captures: bool) -> Result<Self, Error> {
        let loaded = Config::from_path(file)?;
        let (loaded, changes) = if *loaded.config.auto_reload() && !captures {
            let (loaded, changes) = Watcher::open(file)?;
            (loaded, Some(changes))
        } else {
            (loaded, None)
        };
        say(&remarks(&loaded));
        if captures {
            say(&live_only(&loaded.config));
        }
        Ok(Self {
            config: loaded.config,
            changes,
        })
    }

    /// Puts a changed file in force, over which `flags` puts what the program was told; one that is wrong changes nothing.
    pub(crate) fn follow(
        &mut self,
        handle: &Handle,
        flags: impl FnOnce(FlowSourceBuilder) -> FlowSourceBuilder,
    ) {
        let change = self
            .changes
            .as_mut()
            .and_then(|changes| changes.next().now_or_never());
        let said = match change.flatten() {
            None => return,
            Some(Err(error)) => format!("{error}\n"),
            Some(Ok(loaded)) => {
                say(&remarks(&loaded));
                match block_on(handle.reconfigure(flags(loaded.config.source()))) {
                    Ok(changed) => outcome(&changed),
                    Err(error) => Failure::from(error).text(),
                }
            }
        };
        say(&said);
    }
}

/// What became of a change.
fn outcome(changed: &Reconfigured) -> String {
    let names =
        |settings: &[Setting]| -> Vec<&str> { settings.iter().map(|it| it.as_str()).collect() };
    let mut said = String::from("the configuration has changed\n");
    for (what, settings) in [
        ("in force now", &changed.applied),
        ("in force after a restart", &changed.needs_restart),
    ] {
        if !settings.is_empty() {
            said.push_str(&[what, ": ", &names(settings).join(", "), "\n"].concat());
        }
    }
    said
}

fn remarks(loaded: &Loaded) -> String {
    let mut remarks: Vec<String> = loaded
        .warnings
        .iter()
        .map(|it| format!("{it}\n\n"))
        .collect();
    let unused = loaded
        .for_application
        .iter()
        .filter(|key| *key != "auto_reload");
    let unused: Vec<&str> = unused.map(String::as_str).collect();
    if !unused.is_empty() {
        let keys = unused.join(", ");
        remarks.push(format!("flows has no use for {keys}\n"));
    }
    remarks.concat()
}

/// What has no effect on reading a capture.
fn live_only(config: &Config) -> String {
    let usual = Config::default();
    let live = [
        ("discovery", config.discovery() != usual.discovery()),
        ("auto_reload", *config.auto_reload()),
    ];
    let given = live.iter().filter(|(_, given)| *given);
    let lines: Vec<String> = given
        .map(|(key, _)| format!("{key} has no effect with `--pcap`\n"))
        .collect();
    lines.concat()
}

fn say(text: &str) {
    // The exit status says it as well.
    let _ = io::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_interfaces_is_named() {
        let loaded: Loaded = "auto_reload = true\n".parse().unwrap();
        assert_eq!(
            live_only(&loaded.config),
            "auto_reload has no effect with `--pcap`\n"
        );
        let loaded: Loaded = "discovery \"instrument\" {\n  interfaces = [\"eth0\"]\n}\n"
            .parse()
            .unwrap();
        assert!(live_only(&loaded.config).starts_with("discovery has"));
        assert_eq!(live_only(&Config::default()), "");
    }

    #[test]
    fn nothing_is_ignored_in_silence() {
        let loaded: Loaded = "log_level = \"info\"\nauto_reload = true\npacket_worker_count = 1\n"
            .parse()
            .unwrap();
        let remarks = remarks(&loaded);
        assert!(
            remarks.contains("packet_worker_count` has no effect"),
            "{remarks}"
        );
        assert!(
            remarks.ends_with("flows has no use for log_level\n"),
            "{remarks}"
        );
    }
}
