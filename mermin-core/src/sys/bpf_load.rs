//! Loads programs with bpf(2), and sets their constants. A refused program has the verifier's reasons.
#![expect(unsafe_code, reason = "system calls take pointers")]

use std::{
    ffi::CStr,
    io,
    os::fd::{BorrowedFd, OwnedFd},
    thread,
    time::Duration,
};

use aya_obj::generated::{bpf_cmd, bpf_prog_type};

use super::{
    bpf_call::{address, address_mut, blank, bpf, name_of, open, raw, set},
    bpf_pin::shape,
    signals,
};

/// The verifier logs the instructions and their effects (`BPF_LOG_LEVEL1`).
const LOG_LEVEL: u32 = 1;
const FIRST_LOG: usize = 1 << 16;
const LONGEST_LOG: usize = 1 << 24;
/// Maximum number of attempts to load a program. The kernel interrupts the verifier (EAGAIN) while the thread has other work
/// to do before it returns to user space, for example while its control group is frozen. Each delay between two attempts is a
/// millisecond longer than the one before, 1.2 s in total.
const ATTEMPTS: u64 = 50;

/// Types of programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    /// Classifier.
    SchedCls = bpf_prog_type::BPF_PROG_TYPE_SCHED_CLS as u32,
    /// At a tracepoint, with its arguments.
    RawTracepoint = bpf_prog_type::BPF_PROG_TYPE_RAW_TRACEPOINT as u32,
    /// Where a socket is opened by a process of a control group.
    CgroupSock = bpf_prog_type::BPF_PROG_TYPE_CGROUP_SOCK as u32,
    /// XDP.
    #[cfg(feature = "__lab")]
    Xdp = bpf_prog_type::BPF_PROG_TYPE_XDP as u32,
}

/// A program in the form that the kernel loads.
#[derive(Debug)]
pub(crate) struct Program<'a> {
    pub(crate) kind: Kind,
    pub(crate) name: &'a str,
    pub(crate) license: &'a CStr,
    /// One instruction in each item.
    pub(crate) instructions: &'a [u64],
}

/// The reason why a program was not loaded.
#[derive(Debug)]
pub(crate) struct LoadError {
    pub(crate) error: io::Error,
    /// The verifier's log; empty if there is none.
    pub(crate) log: String,
}

impl Program<'_> {
    /// Loads the program. If the verifier refuses it, loads it again with a log, because writing a log takes the verifier
    /// several times as long. There is no log if every attempt was interrupted: the next one would be interrupted too.
    ///
    /// # Errors
    /// The kernel's: EINVAL or EACCES for instructions that the verifier refuses, EPERM.
    pub(crate) fn load(&self) -> Result<OwnedFd, LoadError> {
        self.load_silently().map_err(|error| {
            let log = if is_interrupted(&error) {
                String::new()
            } else {
                self.log()
            };
            LoadError { error, log }
        })
    }

    /// Loads the program. A refusal has no reasons.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub(crate) fn load_silently(&self) -> io::Result<OwnedFd> {
        self.ask_again(&mut [])
    }

    fn log(&self) -> String {
        let mut log = vec![0_u8; FIRST_LOG];
        loop {
            match self.ask_again(&mut log) {
                // The verifier starts again for each attempt, which may take seconds.
                Err(error)
                    if error.raw_os_error() == Some(libc::ENOSPC)
                        && log.len() < LONGEST_LOG
                        && !has_end(text(&log)) =>
                {
                    log = vec![0; log.len() * 4];
                }
                // The log of an interrupted attempt is incomplete and has no verdict.
                Err(error) if is_interrupted(&error) => return String::new(),
                _ => break,
            }
        }
        String::from_utf8_lossy(text(&log)).into_owned()
    }

    fn ask_again(&self, log: &mut [u8]) -> io::Result<OwnedFd> {
        for attempt in 1..ATTEMPTS {
            match self.ask(log) {
                Err(error) if is_interrupted(&error) => {
                    thread::sleep(Duration::from_millis(attempt));
                }
                answer => return answer,
            }
        }
        self.ask(log)
    }

    fn ask(&self, log: &mut [u8]) -> io::Result<OwnedFd> {
        let count = u32::try_from(self.instructions.len()).map_err(io::Error::other)?;
        let mut attr = blank();
        attr.__bindgen_anon_3.prog_type = self.kind as u32;
        attr.__bindgen_anon_3.insn_cnt = count;
        attr.__bindgen_anon_3.insns = address(self.instructions);
        attr.__bindgen_anon_3.license = address(self.license.to_bytes_with_nul());
        attr.__bindgen_anon_3.prog_name = name_of(self.name);
        if !log.is_empty() {
            attr.__bindgen_anon_3.log_level = LOG_LEVEL;
            attr.__bindgen_anon_3.log_size = u32::try_from(log.len()).map_err(io::Error::other)?;
            attr.__bindgen_anon_3.log_buf = address_mut(log);
        }
        let _held = signals::block()?;
        // SAFETY: instructions, license and log outlive the call, and the log is as long as said.
        unsafe { open(bpf_cmd::BPF_PROG_LOAD, &mut attr) }
    }
}

