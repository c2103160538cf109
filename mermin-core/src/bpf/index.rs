//! Removes flows from the kernel's index, and returns their slots.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use mermin_bpf::abi::key::{KeyV4, KeyV6};

use crate::sys::{bpf, bpf_pin};

/// The two indexes and the stack of free slots.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) v4: OwnedFd,
    pub(crate) v6: OwnedFd,
    pub(crate) free: OwnedFd,
}

/// Keys of flows that are being closed.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    pub(crate) v4: Vec<KeyV4>,
    pub(crate) v6: Vec<KeyV6>,
}

impl Keys {
    /// Removes all keys and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.v4.clear();
        self.v6.clear();
    }
}

impl Index {
    /// Deletes keys. A missing key is no error.
    pub(crate) fn delete(&self, keys: &Keys) -> io::Result<()> {
        delete_all(&keys.v4, |keys| bpf::delete_batch(self.v4.as_fd(), keys))?;
        delete_all(&keys.v6, |keys| bpf::delete_batch(self.v6.as_fd(), keys))
    }

    /// Returns true if the only key in `keys` leads to a slot.
    pub(crate) fn leads_to(&self, keys: &Keys, slot: u32) -> io::Result<bool> {
        let found = match (keys.v4.first(), keys.v6.first()) {
            (Some(key), _) => bpf_pin::look_up(self.v4.as_fd(), key)?,
            (None, Some(key)) => bpf_pin::look_up(self.v6.as_fd(), key)?,
            (None, None) => None,
        };
        Ok(found == Some(slot))
    }

    /// Returns a slot to the kernel program.
    pub(crate) fn give_back(&self, slot: u32) -> io::Result<()> {
        retry_busy(|| bpf::push(self.free.as_fd(), slot))
    }
}

/// Continues after each key that stopped the batch: past a missing one, again at a busy one.
fn delete_all<K>(
    keys: &[K],
    mut delete: impl FnMut(&[K]) -> Result<(), (usize, io::Error)>,
) -> io::Result<()> {
    let mut rest = keys;
    let mut refusals = 0;
    while let Err((done, error)) = delete(rest) {
        refusals = if done == 0 { refusals + 1 } else { 0 };
        let skip = match error.raw_os_error() {
            Some(libc::ENOENT) => 1,
            // Other errors (-EBUSY, -EINTR, -ENOMEM) are usually temporary, but the loop must end.
            _ if refusals < MOST_REFUSALS => 0,
            _ => return Err(error),
        };
        rest = rest.get(done + skip..).unwrap_or_default();
        if rest.is_empty() {
            break;
        }
    }
    Ok(())
}

/// Number of consecutive refusals after which an operation fails.
const MOST_REFUSALS: u32 = 10_000;

fn retry_busy(mut push: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    let mut refusals = 0;
    loop {
        match push() {
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) && refusals < MOST_REFUSALS => {
                refusals += 1;
            }
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_key_is_skipped_and_busy_key_is_retried() {
        let mut calls = Vec::new();
        let mut busy = true;
        let result = delete_all(&[1, 2, 3, 4], |keys: &[i32]| {
            calls.push(keys.to_vec());
            match keys {
                // Key 1 is deleted, key 2 is missing.
                [1, ..] => Err((1, io::Error::from_raw_os_error(libc::ENOENT))),
                [3, ..] if std::mem::take(&mut busy) => {
                    Err((0, io::Error::from_raw_os_error(libc::EBUSY)))
                }
                _ => Ok(()),
            }
        });
        assert!(result.is_ok());
        assert_eq!(calls, [vec![1, 2, 3, 4], vec![3, 4], vec![3, 4]]);
    }

    #[test]
    fn permanent_delete_error_is_returned() {
        let result = delete_all(&[1], |_| {
            Err((0, io::Error::from_raw_os_error(libc::EPERM)))
        });
        assert_eq!(
            result.err().and_then(|error| error.raw_os_error()),
            Some(libc::EPERM)
        );
    }

    #[test]
    fn the_last_key_may_be_the_missing_one() {
        let result = delete_all(&[1, 2], |keys| {
            Err((keys.len() - 1, io::Error::from_raw_os_error(libc::ENOENT)))
        });
        assert!(result.is_ok());
    }
}
