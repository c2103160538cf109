//! Tries everything that capturing takes, and leaves nothing behind.
//!
//! The kernel program is loaded as it is, with room for one flow; attaching is tried on the loopback interface of a network
//! namespace made for it, in a thread of its own.

use std::{
    error::Error as _,
    io,
    os::{fd::AsFd, unix::fs::MetadataExt},
    path::Path,
    thread,
};

use mermin_bpf::abi::ledger::Direction;

use crate::{
    attach::{Attach, Hooks, Manner, Programs, plan},
    bpf::object::Loaded,
    error::{Error, ErrorKind},
    iface::list,
    probe::{
        bpffs, kernel,
        memory::{self, Limit},
        privilege::{self, CAP_SYS_ADMIN, CAP_SYS_PTRACE},
        trouble::{self, Trouble},
    },
    report::{
        Fact,
        Outcome::{Failed, Passed, Untested},
        Subject,
    },
    sys::{membarrier, netns},
    words::Counted,
};

/// Octets of kernel and user memory for each flow that there is room for.
const FLOW: u64 = 600;
/// Octets noted beside each flow of an instance that is pinned.
const PINNED: u64 = 136;
/// Octets that loading takes beside that, whatever the room: the verifier's and the compiler's, the ledgers, the threads.
const LOADING: u64 = 24 << 20;

fn words(error: &Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn lacking(subject: Subject, Trouble { cause, remedy }: Trouble) -> Fact {
    Fact::new(subject, Failed, cause).with_remedy(remedy)
}

fn refused(subject: Subject, error: &Error) -> Fact {
    let fact = Fact::new(subject, Failed, words(error));
    match error.remedy() {
        Some(remedy) => fact.with_remedy(remedy.to_owned()),
        None => fact,
    }
}

pub(super) fn kernel() -> Fact {
    let release = kernel::release();
    match kernel::check(&release) {
        Ok(()) => Fact::new(Subject::Kernel, Passed, format!("Linux {release}")),
        Err(error) => refused(Subject::Kernel, &error),
    }
}

/// Facts about loading the program, and each way to attach.
pub(super) fn program(loaded: Result<Loaded, Error>) -> Vec<Fact> {
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(error) => return vec![refused(Subject::Program, &error)],
    };
    let found = "the kernel takes the program and its maps";
    let mut facts = vec![Fact::new(Subject::Program, Passed, found)];
    facts.extend(attaching(&loaded));
    facts
}

fn attaching(loaded: &Loaded) -> [Fact; 2] {
    let ways = [
        (Subject::Tcx, Attach::Tcx, "programs can be attached by TCX"),
        (
            Subject::Tc,
            Attach::Tc,
            "programs can be attached as tc filters",
        ),
    ];
    let tried = thread::scope(|scope| {
        let trial = scope.spawn(|| {
            netns::enter_new()?;
            Ok(
                ways.map(|(subject, mode, found)| match try_at(loaded, mode) {
                    Ok(()) => Fact::new(subject, Passed, found),
                    Err(error) => unattached(subject, &error),
                }),
            )
        });
        trial
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the trial panicked")))
    });
    tried.unwrap_or_else(|error: io::Error| {
        ways.map(|(subject, _, _)| {
            Fact::new(
                subject,
                Untested,
                format!("no network namespace can be made to try it in: {error}"),
            )
        })
    })
}

/// A refusal of TCX that a filter stands in for is told in the words of whoever opens.
fn unattached(subject: Subject, error: &Error) -> Fact {
    let refusal = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>());
    match refusal {
        Some(refusal) if subject == Subject::Tcx && plan::falls_back(refusal) => {
            lacking(subject, trouble::no_tcx(refusal))
        }
        _ => refused(subject, error),
    }
}

/// Attaches in the calling thread's network namespace, and detaches.
fn try_at(loaded: &Loaded, mode: Attach) -> Result<(), Error> {
    let hooks = Hooks::open()?;
    let links = list::links(hooks.netlink())?;
    let loopback = links
        .first()
        .ok_or_else(|| Error::new(ErrorKind::NoInterface, "cannot find the loopback interface"))?;
    let manner = Manner {
        mode,
        ..Manner::default()
    };
    let programs = Programs {
        ingress: loaded.programs.ingress.as_fd(),
        egress: loaded.programs.egress.as_fd(),
    };
    hooks
        .attach(&manner, programs, loopback, Direction::Ingress)?
        .detach()
}

