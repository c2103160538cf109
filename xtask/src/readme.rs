//! Reads the test command from the README, so that CI runs the documented command.

use anyhow::{Result, bail};

/// Returns the only command in the fenced block with the info string `sh test`.
pub(crate) fn test_command(readme: &str) -> Result<&str> {
    let mut lines = readme.lines().map(str::trim_end);
    if !lines.any(|line| line == "```sh test") {
        bail!("cannot find the block `sh test` in README.md");
    }
    let commands: Vec<&str> = lines.take_while(|line| *line != "```").collect();
    match commands.as_slice() {
        [command] => Ok(command),
        _ => bail!("cannot choose: the block `sh test` in README.md has not just one line"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project;

    #[test]
    fn readme_has_a_test_command() {
        let readme = std::fs::read_to_string(project::root().join("README.md"));
        let Ok(readme) = readme else {
            panic!("{readme:?}");
        };
        let command = test_command(&readme).map_err(|error| error.to_string());
        assert!(
            command
                .as_ref()
                .is_ok_and(|it| it.starts_with("cargo test --workspace")),
            "{command:?}"
        );
    }

    #[test]
    fn page_has_one_line_in_one_block() {
        let readme = "x\n```sh\nno\n```\n```sh test\ncargo test\n```\n```sh\nno\n```\n";
        assert_eq!(test_command(readme).ok(), Some("cargo test"));
        assert!(test_command("```sh\ncargo test\n```\n").is_err());
        assert!(test_command("```sh test\n```\n").is_err());
        assert!(test_command("```sh test\none\ntwo\n```\n").is_err());
    }
}
