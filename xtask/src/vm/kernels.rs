//! The tested kernels. Add a row for a new one.

/// A series of Debian kernels; the newest release is tested.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kernel {
    /// Its name on the command line.
    pub(crate) series: &'static str,
    /// Prefix and suffix of a release's name.
    release: [&'static str; 2],
    /// The Debian suite.
    pub(super) suite: &'static str,
    pub(super) expected: Expected,
}

/// The expected result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Below the oldest supported version: this error, and nothing is loaded.
    Refused,
    /// Every test in the list passes with netlink; the kernel has no TCX.
    Tc,
    /// Every test in the list passes with both mechanisms.
    Tcx,
}

/// From old to new. 6.1 is the only one in Debian between the oldest supported version (5.14) and TCX (6.6).
pub(crate) const KERNELS: [Kernel; 5] = [
    kernel(
        "5.10",
        ["5.10.0-", "-cloud-amd64"],
        "bullseye-security",
        Expected::Refused,
    ),
    kernel(
        "6.1",
        ["6.1.0-", "-cloud-amd64"],
        "bookworm-security",
        Expected::Tc,
    ),
    kernel(
        "6.12",
        ["6.12.", "+deb13-cloud-amd64"],
        "trixie-security",
        Expected::Tcx,
    ),
    kernel(
        "6.18",
        ["6.18.", "+deb13-cloud-amd64"],
        "trixie-backports",
        Expected::Tcx,
    ),
    kernel(
        "7.3",
        ["7.3.", "+deb13-cloud-amd64"],
        "trixie-backports",
        Expected::Tcx,
    ),
];

const fn kernel(
    series: &'static str,
    release: [&'static str; 2],
    suite: &'static str,
    expected: Expected,
) -> Kernel {
    Kernel {
        series,
        release,
        suite,
        expected,
    }
}

/// Kernel tests that run in a machine, each in all its variants. Emulation is two to twelve times slower, so tests
/// that send for seconds or depend on time are left out.
const TESTS: &[&str] = &[
    "udp_packets_and_octets_are_counted",
    "udp_segments_are_counted",
    "tcp_over_ipv6_is_counted",
    "pings_over_ipv6_are_counted",
    "vlan_tags_are_read",
    "extension_chains_are_followed",
    "non_ip_frames_have_a_reason",
    "later_fragments_are_in_their_flow",
    "headers_in_paged_memory_are_read",
    "every_tunnel_is_removed",
    "outer_packet_counts_whatever_is_inside",
    "tunnel_devices_show_inner_and_outer_flows",
    "ip6gre_device_without_a_remote_counts_received_packets",
    "devices_that_carry_frames_have_their_tunnel",
    "index_of_another_namespace_is_not_taken_for_a_watched_one",
    "packet_routed_behind_a_port_is_counted_once",
    "packet_routed_in_a_vrf_is_counted_once",
    "packet_that_detours_by_ifb_is_counted_once",
    "packet_at_the_end_of_a_routed_segment_is_counted_once",
    "idle_timeout_ends_a_flow",
    "exact_ends_are_to_the_nanosecond",
    "full_table_counts_table_full",
    "removed_interface_ends_its_flows",
    "error_without_capabilities_names_them",
    "symptom_memory_limit",
    "routed_packets_have_no_socket",
    "process_that_is_gone_before_the_look_up_is_named",
    "verified_instructions_are_within_the_limit",
];

/// Returns true if a test is in the list.
pub(super) fn is_run(name: &str) -> bool {
    let name = name.split("::").next().unwrap_or_default();
    TESTS.contains(&name)
}

impl Kernel {
    /// Returns releases among package names, the newest first.
    pub(super) fn releases(&self, packages: &[String]) -> Vec<String> {
        let [begin, end] = self.release;
        let number = |release: &str| -> Option<u32> {
            release.strip_prefix(begin)?.strip_suffix(end)?.parse().ok()
        };
        let mut found: Vec<(u32, String)> = packages
            .iter()
            .filter_map(|package| {
                let release = ["linux-image-", "linux-binary-"]
                    .iter()
                    .find_map(|kind| package.strip_prefix(kind))?;
                let release = release.strip_suffix("-unsigned").unwrap_or(release);
                Some((number(release)?, release.to_owned()))
            })
            .collect();
        found.sort();
        found.dedup();
        found
            .into_iter()
            .rev()
            .map(|(_, release)| release)
            .collect()
    }
}

/// Returns the kernels of these series, or all if none is given.
pub(super) fn asked(series: &[&str]) -> Result<Vec<&'static Kernel>, String> {
    if series.is_empty() {
        return Ok(KERNELS.iter().collect());
    }
    series
        .iter()
        .map(|&asked| {
            let known = KERNELS.iter().find(|kernel| kernel.series == asked);
            known.ok_or_else(|| {
                let all: Vec<&str> = KERNELS.iter().map(|kernel| kernel.series).collect();
                format!(
                    "cannot find the kernel `{asked}`: there are {}",
                    all.join(", ")
                )
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_release_of_a_series_comes_first() {
        let packages = [
            "linux-image-6.1.0-9-cloud-amd64",
            "linux-image-6.1.0-56-cloud-amd64-unsigned",
            "linux-image-6.1.0-56-cloud-amd64",
            "linux-image-6.1.0-56-cloud-amd64-dbg",
            "linux-image-6.1.0-0.deb11.52-cloud-amd64",
            "linux-image-6.1-cloud-amd64",
            "linux-image-6.12.9+deb13-cloud-amd64",
            "linux-image-6.12.117+deb12-cloud-amd64",
            "linux-binary-7.3.4+deb13-cloud-amd64",
        ]
        .map(str::to_owned);
        let [_, six_one, six_twelve, _, seven_three] = &KERNELS;
        assert_eq!(
            six_one.releases(&packages),
            ["6.1.0-56-cloud-amd64", "6.1.0-9-cloud-amd64"]
        );
        assert_eq!(six_twelve.releases(&packages), ["6.12.9+deb13-cloud-amd64"]);
        assert_eq!(seven_three.releases(&packages), ["7.3.4+deb13-cloud-amd64"]);
    }

    #[test]
    fn kernel_is_asked_for_by_its_series() {
        assert_eq!(asked(&[]).map(|all| all.len()), Ok(KERNELS.len()));
        assert_eq!(asked(&["6.1"]), Ok(vec![&KERNELS[1]]));
        assert!(asked(&["4.4"]).is_err_and(|error| error.contains("`4.4`")));
    }
}
