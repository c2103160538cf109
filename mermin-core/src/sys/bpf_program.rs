//! Abilities of a foreign program at a hook.

use std::{io, os::fd::AsFd};

use aya_obj::generated::{bpf_cmd, bpf_map_type::BPF_MAP_TYPE_PROG_ARRAY};

use super::{
    bpf_call::open_id,
    bpf_link::{maps_of, open_program},
    bpf_pin::{look_up, shape},
};

/// Returns true if a program has another program to call. The kernel empties an array of programs when no process has a
/// descriptor of it and no pin keeps it, even if programs still use it. Until then, such an array has the programs that it
/// was loaded with.
///
/// # Errors
/// The kernel's: EPERM without `CAP_SYS_ADMIN`, ENOENT if the program no longer exists.
pub(crate) fn hands_over(program: u32) -> io::Result<bool> {
    let program = open_program(program)?;
    for map in maps_of(program.as_fd())? {
        let map = open_id(bpf_cmd::BPF_MAP_GET_FD_BY_ID, map)?;
        let shape = shape(map.as_fd())?;
        if shape.kind != BPF_MAP_TYPE_PROG_ARRAY as u32 {
            continue;
        }
        for place in 0..shape.entries {
            if look_up::<_, u32>(map.as_fd(), &place)?.is_some() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::{bpf_link::identify, bpf_load::trial::load_pass};

    #[test]
    fn first_program_has_no_next_program() {
        let program = match load_pass("alone") {
            Ok(program) => program,
            Err(error) => {
                assert!(std::env::var_os("MERMIN_REQUIRE_KERNEL").is_none());
                return eprintln!("skipped: {error}");
            }
        };
        let id = identify(program.as_fd()).unwrap().id;
        assert!(!hands_over(id).unwrap());
        drop(program);
        assert!(hands_over(u32::MAX).is_err());
    }
}