fn is_interrupted(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EAGAIN)
}

/// Writes the one value of an array.
///
/// # Errors
/// The kernel's; EINVAL if the array's values have another length.
pub(crate) fn fill(array: BorrowedFd<'_>, value: &[u8]) -> io::Result<()> {
    if shape(array)?.value_size as usize != value.len() {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    // SAFETY: key and value outlive the call, and are as long as the array has them.
    unsafe { set(array, address(&0_u32), address(value)) }
}

/// Forbids all later writes to a map from user space. The verifier then treats the map's values as constants.
///
/// # Errors
/// The kernel's.
pub(crate) fn freeze(map: BorrowedFd<'_>) -> io::Result<()> {
    let mut attr = blank();
    attr.__bindgen_anon_2.map_fd = raw(map);
    // SAFETY: no addresses.
    unsafe { bpf(bpf_cmd::BPF_MAP_FREEZE, &mut attr) }.map(drop)
}

/// Programs for tests.
#[cfg(test)]
pub(crate) mod trial {
    use super::{Kind, OwnedFd, Program, io};

    /// Loads a classifier that lets every packet pass on to the next one (`TC_ACT_UNSPEC`).
    pub(crate) fn load_pass(name: &str) -> io::Result<OwnedFd> {
        load_verdict(name, -1)
    }

    /// Loads a classifier that gives this verdict.
    pub(crate) fn load_verdict(name: &str, verdict: i32) -> io::Result<OwnedFd> {
        // r0 = verdict; exit
        let verdict = u64::from(verdict.cast_unsigned()) << 32;
        let instructions = [verdict | 0xb7, 0x0000_0000_0000_0095];
        Program {
            kind: Kind::SchedCls,
            name,
            license: c"GPL",
            instructions: &instructions,
        }
        .load_silently()
    }
}

/// Returns the octets before the first NUL.
fn text(log: &[u8]) -> &[u8] {
    let written = log.iter().position(|octet| *octet == 0);
    &log[..written.unwrap_or(log.len())]
}

/// True if a log has the verifier's last line. If a log exceeds the buffer, Linux 6.4 and later keep its end, earlier ones its
/// beginning.
fn has_end(log: &[u8]) -> bool {
    let lines = log.trim_ascii_end().rsplit(|octet| *octet == b'\n');
    lines.take(1).any(|line| line.starts_with(b"processed "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_program_has_the_verifiers_reason() {
        // exit, with nothing in r0
        let instructions = [0x0000_0000_0000_0095];
        let program = Program {
            kind: Kind::SchedCls,
            name: "no_verdict",
            license: c"GPL",
            instructions: &instructions,
        };
        let refusal = program.load().unwrap_err();
        if refusal.error.raw_os_error() == Some(libc::EPERM) {
            assert!(std::env::var_os("MERMIN_REQUIRE_KERNEL").is_none());
            return eprintln!("skipped: {}", refusal.error);
        }
        assert_eq!(refusal.error.raw_os_error(), Some(libc::EACCES));
        assert!(refusal.log.contains("R0 !read_ok"), "{}", refusal.log);
    }

    #[test]
    fn last_line_of_a_log_is_recognised() {
        let end = "R1 pointer comparison prohibited\nprocessed 10 insns (limit 1000000) max_states_per_insn 0\n";
        assert!(has_end(end.as_bytes()));
        for beginning in ["", "0: (b7) r0 = 0", "processed 10 insns\n0: (b7) r0 = 0\n"] {
            assert!(!has_end(beginning.as_bytes()), "{beginning}");
        }
    }

    #[test]
    fn signals_do_not_keep_a_program_from_loading() {
        extern "C" fn nothing(_: libc::c_int) {}
        // r0 = 0, half a million times, and exit: the verifier takes tens of milliseconds for it
        let mut instructions = vec![0x0000_0000_0000_00b7_u64; 500_000];
        instructions.push(0x0000_0000_0000_0095);
        let program = Program {
            kind: Kind::SchedCls,
            name: "long",
            license: c"GPL",
            instructions: &instructions,
        };
        let handler = nothing as extern "C" fn(libc::c_int);
        // SAFETY: the handler does nothing, and no other test uses this signal.
        unsafe { libc::signal(libc::SIGUSR2, handler as libc::sighandler_t) };
        // SAFETY: no arguments.
        let thread_id = unsafe { libc::pthread_self() };
        let (done, is_done) = std::sync::mpsc::channel::<()>();
        let error = thread::scope(|scope| {
            scope.spawn(move || {
                while is_done.recv_timeout(Duration::from_millis(1)).is_err() {
                    // SAFETY: the thread waits for this one.
                    unsafe { libc::pthread_kill(thread_id, libc::SIGUSR2) };
                }
            });
            let loaded = program.ask(&mut []);
            done.send(()).unwrap();
            loaded.err()
        });
        match error.and_then(|error| error.raw_os_error()) {
            Some(libc::EPERM) => assert!(std::env::var_os("MERMIN_REQUIRE_KERNEL").is_none()),
            error => assert_eq!(error, None),
        }
    }
}
