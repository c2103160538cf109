//! Information of the kernel about programs and their maps.

use std::{
    collections::BTreeMap,
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

use crate::sys::bpf_trial::{map_name, maps_of, program_info};

/// Size of a loaded program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramInfo {
    /// Instructions that the verifier processed, over all paths. It stops at [`VERIFIED_LIMIT`].
    pub verified: u32,
    /// Instructions of the program after verification.
    pub instructions: u32,
    /// Octets of machine code; 0 without a JIT.
    pub jited_octets: u32,
}

/// Largest number of instructions that the verifier processes (`BPF_COMPLEXITY_LIMIT_INSNS`).
pub const VERIFIED_LIMIT: u32 = 1_000_000;

/// Kernel memory of one map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapInfo {
    /// Its name.
    pub name: String,
    /// Octets the kernel charges for it (`memlock`).
    pub octets: u64,
}

pub(super) fn program(program: BorrowedFd<'_>) -> io::Result<ProgramInfo> {
    let info = program_info(program)?;
    Ok(ProgramInfo {
        verified: info.verified_insns,
        instructions: info.xlated_prog_len / 8,
        jited_octets: info.jited_prog_len,
    })
}

/// Returns the maps of some programs, each once, by name.
pub(super) fn by_name<'a>(
    programs: impl Iterator<Item = &'a OwnedFd>,
) -> io::Result<BTreeMap<String, OwnedFd>> {
    let mut found = BTreeMap::new();
    for program in programs {
        for map in maps_of(program.as_fd())? {
            found.entry(map_name(map.as_fd())?).or_insert(map);
        }
    }
    Ok(found)
}

/// Returns the kernel memory of each map of some programs.
pub(super) fn maps<'a>(programs: impl Iterator<Item = &'a OwnedFd>) -> io::Result<Vec<MapInfo>> {
    by_name(programs)?
        .into_iter()
        .map(|(name, map)| {
            let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", map.as_raw_fd()))?;
            let octets = info
                .lines()
                .find_map(|line| line.strip_prefix("memlock:"))
                .and_then(|octets| octets.trim().parse().ok())
                .ok_or_else(|| io::Error::other("no `memlock` in fdinfo"))?;
            Ok(MapInfo { name, octets })
        })
        .collect()
}
