//! The kernel's functions that a compiled program calls: what it cannot ask for, it cannot do.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use object::{Object, ObjectSection, SectionKind};

/// `BPF_JMP | BPF_CALL`.
const CALL: u8 = 0x85;

/// Numbers of the helpers (`enum bpf_func_id`, include/uapi/linux/bpf.h) that an object's programs call.
pub(super) fn called(object: &[u8]) -> Result<BTreeSet<u32>> {
    let file = object::File::parse(object).context("cannot read the object as ELF")?;
    let mut called = BTreeSet::new();
    for section in file.sections().filter(|it| it.kind() == SectionKind::Text) {
        let mut code = section.data()?;
        // An instruction: opcode, registers (source in the upper half), offset, number.
        while let Some((&[opcode, registers, _, _, a, b, c, d], rest)) = code.split_first_chunk() {
            // Register 0: a helper, not a function of the program or of the kernel's BTF.
            if opcode == CALL && registers >> 4 == 0 {
                called.insert(u32::from_le_bytes([a, b, c, d]));
            }
            code = rest;
        }
    }
    Ok(called)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project;

    /// Helpers that read, or write to the program's own maps.
    const HARMLESS: [(u32, &str); 12] = [
        (1, "map_lookup_elem"),
        (2, "map_update_elem"),
        (3, "map_delete_elem"),
        (5, "ktime_get_ns"),
        (8, "get_smp_processor_id"),
        (12, "tail_call"),
        (26, "skb_load_bytes"),
        (87, "map_push_elem"),
        (88, "map_pop_elem"),
        (118, "jiffies64"),
        (130, "ringbuf_output"),
        (160, "ktime_get_coarse_ns"),
    ];

    #[test]
    fn the_program_calls_nothing_that_changes_a_packet() {
        let object = std::fs::read(project::root().join(project::OBJECT)).unwrap();
        let called = called(&object).unwrap();
        assert!(called.contains(&1) && called.contains(&26), "{called:?}");
        for helper in called {
            assert!(
                HARMLESS.iter().any(|(number, _)| *number == helper),
                "helper {helper} is called"
            );
        }
    }
}
