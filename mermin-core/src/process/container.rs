//! The container of a control group.

/// Length of a container's id.
const ID: usize = 64;

/// Returns the container's id from a control group's path: 64 hexadecimal digits at the end of a path component, as
/// Docker, containerd, CRI-O and Podman write them (`/docker/<id>`, `/kubepods.slice/../cri-containerd-<id>.scope`,
/// `/machine.slice/libpod-<id>.scope/container`). The innermost id counts.
pub(super) fn id(path: &str) -> Option<&str> {
    path.rsplit('/').find_map(|name| {
        let name = name.strip_suffix(".scope").unwrap_or(name);
        let id = name.get(name.len().checked_sub(ID)?..)?;
        let rest = &name[..name.len() - ID];
        let is_id = id
            .bytes()
            .all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit));
        let is_apart = rest.is_empty() || rest.ends_with(['-', ':']);
        (is_id && is_apart).then_some(id)
    })
}

/// Returns the path in the unified hierarchy, from `/proc/<pid>/cgroup` (cgroups(7)).
pub(super) fn unified(cgroup: &str) -> Option<&str> {
    paths(cgroup).find_map(|(hierarchy, path)| (hierarchy == "0").then_some(path))
}

/// Returns the id of the container from any hierarchy.
pub(super) fn of(cgroup: &str) -> Option<&str> {
    paths(cgroup).find_map(|(_, path)| id(path))
}

/// Returns the number of each hierarchy and the path there.
fn paths(cgroup: &str) -> impl Iterator<Item = (&str, &str)> {
    cgroup.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (hierarchy, _, path) = (parts.next()?, parts.next()?, parts.next()?);
        Some((hierarchy, path))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_all_runtimes_are_found() {
        let digits = "0123456789abcdef".repeat(4);
        for path in [
            format!("/docker/{digits}"),
            format!("/system.slice/docker-{digits}.scope"),
            format!(
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-{digits}.scope"
            ),
            format!("/kubepods/besteffort/pod2c48913c/{digits}"),
            format!("/kubepods.slice/kubepods-pod1.slice/crio-{digits}.scope/container"),
            format!("/machine.slice/libpod-{digits}.scope/container"),
            format!("/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:{digits}"),
        ] {
            assert_eq!(id(&path), Some(&*digits), "{path}");
        }
        for path in [
            "/",
            "/system.slice/ssh.service",
            "/user.slice/user-0.slice/session-1.scope",
        ] {
            assert_eq!(id(path), None, "{path}");
        }
        assert_eq!(id(&format!("/x{digits}")), None);
        assert_eq!(id(&digits.to_uppercase()), None);
    }

    #[test]
    fn hierarchies_are_told_apart() {
        let digits = "0123456789abcdef".repeat(4);
        let cgroup = format!("4:memory:/docker/{digits}\n3:pids:/\n0::/system.slice\n");
        assert_eq!(unified(&cgroup), Some("/system.slice"));
        assert_eq!(of(&cgroup), Some(&*digits));
        assert_eq!((unified("3:pids:/a\n"), of("0::/\n")), (None, None));
    }
}
