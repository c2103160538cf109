//! What a configuration file says, and what is said about it.

use std::{
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use mermin_config::{Config, Error, Loaded};

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

/// Reads a file, and says what of it has no effect here.
///
/// # Errors
/// All that is wrong with it.
pub(crate) fn load(file: &Path) -> Result<Config, Error> {
    let loaded = Config::from_path(file)?;
    say(&remarks(&loaded));
    Ok(loaded.config)
}

fn remarks(loaded: &Loaded) -> String {
    let mut remarks: Vec<String> = loaded
        .warnings
        .iter()
        .map(|it| format!("{it}\n\n"))
        .collect();
    if !loaded.for_application.is_empty() {
        let keys = loaded.for_application.join(", ");
        remarks.push(format!("flows has no use for {keys}\n"));
    }
    remarks.concat()
}

fn say(text: &str) {
    // The exit status says it as well.
    let _ = io::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_ignored_in_silence() {
        let loaded: Loaded = "log_level = \"info\"\npacket_worker_count = 1\n"
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
