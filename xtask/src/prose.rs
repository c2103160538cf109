//! Finds sentences that open with a question word and are not questions.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use crate::links::files;

/// A sentence begins with its subject: "Octets of a frame", not a clause.
const OPENERS: [&str; 3] = ["What", "Whether", "Who"];

/// Returns such sentences in pages and comments below a directory, each with its file.
pub(crate) fn faults(root: &Path) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for path in files(root)? {
        let text = fs::read_to_string(&path)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        let name = path.strip_prefix(root).unwrap_or(&path).display();
        let paragraphs = match path.extension().and_then(|kind| kind.to_str()) {
            Some("md") => paragraphs(page(&text)),
            Some("rs") => paragraphs(comments(&text)),
            _ => continue,
        };
        for paragraph in paragraphs {
            let waiting = sentences(&paragraph).filter(|sentence| opens_so(sentence));
            faults.extend(waiting.map(|sentence| format!("{name}: {sentence}")));
        }
    }
    Ok(faults)
}

/// Returns the lines of a page, except code.
fn page(text: &str) -> impl Iterator<Item = &str> {
    text.split("```").step_by(2).flat_map(str::lines)
}

/// Returns the lines of comments, and an empty line for each line of code, which ends a paragraph.
fn comments(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| {
        let line = line.trim_start();
        ["///", "//!", "//"]
            .into_iter()
            .find_map(|marker| line.strip_prefix(marker))
            .unwrap_or("")
    })
}

/// Joins the lines of each paragraph. List items, headings and table cells are paragraphs of their own.
fn paragraphs<'t>(lines: impl Iterator<Item = &'t str>) -> Vec<String> {
    let mut paragraphs = Vec::new();
    let mut current = String::new();
    for line in lines.map(str::trim).chain([""]) {
        let begins = line.is_empty() || line.starts_with(['*', '-', '#', '|', '>']);
        if begins && !current.is_empty() {
            paragraphs.push(std::mem::take(&mut current));
        }
        if line.starts_with('|') {
            paragraphs.extend(line.split('|').map(|cell| cell.trim().to_owned()));
        } else if !line.is_empty() {
            current.push_str(line);
            current.push(' ');
        }
    }
    paragraphs
}

/// Returns sentences with their final punctuation mark.
fn sentences(paragraph: &str) -> impl Iterator<Item = &str> {
    paragraph
        .split_inclusive(". ")
        .flat_map(|part| part.split_inclusive("? "))
        .map(|sentence| sentence.trim_start_matches(['*', '-', '#', '>', ' ']))
}

/// Returns true if a sentence opens with one of the words.
fn opens_so(sentence: &str) -> bool {
    let first = sentence.split(|it: char| !it.is_alphabetic()).next();
    first.is_some_and(|word| OPENERS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project;

    #[test]
    fn no_sentence_opens_with_a_question_word() {
        let faults = faults(project::root()).unwrap();
        assert!(faults.is_empty(), "{faults:#?}");
    }

    #[test]
    fn question_openings_are_found() {
        let waiting = |lines: &str| {
            let paragraphs = paragraphs(comments(lines));
            let all = paragraphs.iter().flat_map(|it| sentences(it));
            all.filter(|it| opens_so(it)).count()
        };
        let [what, whether, who] = OPENERS;
        assert_eq!(waiting(&format!("/// {what} it is.")), 1);
        assert_eq!(
            waiting(&format!("// It is. {whether} it was\n// is known.")),
            1
        );
        assert_eq!(
            waiting(&format!("//! * {who} asks is told.\n//! * A list.")),
            1
        );
        assert_eq!(waiting(&format!("/// It knows\n/// {what} it is.")), 0);
        assert_eq!(waiting(&format!("let a = \"{what} it is.\";")), 0);
    }
}
