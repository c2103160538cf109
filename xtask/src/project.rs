//! Paths of this project.

use std::{
    env,
    path::{Path, PathBuf},
};

/// Path of the compiled kernel program, relative to the project's root.
pub(crate) const OBJECT: &str = "mermin-bpf/prebuilt/mermin.bpf.o";
/// Path of the pinned versions, relative to the project's root.
pub(crate) const TOOLCHAIN: &str = "mermin-bpf/prebuilt/TOOLCHAIN";

/// Returns the project's root.
pub(crate) fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// Returns cargo's output directory.
pub(crate) fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |target| root().join(target))
}

/// Returns the output directory of the kernel program. It is separate, so that flags do not mix.
pub(crate) fn object_target_dir() -> PathBuf {
    target_dir().join("bpf")
}

/// Returns the output directory of a stable compiler with unstable features, which build scripts detect.
pub(crate) fn unstable_target_dir() -> PathBuf {
    target_dir().join("unstable")
}

/// Returns the path of a kernel program that tests show to be wrong.
pub(crate) fn object_for_tests(name: &str) -> PathBuf {
    object_target_dir().join(format!("{name}.bpf.o"))
}
