//! Debian source packages with captures, and this machine's package sources.

use std::{collections::BTreeSet, fmt::Write as _};

use anyhow::{Context, Result, ensure};

use crate::shell;

/// A source package.
pub(super) struct Source {
    pub(super) name: &'static str,
    /// Distributions that may have it. Several, because a file in an index may be missing in the archive.
    pub(super) suites: &'static [&'static str],
}

pub(super) const SOURCES: [Source; 6] = [
    // Wireless networks.
    Source {
        name: "aircrack-ng",
        suites: &["bookworm", "trixie", "sid"],
    },
    // Blocks of pcapng of either byte order.
    Source {
        name: "golang-github-gopacket-gopacket",
        suites: &["trixie", "sid"],
    },
    Source {
        name: "ndpi",
        suites: &["bookworm"],
    },
    Source {
        name: "suricata",
        suites: &["sid", "trixie", "bookworm"],
    },
    Source {
        name: "tcpdump",
        suites: &["sid", "trixie", "bookworm"],
    },
    Source {
        name: "wireshark",
        suites: &["bookworm", "bookworm-security", "trixie", "sid"],
    },
];

const SECURITY: &str = "-security";
/// Keys of the archive, for any mirror.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Returns lines for a list of apt sources: every suite, at the mirrors in this machine's own list.
pub(super) fn list() -> Result<String> {
    let mut command =
        shell::command("apt-get indextargets --format $(ORIGIN)|$(REPO_URI)|$(RELEASE)")?;
    let said = shell::read(command.arg("Created-By: Packages"))
        .context("cannot tell where packages come from: this needs Debian's apt")?;
    let list = lines(&said);
    ensure!(
        !list.is_empty(),
        "apt names no place where Debian's packages are"
    );
    Ok(list)
}

fn lines(said: &str) -> String {
    let mut places = BTreeSet::new();
    for line in said.lines() {
        let mut words = line.split('|');
        if let (Some("Debian"), Some(place), Some(suite)) =
            (words.next(), words.next(), words.next())
        {
            places.insert((suite.ends_with(SECURITY), place));
        }
    }
    let suites: BTreeSet<&str> = SOURCES
        .iter()
        .flat_map(|source| source.suites)
        .copied()
        .collect();
    let mut text = String::new();
    for suite in suites {
        for &(security, place) in &places {
            if security == suite.ends_with(SECURITY) {
                // Writing to a string does not fail.
                let _ = writeln!(text, "deb-src [signed-by={KEYRING}] {place} {suite} main");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apt_sources_are_derived_from_the_installed_ones() {
        let said = "Debian|http://mirror/debian/|bookworm\nDebian|http://mirror/debian/|bookworm-updates\n\
                    Other|http://other/|stable\nDebian|http://mirror/security/|bookworm-security\n";
        let text = lines(said);
        assert!(
            text.contains("] http://mirror/debian/ sid main\n"),
            "{text}"
        );
        assert!(text.contains("] http://mirror/security/ bookworm-security main\n"));
        assert!(!text.contains("other"));
        assert_eq!(text.lines().count(), 4);
    }
}