/// The process's privilege: features it can have, and those it cannot.
pub(super) fn privilege() -> Fact {
    if privilege::has_own_users() {
        let found = "capabilities hold in this user namespace alone, and what capturing takes are the host's";
        return Fact::new(Subject::Privilege, Failed, found).with_remedy(
            "run it outside of that, as root of the host; `lsns --type user` shows which there are",
        );
    }
    let fact = extras(
        privilege::lacks(CAP_SYS_ADMIN),
        privilege::lacks(CAP_SYS_PTRACE),
    );
    match std::fs::metadata("/proc/1/ns/net") {
        Err(error) if fact.outcome == Passed => Fact::new(
            Subject::Privilege,
            Failed,
            format!(
                "the capabilities are there, and the network namespace of process 1 cannot be seen all the same: {error}"
            ),
        )
        .with_remedy(
            "name another namespace by its path, such as `/run/netns/blue`; flows are counted without",
        ),
        _ => fact,
    }
}

fn extras(no_admin: bool, no_ptrace: bool) -> Fact {
    const ADMIN: &str = "another network namespace cannot be entered, names of other programs are not told, and none can be \
                         stood beside";
    const PTRACE: &str = "the network namespace of another process cannot be found";
    let (found, grants) = match (no_admin, no_ptrace) {
        (false, false) => {
            let found = "the process may do all that any option asks for";
            return Fact::new(Subject::Privilege, Passed, found);
        }
        (true, false) => (format!("without CAP_SYS_ADMIN {ADMIN}"), "CAP_SYS_ADMIN"),
        (false, true) => (format!("without CAP_SYS_PTRACE {PTRACE}"), "CAP_SYS_PTRACE"),
        (true, true) => (
            format!("without CAP_SYS_ADMIN {ADMIN}; without CAP_SYS_PTRACE {PTRACE}"),
            "CAP_SYS_ADMIN and CAP_SYS_PTRACE",
        ),
    };
    Fact::new(Subject::Privilege, Failed, found).with_remedy(format!(
        "grant {grants} to have that; flows are counted without"
    ))
}

pub(super) fn membarrier() -> Fact {
    if membarrier::is_offered() {
        Fact::new(
            Subject::Membarrier,
            Passed,
            "grace periods are waited for by membarrier(2)",
        )
    } else {
        lacking(Subject::Membarrier, trouble::no_membarrier())
    }
}

/// True if a table of this many flows fits into what is left of the memory limit.
pub(super) fn memory(flows: u32, pinned: bool) -> Fact {
    fits(flows, pinned, memory::limit())
}

/// True if the memory limit lets a source of this room open. Beyond it the kernel would kill the process.
///
/// # Errors
/// [`ErrorKind::Exhausted`].
pub(super) fn room(flows: u32, pinned: bool) -> Result<(), Error> {
    let fact = memory(flows, pinned);
    if fact.outcome != Failed {
        return Ok(());
    }
    let error = Error::new(
        ErrorKind::Exhausted,
        format!("cannot make room for flows: {}", fact.found),
    );
    Err(match fact.remedy {
        Some(remedy) => error.with_remedy(remedy),
        None => error,
    })
}

fn fits(flows: u32, pinned: bool, limit: Option<Limit>) -> Fact {
    const MEGA: u64 = 1 << 20;
    let each = if pinned { FLOW + PINNED } else { FLOW };
    let need = u64::from(flows) * each + LOADING;
    let needs = format!(
        "room for {} takes about {} MB, loading included",
        Counted(flows.into(), "flow"),
        need.div_ceil(MEGA)
    );
    match limit {
        None => Fact::new(
            Subject::Memory,
            Passed,
            format!("{needs}, and there is no limit"),
        ),
        Some(limit) if need <= limit.left() => Fact::new(
            Subject::Memory,
            Passed,
            format!("{needs} of {} MB that are left", limit.left() / MEGA),
        ),
        Some(limit) => Fact::new(
            Subject::Memory,
            Failed,
            format!(
                "{needs}, and of the control group's {} MB only {} are left",
                limit.limit / MEGA,
                limit.left() / MEGA
            ),
        )
        .with_remedy(remedy(need, each, limit)),
    }
}

