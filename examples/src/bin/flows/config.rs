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

/// Prints all errors and warnings of a file.
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

/// A configuration file, followed while flows are shown.
pub(crate) struct File {
    pub(crate) config: Config,
    path: PathBuf,
    /// Present if the file asks for it.
    changes: Option<Watcher>,
    /// The latest warning about keys without effect. It is printed once.
    unused: String,
}

impl File {
    /// Reads a file, and prints warnings about keys without effect: for `captures`, or for interfaces.
    ///
    /// # Errors
    /// All errors of the file.
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

    /// Applies a changed file, with `flags` overriding it. An invalid file changes nothing. Returns the text to
    /// print.
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

    /// Applies the file as [`follow`](Self::follow) does, even if it has not changed, and always returns a text. A pipe cannot be read
    /// again.
    pub(crate) fn read_again(
        &mut self,
        handle: &Handle,
        flags: impl FnOnce(FlowSourceBuilder) -> FlowSourceBuilder,
    ) -> String {
        self.put_in_force(Config::from_file(&self.path), handle, flags)
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

/// Describes the result of a change.
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

/// Returns the keys that have no effect on a capture file.
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
    // The exit status has the same information.
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
