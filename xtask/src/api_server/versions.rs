//! Versions of what the API server is built from, and of what it needs. All are Debian 12's.

/// The suite. Later ones have only the clients' part of the server's source.
pub(super) const SUITE: &str = "bookworm";

/// A package and its version.
pub(super) struct Pinned {
    name: &'static str,
    version: &'static str,
}

impl Pinned {
    /// Returns what apt takes.
    pub(super) fn request(&self) -> String {
        format!("{}={}", self.name, self.version)
    }
}

const fn pinned(name: &'static str, version: &'static str) -> Pinned {
    Pinned { name, version }
}

/// The source of kube-apiserver, which no package has as a program.
pub(super) const SOURCE: Pinned = pinned("kubernetes", "1.20.5+really1.20.2-1.1+deb12u1");

/// The compiler, and its standard library.
pub(super) const GO: [Pinned; 2] = [
    pinned("golang-1.19-go", "1.19.8-2"),
    pinned("golang-1.19-src", "1.19.8-2"),
];

/// Replaces version 1.0.1, which the source has: a server with that one, compiled by Go 1.18 or later, dies of an
/// `unexpected fault address` after minutes.
pub(super) const REFLECT: Pinned = pinned("golang-github-modern-go-reflect2-dev", "1.0.2-2");

/// etcd, its client, and kubectl.
pub(super) const PROGRAMS: [Pinned; 3] = [
    pinned("etcd-server", "3.4.23-4+b4"),
    pinned("etcd-client", "3.4.23-4+b4"),
    pinned("kubernetes-client", "1.20.5+really1.20.2-1.1+deb12u1"),
];

/// One more after each change of how the server is built: its tags, its flags and the generated file. Without it, the tests would go
/// on with the server that is there.
const BUILD: u32 = 1;

/// Returns a name of all of it.
pub(super) fn key() -> String {
    let others = GO.iter().take(1).chain([&REFLECT]).chain(&PROGRAMS[..1]);
    let versions = std::iter::once(&SOURCE).chain(others);
    let versions: Vec<&str> = versions.map(|it| it.version).collect();
    format!("{}_build{BUILD}", versions.join("_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_has_every_version_that_decides() {
        let key = key();
        assert!(key.ends_with(&format!("_build{BUILD}")), "{key}");
        for pinned in GO.iter().chain(&PROGRAMS).chain([&SOURCE, &REFLECT]) {
            assert!(key.contains(pinned.version), "{}", pinned.name);
            assert_eq!(
                pinned.request(),
                format!("{}={}", pinned.name, pinned.version)
            );
        }
    }
}
