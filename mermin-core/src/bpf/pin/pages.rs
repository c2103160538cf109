//! Pages that one word makes valid, even if the process is killed: the contents are written first, and the word is
//! stored atomically.

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
    sync::atomic::AtomicU64,
};

use crate::sys::{
    bpf_pin::{self, Shape},
    mapping::Mapping,
};

/// The bit of a word that says which of two values is valid.
pub(super) const SECOND: u64 = 1;

/// A value of the map.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Page<B> {
    word: u64,
    body: B,
}

/// An array of pages.
#[derive(Debug)]
pub(super) struct Pages<B> {
    pages: Mapping<Page<B>>,
}

impl<B: Copy> Pages<B> {
    /// Octets of a page.
    pub(super) const SIZE: usize = size_of::<Page<B>>();

    /// Returns the shape of their map.
    pub(super) fn shape(number: u32) -> Shape {
        bpf_pin::array_shape(Self::SIZE, number)
    }

    /// Creates the map.
    pub(super) fn create(name: &str, number: u32) -> io::Result<OwnedFd> {
        bpf_pin::create_array_of::<Page<B>>(name, number)
    }

    pub(super) fn open(map: BorrowedFd<'_>, number: u32) -> io::Result<Self> {
        Ok(Self {
            pages: Mapping::new(map, number as usize)?,
        })
    }

    pub(super) fn word(&self, number: u32) -> &AtomicU64 {
        let page = self.pages.at(number as usize);
        // SAFETY: eight aligned octets of the mapping, which lives as long as `self`, and only accessed so.
        unsafe { AtomicU64::from_ptr(&raw mut (*page).word) }
    }

    /// Returns the body behind the word: within the mapping.
    pub(super) fn body(&self, number: u32) -> *mut B {
        let page = self.pages.at(number as usize);
        // SAFETY: within the mapping.
        unsafe { &raw mut (*page).body }
    }
}

impl<T: Copy> Pages<[T; 2]> {
    /// Returns the value that this word makes valid: within the mapping.
    pub(super) fn by(&self, number: u32, word: u64) -> *mut T {
        let two = self.body(number);
        // SAFETY: within the mapping, as the index is below two.
        unsafe { &raw mut (*two)[usize::from(word & SECOND != 0)] }
    }
}
