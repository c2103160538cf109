//! Selects interfaces: pure functions of patterns and a list.

use super::{Interface, Pattern};
use crate::error::{Error, ErrorKind};

/// Largest number of names in an error. A node may have thousands of interfaces.
const NAMES_SHOWN: usize = 20;

/// A selection of interfaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selector {
    /// Patterns of wanted interfaces. Empty: everything that is up, except loopback.
    pub(crate) include: Vec<Pattern>,
    /// Patterns of excluded interfaces.
    pub(crate) exclude: Vec<Pattern>,
    /// If no interface matches, everything that is up is wanted, as without patterns.
    pub(crate) fallback_to_all: bool,
}

/// The scope of a selector for the existing interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Interfaces that match its patterns.
    Matching,
    /// Everything that is up, except loopback.
    AllUp,
}

impl Selector {
    /// Decides between the patterns and everything that is up.
    pub(crate) fn scope<'a>(&self, interfaces: impl IntoIterator<Item = &'a Interface>) -> Scope {
        let falls_back = self.fallback_to_all && !interfaces.into_iter().any(|at| self.matches(at));
        if self.include.is_empty() || falls_back {
            Scope::AllUp
        } else {
            Scope::Matching
        }
    }

    /// Returns true if an interface is wanted. A watched interface stays wanted while it is down.
    pub(crate) fn wants(&self, scope: Scope, interface: &Interface, watched: bool) -> bool {
        match scope {
            Scope::Matching => self.matches(interface),
            Scope::AllUp => {
                (interface.up || watched) && !interface.loopback && !self.excludes(interface)
            }
        }
    }

    fn matches(&self, interface: &Interface) -> bool {
        any(&self.include, interface) && !self.excludes(interface)
    }

    fn excludes(&self, interface: &Interface) -> bool {
        any(&self.exclude, interface)
    }

    /// Returns the patterns that match no interface.
    pub(crate) fn unmatched(&self, list: &[Interface]) -> Vec<&Pattern> {
        self.include
            .iter()
            .filter(|pattern| !list.iter().any(|at| at.is_meant(pattern)))
            .collect()
    }

    /// Returns the exclusion patterns that match no interface.
    pub(crate) fn not_excluding(&self, list: &[Interface]) -> Vec<&Pattern> {
        self.exclude
            .iter()
            .filter(|pattern| !list.iter().any(|at| at.is_meant(pattern)))
            .collect()
    }

    /// Checks the selection when a source is opened. `waits` means that interfaces may appear later.
    ///
    /// # Errors
    /// [`ErrorKind::NoInterface`] if an exact name does not exist, or if no interface is wanted and the source does
    /// not wait for one.
    pub(crate) fn check(&self, list: &[Interface], waits: bool) -> Result<(), Error> {
        let scope = self.scope(list);
        let unmatched = self.unmatched(list);
        if scope == Scope::Matching
            && let Some(missing) = unmatched.iter().find(|pattern| pattern.is_exact())
        {
            let message = format!("cannot find the interface `{missing}`");
            return Err(absent(message, list));
        }
        if waits || list.iter().any(|at| self.wants(scope, at, false)) {
            return Ok(());
        }
        if scope == Scope::AllUp {
            let message = "cannot find an interface that is up, except loopback";
            return Err(absent(message.to_owned(), list));
        }
        let patterns: Vec<String> = self
            .include
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
}

fn any(patterns: &[Pattern], interface: &Interface) -> bool {
    patterns.iter().any(|pattern| interface.is_meant(pattern))
}

fn absent(message: String, list: &[Interface]) -> Error {
    let remedy = if list.is_empty() {
        "there are no interfaces in this network namespace; check which one the process is in"
            .to_owned()
    } else {
        format!("name one of those there are: {}", names(list))
    };
    Error::new(ErrorKind::NoInterface, message).with_remedy(remedy)
}

