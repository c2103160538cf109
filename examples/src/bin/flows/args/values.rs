//! Values of options, from text.

use std::time::Duration;

use mermin_core::{Attach, flow::attributes::ALL};
use mermin_program::items;

/// Shells that have completion scripts.
pub(super) const SHELLS: [&str; 4] = ["bash", "zsh", "fish", "elvish"];

/// Most characters that are wrong in a name with an obvious correction.
const MISTYPED: usize = 2;

pub(super) fn shell(name: &str) -> Result<&'static str, String> {
    let known = SHELLS.into_iter().find(|shell| *shell == name);
    known.ok_or_else(|| format!("not one of {}", SHELLS.join(", ")))
}

pub(super) fn duration(text: &str) -> Result<Duration, &'static str> {
    let duration = match text.parse() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => humantime::parse_duration(text).ok(),
    };
    duration
        .filter(|duration| !duration.is_zero())
        .ok_or("not a time above zero, such as `90s`, `5m`, `1h30m` or a number of seconds")
}

pub(super) fn attach(mode: &str) -> Result<Attach, &'static str> {
    match mode {
        "auto" => Ok(Attach::Auto),
        "tcx" => Ok(Attach::Tcx),
        "tc" => Ok(Attach::Tc),
        _ => Err("not one of auto, tcx, tc"),
    }
}

/// Names of attributes, each once.
pub(super) fn attributes(names: &str) -> Result<Vec<&'static str>, String> {
    let mut known = Vec::new();
    for name in items(names) {
        let Some(attribute) = ALL.iter().find(|attribute| attribute.name == name) else {
            let like: Vec<_> = attributes_with(last_part(name))
                .map(|(name, _)| name)
                .collect();
            return Err(if let Some(nearest) = nearest(name) {
                format!("no attribute is `{name}`: did you mean `{nearest}`?")
            } else if like.is_empty() {
                format!("no attribute is `{name}`; docs/ATTRIBUTES.md lists them")
            } else {
                format!("no attribute is `{name}`; there are {}", like.join(", "))
            });
        };
        if !known.contains(&attribute.name) {
            known.push(attribute.name);
        }
    }
    Ok(known)
}

/// The attribute with the least mistyped characters, if those are few.
fn nearest(name: &str) -> Option<&'static str> {
    let distance = |known: &str| strsim::damerau_levenshtein(known, name);
    let nearest = ALL.iter().map(|attribute| attribute.name);
    nearest
        .min_by_key(|known| distance(known))
        .filter(|known| distance(known) <= MISTYPED)
}

fn last_part(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// Attributes that have this in their names, with what they mean.
fn attributes_with(part: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let fits = move |name: &str| !part.is_empty() && name.contains(part);
    let found = ALL.iter().filter(move |attribute| fits(attribute.name));
    found.map(|attribute| (attribute.name, attribute.meaning))
}

/// Completions of a list of attributes, whose last name is not whole yet.
pub(super) fn completed_attributes(list: &str) -> Vec<(String, Option<String>)> {
    let at = list.rfind(',').map_or(0, |comma| comma + 1);
    let (before, part) = list.split_at(at);
    let completed =
        |(name, meaning): (&str, &str)| (format!("{before}{name}"), Some(meaning.to_owned()));
    attributes_with(part).map(completed).collect()
}
