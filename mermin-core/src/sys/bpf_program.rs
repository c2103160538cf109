//! Abilities of a foreign program at a hook.
#![expect(unsafe_code, reason = "system calls take pointers")]

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use super::{
    bpf_call::open,
    bpf_link::{maps_of, open_program},
    bpf_pin::{look_up, shape},
};

const MAP_GET_FD_BY_ID: libc::c_int = 14;
const MAP_TYPE_PROG_ARRAY: u32 = 3;

/// Tells if a program has another to hand over to. The kernel empties an array of programs when no process has a descriptor
/// of it any more and nothing pins it, whatever programs use it; an array that one tells of is full of those it was loaded
/// with.
///
/// # Errors
/// The kernel's: EPERM without `CAP_SYS_ADMIN`, ENOENT when the program has gone.
pub(crate) fn hands_over(program: u32) -> io::Result<bool> {
    let program = open_program(program)?;
    for map in maps_of(program.as_fd())? {
        let map = open_map(map)?;
        let shape = shape(map.as_fd())?;
        if shape.kind != MAP_TYPE_PROG_ARRAY {
            continue;
        }
        for place in 0..shape.entries {
            if look_up(map.as_fd(), &place)?.is_some() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn open_map(id: u32) -> io::Result<OwnedFd> {
    let mut attr = [id, 0, 0];
    // SAFETY: three numbers, no pointers, and the command makes a descriptor.
    unsafe { open(MAP_GET_FD_BY_ID, &mut attr) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::{bpf_link::identify, bpf_load::trial::load_pass};

    #[test]
    fn a_program_without_others_hands_over_to_none() {
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
