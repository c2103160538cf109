//! The configuration file, and warnings about it.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use futures::{FutureExt as _, StreamExt as _, executor::block_on};
use mermin_config::{Config, Error, Loaded, Watcher};
use mermin_core::{FlowSourceBuilder, Handle, Reconfigured, Setting};
use mermin_program::{unused, warnings};

use crate::failure::Failure;

/// Says all that there is to say about a file.
pub(crate) fn check(file: &Path) -> ExitCode {
    match Config::from_path(file) {
        Ok(loaded) => {
            say(&(warnings(&loaded) + &unused("flows", &["auto_reload"], &loaded)));
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
    path: PathBuf,
    /// There where the file asks for it.
    changes: Option<Watcher>,
    /// Last warning about keys that have no use here: once is enough.
    unused: String,
}

impl File {
    /// Reads a file, and says what of it has no effect here: of a source of `captures`, or of interfaces.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(crate) fn open(path: &Path, captures: bool) -> Result<Self, Error> {
        let loaded = Config::from_path(path)?;
        let (loaded, changes) = if loaded.config.auto_reload() && !captures {
            let (loaded, changes) = Watcher::open(path)?;
            (loaded, Some(changes))
        } else {
            (loaded, None)
        };
        let unused = unused("flows", &["auto_reload"], &loaded);
        say(&(warnings(&loaded) + &unused));
        if captures {
            say(&live_only(&loaded.config));
        }
        Ok(Self {
            config: loaded.config,
            path: path.to_owned(),
            changes,
            unused,
        })
    }

    /// Puts a changed file in force, over which `flags` puts what the program was told; one that is wrong changes nothing. Gives
    /// what there is to say.
    pub(crate) fn follow(
        &mut self,
        handle: &Handle,
        flags: impl FnOnce(FlowSourceBuilder) -> FlowSourceBuilder,
    ) -> String {
        let change = self
            .changes
            .as_mut()
            .and_then(|changes| changes.next().now_or_never());
        match change.flatten() {
            None => String::new(),
            Some(read) => self.put_in_force(read, handle, flags),
        }
    }

    /// As [`follow`](Self::follow), of the file as it is now: who asks for it gets an answer.
    pub(crate) fn read_again(
        &mut self,
        handle: &Handle,
        flags: impl FnOnce(FlowSourceBuilder) -> FlowSourceBuilder,
    ) -> String {
        self.put_in_force(Config::from_path(&self.path), handle, flags)
    }

    fn put_in_force(
        &mut self,
        read: Result<Loaded, Error>,
        handle: &Handle,
        flags: impl FnOnce(FlowSourceBuilder) -> FlowSourceBuilder,
    ) -> String {
        let loaded = match read {
            Ok(loaded) => loaded,
            Err(error) => return format!("{error}\nthe configuration in force stays\n"),
        };
        let mut said = warnings(&loaded);
        let unused = unused("flows", &["auto_reload"], &loaded);
        if unused != self.unused {
            said.push_str(&unused);
            self.unused = unused;
        }
        let changed = block_on(handle.reconfigure(flags(loaded.config.source())));
        said + &match changed {
            Ok(changed) => outcome(&changed),
            Err(error) => Failure::from(error).text(),
        }
    }
}

/// The outcome of a change, in words.
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

/// Keys that have no effect on reading a capture.
fn live_only(config: &Config) -> String {
    let usual = Config::default();
    let live = [
        ("discovery", config.discovery() != usual.discovery()),
        ("auto_reload", config.auto_reload()),
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
    fn interface_only_keys_are_named_for_capture_files() {
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
}
