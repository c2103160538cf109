//! Checks the calls of a compiled program: only harmless kernel helpers, and no functions of its own.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use object::{Object, ObjectSection, SectionKind};

/// `BPF_JMP | BPF_CALL`.
const CALL: u8 = 0x85;
/// A call of a helper, by its number in `enum bpf_func_id`.
const HELPER: u8 = 0;

/// Returns the calls of an object's programs: the kind (`src_reg` of the call, include/uapi/linux/bpf.h) and the
/// number.
fn calls(object: &[u8]) -> Result<BTreeSet<(u8, u32)>> {
    let file = object::File::parse(object).context("cannot read the object as ELF")?;
    let mut calls = BTreeSet::new();
    for section in file.sections().filter(|it| it.kind() == SectionKind::Text) {
        let mut code = section.data()?;
        // An instruction: opcode, registers (source in the upper half), offset, number.
        while let Some((&[opcode, registers, _, _, a, b, c, d], rest)) = code.split_first_chunk() {
            if opcode == CALL {
                calls.insert((registers >> 4, u32::from_le_bytes([a, b, c, d])));
            }
            code = rest;
        }
    }
    Ok(calls)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project;

    /// Helpers that only read, or write to the program's own maps.
    const HARMLESS: [(u32, &str); 19] = [
        (1, "map_lookup_elem"),
        (2, "map_update_elem"),
        (3, "map_delete_elem"),
        (5, "ktime_get_ns"),
        (8, "get_smp_processor_id"),
        (12, "tail_call"),
        (26, "skb_load_bytes"),
        (35, "get_current_task"),
        (46, "get_socket_cookie"),
        (68, "skb_load_bytes_relative"),
        (80, "get_current_cgroup_id"),
        (96, "tcp_sock"),
        (113, "probe_read_kernel"),
        (115, "probe_read_kernel_str"),
        (118, "jiffies64"),
        (125, "ktime_get_boot_ns"),
        (130, "ringbuf_output"),
        (134, "ringbuf_query"),
        (160, "ktime_get_coarse_ns"),
    ];

    #[test]
    fn program_calls_nothing_that_changes_a_packet() {
        let object = std::fs::read(project::root().join(project::OBJECT)).unwrap();
        let calls = calls(&object).unwrap();
        assert!(calls.contains(&(HELPER, 1)) && calls.contains(&(HELPER, 26)));
        for (_, helper) in calls.into_iter().filter(|(whom, _)| *whom == HELPER) {
            assert!(
                HARMLESS.iter().any(|(number, _)| *number == helper),
                "helper {helper} is called"
            );
        }
    }

    /// Before Linux 6.3, a single function, usually `memset`, made the verifier distinguish all states more strictly:
    /// it processed two to seven times as many instructions.
    #[test]
    fn no_program_calls_a_function() {
        let object = std::fs::read(project::root().join(project::OBJECT)).unwrap();
        let mut others = calls(&object).unwrap();
        others.retain(|(whom, _)| *whom != HELPER);
        assert_eq!(others, BTreeSet::new());
    }
}
