//! Finds faults in texts: links that lead nowhere in a checkout or to a repository without this project, and
//! unfinished merges.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// Directories without pages of this project.
const NOT_OURS: [&str; 3] = ["target", ".git", "corpus"];
/// Another project's repository, which has none of these crates.
const ELSEWHERE: &str = concat!("github.com/", "elastiflow/mermin");
/// Git writes this marker above the first side of a conflict.
const UNMERGED: &str = concat!("<<<<<<", "< ");

/// Returns the faults in all files of these kinds below a directory.
pub(crate) fn faults(root: &Path) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for path in files(root)? {
        let text = fs::read_to_string(&path)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        let name = path.strip_prefix(root).unwrap_or(&path).display();
        if text.contains(ELSEWHERE) {
            faults.push(format!("{name}: names `{ELSEWHERE}`"));
        }
        if text.lines().any(|line| line.starts_with(UNMERGED)) {
            faults.push(format!("{name}: holds both sides of a merge"));
        }
        if path.extension().is_some_and(|kind| kind == "md") {
            let dead = links(&text).filter(|link| !leads_somewhere(&path, &text, link));
            faults.extend(dead.map(|link| format!("{name}: `{link}` leads nowhere")));
        }
    }
    Ok(faults)
}

/// Returns pages, manifests and sources.
pub(crate) fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = fs::read_dir(directory)
        .with_context(|| format!("cannot list `{}`", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        let kind = path.extension().and_then(|kind| kind.to_str());
        if path.is_dir() && !path.is_symlink() {
            if !NOT_OURS.iter().any(|name| path.ends_with(name)) {
                found.extend(files(&path)?);
            }
        } else if matches!(kind, Some("md" | "toml" | "rs")) && path.is_file() {
            found.push(path);
        }
    }
    Ok(found)
}

/// Returns the targets of a page's links, outside of code.
fn links(page: &str) -> impl Iterator<Item = &str> {
    page.split("```")
        .step_by(2)
        .flat_map(|prose| prose.split("](").skip(1))
        .filter_map(|rest| rest.split(')').next())
}

/// Returns true if a link of a page at `path` has a target. Links to the network are not checked.
fn leads_somewhere(path: &Path, page: &str, link: &str) -> bool {
    if link.starts_with("https://") {
        return true;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    if file.is_empty() {
        return has(page, anchor);
    }
    let target = path.with_file_name(file);
    let anchored = || fs::read_to_string(&target).is_ok_and(|page| has(&page, anchor));
    target.exists() && (anchor.is_empty() || anchored())
}

/// Returns true if a page has a heading with this anchor.
fn has(page: &str, anchor: &str) -> bool {
    page.lines()
        .filter_map(|line| line.strip_prefix('#'))
        .any(|heading| slug(heading.trim_start_matches('#')) == anchor)
}

/// Returns the anchor of a heading: words in lower case, joined by hyphens.
fn slug(heading: &str) -> String {
    heading
        .trim()
        .to_lowercase()
        .chars()
        .filter(|it| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_'))
        .map(|it| if it == ' ' { '-' } else { it })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project;

    #[test]
    fn no_page_has_a_broken_link() {
        let faults = faults(project::root()).unwrap();
        assert!(faults.is_empty(), "{faults:#?}");
    }

    #[test]
    fn broken_links_are_reported() {
        let root = std::env::temp_dir().join(format!("mermin-links-{}", std::process::id()));
        fs::create_dir_all(root.join("docs")).unwrap();
        fs::write(root.join("docs/THERE.md"), "# A head, with `code`\n").unwrap();
        let page = "[a](docs/THERE.md) [b](docs/THERE.md#a-head-with-code) [c](#one)\n\
                    [d](docs/GONE.md) [e](docs/THERE.md#gone) [f](#gone) [g](https://example.org/)\n\
                    ```rust\nlet [x](y);\n```\n## One\n";
        fs::write(root.join("README.md"), page).unwrap();
        let manifest = format!("repository = \"https://{ELSEWHERE}\"\n");
        fs::write(root.join("Cargo.toml"), manifest).unwrap();
        let merged = format!("{UNMERGED}ours\nmod a;\n");
        fs::write(root.join("merged.rs"), merged).unwrap();
        let mut told = faults(&root).unwrap();
        told.sort();
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(
            told,
            [
                format!("Cargo.toml: names `{ELSEWHERE}`"),
                "README.md: `#gone` leads nowhere".to_owned(),
                "README.md: `docs/GONE.md` leads nowhere".to_owned(),
                "README.md: `docs/THERE.md#gone` leads nowhere".to_owned(),
                "merged.rs: holds both sides of a merge".to_owned(),
            ]
        );
    }
}