fn remedy(need: u64, each: u64, limit: Limit) -> String {
    let more = (need - limit.left()).div_ceil(1 << 20);
    match limit.left().saturating_sub(LOADING) / each {
        0 => format!("raise the memory limit by {more} MB"),
        flows => {
            format!("raise the memory limit by {more} MB, or set `max_flows` to {flows} or less")
        }
    }
}

/// The fact about pins. A source that names no instance needs none.
pub(super) fn bpffs(directory: &Path) -> Fact {
    match bpffs::writable(directory) {
        Ok(()) => {
            let found = format!("`{}` can be written to", directory.display());
            Fact::new(Subject::Bpffs, Passed, found)
        }
        Err(trouble) => lacking(Subject::Bpffs, trouble),
    }
}

pub(super) fn btf() -> Fact {
    match std::fs::File::open("/sys/kernel/btf/vmlinux") {
        Ok(_) => Fact::new(Subject::Btf, Passed, "the kernel describes its types"),
        Err(error) => Fact::new(
            Subject::Btf,
            Failed,
            format!(
                "`/sys/kernel/btf/vmlinux` cannot be opened: {error}; flows are counted without it"
            ),
        ),
    }
}

/// The fact about the network namespace: is it that of process 1?
pub(super) fn host_namespace() -> Fact {
    let inode = |path: &str| std::fs::metadata(path).map(|found| found.ino());
    match (inode("/proc/1/ns/net"), inode("/proc/thread-self/ns/net")) {
        (Ok(first), Ok(own)) if first == own => Fact::new(
            Subject::HostNamespace,
            Passed,
            "interfaces are those of process 1",
        ),
        (Ok(_), Ok(_)) => Fact::new(
            Subject::HostNamespace,
            Failed,
            "interfaces are not those of process 1",
        )
        .with_remedy("watch the host's with `NetNs::Host`, which takes CAP_SYS_ADMIN and hostPID"),
        (Err(error), _) | (_, Err(error)) => Fact::new(
            Subject::HostNamespace,
            Untested,
            format!("the network namespace of process 1 cannot be seen: {error}"),
        )
        .with_remedy(if privilege::lacks(CAP_SYS_PTRACE) {
            "give the process CAP_SYS_PTRACE, and in a container `hostPID: true`"
        } else {
            "nothing, unless the host's interfaces are meant: then run it on the host, outside of any container"
        }),
    }
}

/// The fact about interfaces: those that would be watched.
pub(super) fn interfaces(names: Result<Vec<String>, Error>) -> Fact {
    match names {
        Ok(names) => Fact::new(Subject::Interfaces, Passed, names.join(", ")),
        Err(error) => refused(Subject::Interfaces, &error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_is_named_with_what_it_costs() {
        assert_eq!(extras(false, false).outcome, Passed);
        for (no_admin, no_ptrace) in [(true, false), (false, true), (true, true)] {
            let fact = extras(no_admin, no_ptrace);
            assert_eq!(fact.outcome, Failed, "{fact:?}");
            for text in [&fact.found, fact.remedy.as_ref().unwrap()] {
                assert_eq!(text.contains("CAP_SYS_ADMIN"), no_admin, "{text}");
                assert_eq!(text.contains("CAP_SYS_PTRACE"), no_ptrace, "{text}");
            }
        }
    }

    #[test]
    fn what_a_table_takes_is_held_against_what_is_left() {
        let limit = |limit, used| Some(Limit { limit, used });
        assert_eq!(fits(1000, false, None).outcome, Passed);
        assert_eq!(
            fits(65_536, false, limit(88 << 20, 20 << 20)).outcome,
            Passed
        );
        // The journal of a pinned source takes 9 MB more.
        assert_eq!(
            fits(65_536, true, limit(88 << 20, 20 << 20)).outcome,
            Failed
        );
        let fact = fits(65_536, false, limit(64 << 20, 20 << 20));
        assert_eq!(fact.outcome, Failed);
        assert_eq!(
            fact.found,
            "room for 65536 flows takes about 62 MB, loading included, and of the control group's 64 MB only 44 are left"
        );
        assert_eq!(
            fact.remedy.as_deref(),
            Some("raise the memory limit by 18 MB, or set `max_flows` to 34952 or less")
        );
        let fact = fits(65_536, false, limit(64 << 20, 50 << 20));
        assert_eq!(
            fact.remedy.as_deref(),
            Some("raise the memory limit by 48 MB")
        );
    }
}
