//! Which of the interfaces that exist are wanted: a pure function of patterns and list.

use super::{Interface, Pattern};
use crate::error::{Error, ErrorKind};

/// Names an error shows at most: a node may have thousands.
const NAMES_SHOWN: usize = 20;

/// What patterns chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection<'a> {
    /// The interfaces that are wanted, each once, in the order of the list.
    pub(crate) chosen: Vec<&'a Interface>,
    /// Globs that matched no interface while others did.
    pub(crate) unmatched: Vec<&'a Pattern>,
}

/// Whether an interface is wanted: matched by any pattern, also when down or loopback. Without patterns, everything
/// that is up but loopback.
pub(crate) fn wanted(patterns: &[Pattern], interface: &Interface) -> bool {
    if patterns.is_empty() {
        interface.up && !interface.loopback
    } else {
        patterns
            .iter()
            .any(|pattern| pattern.matches(&interface.name))
    }
}

/// Chooses interfaces.
///
/// # Errors
/// [`ErrorKind::NoInterface`] for an exact name that does not exist, and when nothing at all is chosen.
pub(crate) fn select<'a>(
    patterns: &'a [Pattern],
    list: &'a [Interface],
) -> Result<Selection<'a>, Error> {
    let unmatched: Vec<&Pattern> = patterns
        .iter()
        .filter(|pattern| {
            !list
                .iter()
                .any(|interface| pattern.matches(&interface.name))
        })
        .collect();
    if let Some(missing) = unmatched.iter().find(|pattern| pattern.is_exact()) {
        return Err(absent(
            format!("cannot find the interface `{missing}`"),
            list,
        ));
    }
    let chosen: Vec<&Interface> = list
        .iter()
        .filter(|interface| wanted(patterns, interface))
        .collect();
    if !chosen.is_empty() {
        return Ok(Selection { chosen, unmatched });
    }
    if patterns.is_empty() {
        return Err(absent(
            "cannot find an interface that is up, loopback aside".to_owned(),
            list,
        ));
    }
    let patterns: Vec<String> = patterns
        .iter()
        .map(|pattern| format!("`{pattern}`"))
        .collect();
    Err(absent(
        format!(
            "cannot find an interface that matches {}",
            patterns.join(" or ")
        ),
        list,
    ))
}

fn absent(message: String, list: &[Interface]) -> Error {
    Error::new(ErrorKind::NoInterface, message).with_remedy(names(list))
}

fn names(list: &[Interface]) -> String {
    if list.is_empty() {
        return "there are no interfaces in this network namespace; check which one the process is in".to_owned();
    }
    let shown: Vec<&str> = list
        .iter()
        .take(NAMES_SHOWN)
        .map(|interface| interface.name.as_str())
        .collect();
    let shown = shown.join(", ");
    match list.len().saturating_sub(NAMES_SHOWN) {
        0 => format!("name one of those there are: {shown}"),
        more => {
            format!("name one of those there are: {shown} and {more} more, see `ip -brief link`")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iface::LinkLayer;

    fn interface(index: u32, name: &str, up: bool) -> Interface {
        Interface {
            index,
            name: name.to_owned(),
            kind: None,
            link: LinkLayer::Ethernet,
            mac: None,
            up,
            loopback: name == "lo",
        }
    }

    fn host() -> Vec<Interface> {
        vec![
            interface(1, "lo", true),
            interface(2, "eth0", true),
            interface(3, "eth1", false),
            interface(4, "veth0", true),
        ]
    }

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn chosen(texts: &[&str]) -> Vec<u32> {
        let (patterns, host) = (patterns(texts), host());
        let selection = select(&patterns, &host).unwrap();
        selection
            .chosen
            .iter()
            .map(|interface| interface.index)
            .collect()
    }

    #[test]
    fn without_patterns_all_that_are_up_but_loopback() {
        assert_eq!(chosen(&[]), [2, 4]);
    }

    #[test]
    fn what_is_matched_is_chosen_once_also_when_down_or_loopback() {
        assert_eq!(chosen(&["eth*", "eth0", "e*"]), [2, 3]);
        assert_eq!(chosen(&["lo"]), [1]);
        assert_eq!(chosen(&["*"]), [1, 2, 3, 4]);
        assert_eq!(chosen(&["veth0", "eth1"]), [3, 4]);
    }

    #[test]
    fn a_glob_without_match_is_said_while_others_match() {
        let (patterns, host) = (patterns(&["cali*", "eth0"]), host());
        let selection = select(&patterns, &host).unwrap();
        assert_eq!(selection.chosen.len(), 1);
        assert_eq!(selection.unmatched, [&patterns[0]]);
    }

    #[test]
    fn a_name_that_does_not_exist_is_an_error_even_when_others_match() {
        let (patterns, host) = (patterns(&["eth*", "eth7"]), host());
        let error = select(&patterns, &host).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoInterface);
        assert_eq!(error.to_string(), "cannot find the interface `eth7`");
        assert_eq!(
            error.remedy(),
            Some("name one of those there are: lo, eth0, eth1, veth0")
        );
    }

    #[test]
    fn nothing_chosen_is_an_error() {
        let globs = patterns(&["cali*", "lxc*"]);
        let error = select(&globs, &host()).unwrap_err().to_string();
        assert_eq!(
            error,
            "cannot find an interface that matches `cali*` or `lxc*`"
        );
        let down = [interface(1, "lo", true), interface(2, "eth0", false)];
        assert_eq!(
            select(&[], &down).unwrap_err().kind(),
            ErrorKind::NoInterface
        );
    }

    #[test]
    fn an_error_shows_some_of_thousands_of_names() {
        let list: Vec<Interface> = (1..=3000)
            .map(|index| interface(index, &format!("v{index}"), true))
            .collect();
        let names = patterns(&["eth0"]);
        let error = select(&names, &list).unwrap_err();
        let remedy = error.remedy().unwrap();
        assert!(
            remedy.ends_with("v20 and 2980 more, see `ip -brief link`"),
            "{remedy}"
        );
    }
}
