//! Converts the library's remedies for people with a file: options of the builder become keys of the file.

use std::error::Error;

use mermin_program::{explained, visible_lines};

/// Phrases of the library, and those of the agent. A longer phrase precedes the shorter ones that it contains.
const WORDS: &[(&str, &str)] = &[
    ("`max_flows`", "`flow_stats_capacity`"),
    ("for max_flows", "for `flow_stats_capacity`"),
    ("`close_within`", "`shutdown_timeout`"),
    (
        "look after the receiver, or put `sink::retry` around the sink; the next `run` gives these flows again",
        "look after the receiver; with `instance`, the next agent exports these flows again",
    ),
    (
        "with `hostNetwork: true` the host's interfaces are this process's own, and `NetNs::Own` sees them",
        "with `hostNetwork: true`, the host's interfaces are this process's own: `netns = \"own\"`",
    ),
    ("`NetNs::Host`", "`netns = \"host\"`"),
    ("with `Attach::Auto`", "with `attach = \"auto\"`"),
    ("leave `pinning` out", "leave `instance` out"),
    ("another source owns it", "another process has it"),
    ("open another source when", "start the agent again when"),
    (
        "or open a second source for the rest",
        "or start a second agent for the rest",
    ),
    (
        "before this source is opened",
        "before the agent is started",
    ),
    // The agent leaves its pins when it ends, so that the next one misses no packet.
    (
        "close a source before its options change; leave its pins to it",
        "nothing, if the options of the instance were changed: it is said once. Leave pins to the agent",
    ),
    (
        "close a source, without `persist`, before a version with another layout replaces it",
        "nothing: it is said once. Before such an update, stop the agent and remove its pins",
    ),
    (
        "close the source once, without `persist`, and open it again",
        "stop the agent, remove its pins (the folder of the instance below `pin_path`), and start it again",
    ),
    ("by `tunnel_ports`", "in the block `parser`"),
    (
        "take the port from one, as in `tunnel_ports(TunnelKind::.., [])` for",
        "give another port in the block `parser` to",
    ),
    (
        "count packets in their outer flow: `decapsulation(Decapsulation::None)`",
        "nothing: two are what is taken off",
    ),
];

/// Converts a remedy, or an error with one, from the library's names to keys of the file.
#[must_use]
pub(crate) fn words(text: &str) -> String {
    WORDS
        .iter()
        .fold(text.to_owned(), |text, (name, key)| text.replace(name, key))
}

/// Prints an error on standard error, with its cause and its remedy if it has them.
pub(crate) fn say(error: &(dyn Error + 'static)) {
    eprintln!("error: {}", visible_lines(&words(&explained(error))));
}

#[cfg(test)]
mod tests {
    use mermin_testing::sentences;

    use super::*;

    /// Modules of the library whose texts the agent shows.
    const SHOWN: [&str; 6] = ["attach", "bpf", "iface", "probe", "report", "source"];
    /// Names that only a program can use.
    const NAMES: [&str; 14] = [
        "Attach::",
        "NetNs::",
        "Decapsulation::",
        "TunnelKind::",
        "max_flows",
        "`pinning`",
        "`persist`",
        "close_within",
        "sink::",
        "tunnel_ports",
        "hot_plug",
        "`fallback_to_all`",
        "another source",
        "second source",
    ];
    /// Texts about capture files and other processes, which the agent does not have, and about an option that it leaves off.
    const OTHERS: [&str; 2] = ["open another source for the file", "`strict`"];

    #[test]
    fn remedies_name_keys_instead_of_library_methods() {
        let found = sentences(&SHOWN);
        for (phrase, _) in WORDS {
            let is_there = found.iter().any(|text| text.contains(phrase));
            assert!(is_there, "no sentence has `{phrase}`");
        }
        let amiss: Vec<String> = found
            .iter()
            .map(|text| words(text))
            .filter(|text| NAMES.iter().any(|name| text.contains(name)))
            .filter(|text| OTHERS.iter().all(|other| !text.contains(other)))
            .collect();
        assert!(amiss.is_empty(), "{amiss:#?}");
    }
}