/// Formats names of interfaces for people.
pub(crate) fn names(list: &[Interface]) -> String {
    let shown: Vec<&str> = list
        .iter()
        .take(NAMES_SHOWN)
        .map(|interface| interface.name.as_str())
        .collect();
    let shown = shown.join(", ");
    match list.len().saturating_sub(NAMES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more, see `ip -brief link`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iface::example;

    fn host() -> Vec<Interface> {
        vec![
            example(1, "lo", true),
            example(2, "eth0", true),
            example(3, "eth1", false),
            example(4, "veth0", true),
        ]
    }

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn selector(include: &[&str], exclude: &[&str]) -> Selector {
        Selector {
            include: patterns(include),
            exclude: patterns(exclude),
            fallback_to_all: false,
        }
    }

    fn wanted(selector: &Selector, list: &[Interface]) -> Vec<u32> {
        let scope = selector.scope(list);
        list.iter()
            .filter(|at| selector.wants(scope, at, false))
            .map(|at| at.index)
            .collect()
    }

    #[test]
    fn selection_follows_patterns_and_link_state() {
        for (include, exclude, expected) in [
            // Without patterns: everything that is up, except loopback.
            (&[][..], &[][..], &[2, 4][..]),
            (&[], &["v*"], &[2]),
            // A matching interface is wanted even if it is down or loopback.
            (&["eth*", "eth0", "e*"], &[], &[2, 3]),
            (&["lo"], &[], &[1]),
            (&["*"], &[], &[1, 2, 3, 4]),
            (&["veth0", "eth1"], &[], &[3, 4]),
            // An excluded interface is not wanted, in any notation.
            (&["*"], &["lo", "/eth[0-9]/"], &[4]),
            (&["/v?eth[0-9]+/"], &["*1"], &[2, 4]),
            (&["eth0"], &["eth0"], &[]),
        ] {
            let selector = selector(include, exclude);
            assert_eq!(
                wanted(&selector, &host()),
                expected,
                "{include:?} {exclude:?}"
            );
        }
    }

    #[test]
    fn fallback_watches_every_interface_without_a_match() {
        let mut selector = selector(&["cali*", "tunl*"], &["veth*"]);
        selector.fallback_to_all = true;
        assert_eq!(wanted(&selector, &host()), [2]);
        let mut host = host();
        host.push(example(5, "cali1", false));
        assert_eq!(wanted(&selector, &host), [5]);
        // An excluded interface does not count as a match.
        selector.exclude = patterns(&["cali*"]);
        assert_eq!(wanted(&selector, &host), [2, 4]);
    }

    #[test]
    fn watched_interface_stays_watched_while_down() {
        let all = Selector::default();
        let down = example(3, "eth1", false);
        assert!(!all.wants(Scope::AllUp, &down, false));
        assert!(all.wants(Scope::AllUp, &down, true));
        let excluded = selector(&[], &["eth1"]);
        assert!(!excluded.wants(Scope::AllUp, &down, true));
    }

    #[test]
    fn unknown_name_is_an_error_even_when_others_match() {
        let selector = selector(&["eth*", "eth7"], &[]);
        let error = selector.check(&host(), true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoInterface);
        assert_eq!(error.to_string(), "cannot find the interface `eth7`");
        assert_eq!(
            error.remedy(),
            Some("name one of those there are: lo, eth0, eth1, veth0")
        );
    }

    #[test]
    fn no_match_is_an_error_only_without_hot_plug() {
        let globs = selector(&["cali*", "eth*"], &[]);
        assert_eq!(globs.unmatched(&host()), [&globs.include[0]]);
        let globs = selector(&["cali*", "lxc*"], &[]);
        assert!(globs.check(&host(), true).is_ok());
        let error = globs.check(&host(), false).unwrap_err().to_string();
        assert_eq!(
            error,
            "cannot find an interface that matches `cali*` or `lxc*`"
        );
        let down = [example(1, "lo", true), example(2, "eth0", false)];
        let error = Selector::default().check(&down, false).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoInterface);
        assert!(Selector::default().check(&down, true).is_ok());
    }

    #[test]
    fn error_shows_some_of_thousands_of_names() {
        let list: Vec<Interface> = (1..=3000)
            .map(|index| example(index, &format!("v{index}"), true))
            .collect();
        let error = selector(&["eth0"], &[]).check(&list, true).unwrap_err();
        let remedy = error.remedy().unwrap();
        assert!(
            remedy.ends_with("v20 and 2980 more, see `ip -brief link`"),
            "{remedy}"
        );
    }
}
