//! Where things are in this project.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The compiled kernel program, from the project's root.
pub(crate) const OBJECT: &str = "mermin-bpf/prebuilt/mermin.bpf.o";
/// The versions it is compiled with, from the project's root.
pub(crate) const TOOLCHAIN: &str = "mermin-bpf/prebuilt/TOOLCHAIN";

/// The project's root.
pub(crate) fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// Where cargo builds.
pub(crate) fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |target| root().join(target))
}

/// Where the kernel program is compiled, apart from everything else so that its flags and theirs never meet.
pub(crate) fn object_target_dir() -> PathBuf {
    target_dir().join("bpf")
}

/// Where a stable compiler is allowed unstable features, of which build scripts take notice.
pub(crate) fn unstable_target_dir() -> PathBuf {
    target_dir().join("unstable")
}

/// The kernel program that tests show to lose packets where it may.
pub(crate) fn widened_object() -> PathBuf {
    object_target_dir().join("widened.bpf.o")
}
