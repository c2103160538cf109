//! Converts the library's remedies for people at a shell: options of the builder become flags and keys.

/// A program and its names for the library's options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `flows`.
    Flows,
    /// `doctor`.
    Doctor,
}

/// Phrases for both programs. A longer phrase precedes the shorter ones that it contains.
const COMMON: &[(&str, &str)] = &[
    ("`max_flows`", "`--max-flows`"),
    (
        "with `hostNetwork: true` the host's interfaces are this process's own, and `NetNs::Own` sees them",
        "with `hostNetwork: true` the host's interfaces are this process's own",
    ),
    ("open another source when", "start this again when"),
    (
        "or open a second source for the rest",
        "or start a second one for the rest",
    ),
    ("before this source is opened", "before this is started"),
    ("leave `strict` off", "leave `--strict` out"),
    ("leave `pinning` out", "leave the instance out"),
    (
        "close a source before its options change; leave its pins to it",
        "end the process by Ctrl-C before its options change, and leave its pins alone",
    ),
    (
        "close a source, without `persist`, before",
        "end the process by Ctrl-C before",
    ),
    (
        "close the source once, without `persist`, and open it again",
        "end the process by Ctrl-C once, and start it again",
    ),
    (
        "end the process by closing its source",
        "end the process by Ctrl-C or SIGTERM",
    ),
    (
        "give its decompressing reader to `pcap_reader`",
        "read it from a pipe: `zcat FILE | flows --pcap -`",
    ),
    (
        "give each source a reader of its own by `pcap_reader`",
        "start this again",
    ),
    (
        "by `tunnel_ports`",
        "in the block `parser` of the file of `--config`",
    ),
    (
        "take the port from one, as in `tunnel_ports(TunnelKind::.., [])` for",
        "give another port in the block `parser` of the file to",
    ),
    (
        "count packets in their outer flow: `decapsulation(Decapsulation::None)`",
        "nothing: two are what is taken off",
    ),
    (
        "open another source for the file",
        "start another `flows` for the file",
    ),
    ("for max_flows", "for `--max-flows`"),
    ("another source owns it", "another process has it"),
    ("with `Attach::Auto`", "with `--attach auto`"),
];

const FLOWS: &[(&str, &str)] = &[
    ("`exclude`", "`--exclude`"),
    ("`interfaces`", "`--interface`"),
    (
        "`NetNs::Host`",
        "`netns = \"host\"` in the file of `--config`",
    ),
    (
        "(`tc_priority`)",
        "(`tc_priority` in the file of `--config`)",
    ),
];

const DOCTOR: &[(&str, &str)] = &[
    (
        "leave it out by `exclude`",
        "leave it out of the names given",
    ),
    ("choose fewer by `interfaces`", "name fewer"),
    ("`NetNs::Host`", "`--host`"),
    (
        "(`tc_priority`)",
        "(`tc_priority` in a file for `flows --config`)",
    ),
];

impl Program {
    /// Converts a remedy, or a report with remedies, from the library's names to flags and keys of files.
    #[must_use]
    pub fn words(self, text: &str) -> String {
        let own = match self {
            Self::Flows => FLOWS,
            Self::Doctor => DOCTOR,
        };
        COMMON
            .iter()
            .chain(own)
            .fold(text.to_owned(), |text, (name, flag)| {
                text.replace(name, flag)
            })
    }
}

#[cfg(test)]
#[path = "../testing/src/sentences.rs"]
#[expect(
    unreachable_pub,
    reason = "a file of mermin-testing, which makes it public"
)]
mod sentences;

#[cfg(test)]
mod tests {
    use super::{sentences::sentences, *};

    /// Modules of the library whose texts are shown to people.
    const SHOWN: [&str; 8] = [
        "attach", "bpf", "iface", "probe", "report", "source", "pcap", "filter",
    ];
    /// Names that only a program can use.
    const NAMES: [&str; 15] = [
        "Attach::",
        "NetNs::",
        "Decapsulation::",
        "TunnelKind::",
        "max_flows",
        "`strict`",
        "`exclude`",
        "`interfaces`",
        "`pinning`",
        "`persist`",
        "tunnel_ports",
        "pcap_reader",
        "hot_plug",
        "`fallback_to_all`",
        "another source",
    ];

    #[test]
    fn remedies_name_program_options_instead_of_library_methods() {
        let found = sentences(&SHOWN);
        assert!(
            found.iter().any(|text| text.contains("`max_flows`")),
            "{}",
            found.len()
        );
        let amiss: Vec<String> = [Program::Flows, Program::Doctor]
            .into_iter()
            .flat_map(|program| found.iter().map(move |text| program.words(text)))
            .filter(|text| NAMES.iter().any(|name| text.contains(name)))
            .collect();
        assert!(amiss.is_empty(), "{amiss:#?}");
    }
}
