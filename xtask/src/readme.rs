//! Reads the test commands from the README, so that CI runs the documented commands.

use anyhow::{Result, ensure};

/// Returns the commands in the fenced block with the info string `sh test`, one per line.
pub(crate) fn test_commands(readme: &str) -> Result<Vec<&str>> {
    let mut lines = readme.lines().map(str::trim_end);
    ensure!(
        lines.any(|line| line == "```sh test"),
        "cannot find the block `sh test` in README.md"
    );
    let commands: Vec<&str> = lines.take_while(|line| *line != "```").collect();
    ensure!(
        !commands.is_empty() && commands.iter().all(|line| !line.is_empty()),
        "cannot run the block `sh test` in README.md: a line has no command"
    );
    Ok(commands)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project;

    #[test]
    fn readme_tests_the_default_members_and_then_everything() {
        let readme = std::fs::read_to_string(project::root().join("README.md"));
        let Ok(readme) = readme else {
            panic!("{readme:?}");
        };
        let commands = test_commands(&readme).unwrap_or_default();
        let quoted = |line: &str| -> Vec<String> {
            let odd = line.split('"').skip(1).step_by(2);
            odd.map(str::to_owned).collect()
        };
        let line = |folder: &str, begin: &str| {
            let manifest = project::root().join(folder).join("Cargo.toml");
            let manifest = std::fs::read_to_string(manifest).unwrap_or_default();
            let found = manifest.lines().find(|line| line.starts_with(begin));
            found.map(quoted).unwrap_or_default()
        };
        let defaults = line(".", "default-members");
        let mut defaults: Vec<String> = defaults
            .iter()
            .flat_map(|folder| line(folder, "name"))
            .collect();
        let [first, second] = commands[..] else {
            panic!("{commands:?}");
        };
        assert_eq!(first, "cargo test");
        let mut words = second.split(" --exclude ");
        assert_eq!(words.next(), Some("cargo test --workspace"));
        // A default member that is not left out here is tested twice, another member that is left out not at all.
        let mut excluded: Vec<&str> = words.collect();
        excluded.sort_unstable();
        defaults.sort_unstable();
        assert_eq!(excluded, defaults);
    }

    #[test]
    fn each_line_of_the_block_is_a_command() {
        let readme = "x\n```sh\nno\n```\n```sh test\none\ntwo\n```\n```sh\nno\n```\n";
        assert_eq!(test_commands(readme).ok(), Some(vec!["one", "two"]));
        assert!(test_commands("```sh\ncargo test\n```\n").is_err());
        assert!(test_commands("```sh test\n```\n").is_err());
        assert!(test_commands("```sh test\none\n\ntwo\n```\n").is_err());
    }
}
