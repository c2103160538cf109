//! The memory limit of this process's control group, version 1 or 2.

use std::{fs, path::PathBuf};

/// Mount point of the controllers.
const ROOT: &str = "/sys/fs/cgroup";

/// A limit and its usage in bytes. File cache does not count, because the kernel drops it before it kills a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) limit: u64,
    pub(crate) used: u64,
}

impl Limit {
    pub(crate) fn left(self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

/// Returns the directories of the control groups that limit this process (`/proc/self/cgroup`), each with the names of
/// the files that have limit and usage. For each mount point the innermost group comes first and the root last. In a
/// container the path may be the host's, and then only the root exists.
fn places(cgroups: &str) -> Vec<(PathBuf, [&'static str; 2])> {
    let mut places = Vec::new();
    for line in cgroups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else {
            continue;
        };
        let (mounts, files): (&[&str], _) = if controllers.is_empty() {
            (&["", "unified"], ["memory.max", "memory.current"])
        } else if controllers.split(',').any(|name| name == "memory") {
            (
                &["memory"],
                ["memory.limit_in_bytes", "memory.usage_in_bytes"],
            )
        } else {
            continue;
        };
        for mount in mounts {
            let root = PathBuf::from(ROOT).join(mount);
            let own = root.join(path.trim_start_matches('/'));
            // A parent's limit also applies.
            for directory in own.ancestors().take_while(|at| at.starts_with(&root)) {
                places.push((directory.to_owned(), files));
            }
        }
    }
    places
}

/// Parses a limit. `max`, and in version 1 the value 2^63 less a page, mean no limit.
fn octets(text: &str) -> Option<u64> {
    let octets: u64 = text.trim().parse().ok()?;
    (octets < 1 << 62).then_some(octets)
}

/// Returns bytes of file cache from `memory.stat`. Version 1 has other names for the sums over child groups.
fn cached(stat: &str) -> u64 {
    let read = |wanted: &str| {
        let mut lines = stat.lines().filter_map(|line| line.split_once(' '));
        let (_, octets) = lines.find(|(name, _)| *name == wanted)?;
        octets.trim().parse::<u64>().ok()
    };
    ["inactive_file", "active_file"]
        .iter()
        .filter_map(|name| read(&format!("total_{name}")).or_else(|| read(name)))
        .sum()
}

/// Returns the limit with the least memory left, if there is any.
pub(crate) fn limit() -> Option<Limit> {
    let cgroups = fs::read_to_string("/proc/self/cgroup").ok()?;
    places(&cgroups)
        .into_iter()
        .filter_map(|(directory, [limit, used])| {
            let read = |name| fs::read_to_string(directory.join(name)).ok();
            let cached = read("memory.stat").map_or(0, |stat| cached(&stat));
            Some(Limit {
                limit: octets(&read(limit)?)?,
                used: octets(&read(used)?)?.saturating_sub(cached),
            })
        })
        .min_by_key(|limit| limit.left())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(cgroups: &str) -> Vec<String> {
        places(cgroups)
            .into_iter()
            .map(|(directory, [limit, _])| directory.join(limit).display().to_string())
            .collect()
    }

    #[test]
    fn version_1_has_a_hierarchy_of_its_own_for_memory() {
        assert_eq!(
            found("4:memory:/pods/a\n3:cpu,cpuacct:/pods/a\n"),
            [
                "/sys/fs/cgroup/memory/pods/a/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/pods/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            ]
        );
    }

    #[test]
    fn version_2_has_one_for_all() {
        let found = found("0::/a.slice\n");
        assert_eq!(found[0], "/sys/fs/cgroup/a.slice/memory.max");
        assert!(found.contains(&"/sys/fs/cgroup/unified/a.slice/memory.max".to_owned()));
        assert!(places("").is_empty());
    }

    #[test]
    fn page_cache_does_not_count_as_used_memory() {
        let second = "anon 7\nfile 50\nkernel 9\ninactive_file 30\nactive_file 20\n";
        assert_eq!(cached(second), 50);
        let first = "cache 1\ninactive_file 3\nactive_file 2\ntotal_inactive_file 40\ntotal_active_file 20\n";
        assert_eq!(cached(first), 60);
        assert_eq!(cached(""), 0);
    }

    #[test]
    fn no_limit_is_none() {
        assert_eq!(octets("268435456\n"), Some(268_435_456));
        assert_eq!(octets("max\n"), None);
        assert_eq!(octets("9223372036854771712\n"), None);
    }
}
