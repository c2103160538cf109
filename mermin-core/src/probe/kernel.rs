//! The kernel's version. The check only rejects kernels that are too old. Features of later kernels are found by trying
//! them.

use crate::error::{Error, ErrorKind};

/// The oldest kernel with everything the program needs: bounded loops over map memory, atomics, ring buffer, coarse
/// clock.
const FLOOR: (u32, u32) = (5, 14);
/// The same on arm64, whose compiler for BPF has atomic operations with a result only since 5.18 (commit 1902472b4fa9).
const ARM64_FLOOR: (u32, u32) = (5, 18);

/// Returns major and minor version of a release such as `6.1.0-13-amd64`.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(['.', '-', '+', '_']);
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next()?.parse().ok()?;
    Some((major, minor))
}

/// Returns an error for a kernel that is too old. A release without a version is accepted.
///
/// # Errors
/// [`ErrorKind::Unsupported`].
pub(crate) fn check(release: &str) -> Result<(), Error> {
    check_on(release, cfg!(target_arch = "aarch64"))
}

fn check_on(release: &str, arm64: bool) -> Result<(), Error> {
    let (floor, machine) = if arm64 {
        (ARM64_FLOOR, " on arm64")
    } else {
        (FLOOR, "")
    };
    match version(release) {
        Some(found) if found < floor => Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "cannot capture on Linux {release}: {}.{} or newer is needed{machine}",
                floor.0, floor.1
            ),
        )
        .with_remedy(
            "boot a newer kernel; 6.6 or newer is recommended, where TCX keeps programs in order",
        )),
        _ => Ok(()),
    }
}

/// Returns true if using a descriptor of bpf(2) can take `CAP_BPF` (before Linux 5.19, by the sysctl
/// `kernel.unprivileged_bpf_disabled`).
pub(crate) fn checks_every_use(release: &str) -> bool {
    version(release).is_some_and(|found| found < (5, 19))
}

/// Returns the running kernel's release.
pub(crate) fn release() -> String {
    rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_below_the_floor_are_refused_by_name() {
        let error = check_on("5.10.0-46-cloud-amd64", false).expect_err("too old");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(
            error.to_string(),
            "cannot capture on Linux 5.10.0-46-cloud-amd64: 5.14 or newer is needed"
        );
        assert!(error.remedy().is_some());
        assert!(check("4.19.0").is_err());
    }

    #[test]
    fn arm64_has_a_floor_of_its_own() {
        let error = check_on("5.15.0-91-generic", true).expect_err("too old");
        assert_eq!(
            error.to_string(),
            "cannot capture on Linux 5.15.0-91-generic: 5.18 or newer is needed on arm64"
        );
        assert!(check_on("5.15.0-91-generic", false).is_ok());
        assert!(check_on("5.18.0", true).is_ok());
    }

    #[test]
    fn all_alternatives_are_tried() {
        for release in [
            "5.14.0-362.el9",
            "5.15.0",
            "6.1.0",
            "6.18.44-fc",
            "7.3.4+deb13",
            "odd",
        ] {
            assert!(check_on(release, false).is_ok(), "{release}");
        }
    }
}
