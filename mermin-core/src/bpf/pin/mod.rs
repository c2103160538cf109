//! Things that outlive the process: maps, links and programs that have a name in a BPF file system.
//!
//! ```text
//! <bpffs>/mermin/<instance>/                  locked by whoever owns the instance
//! <bpffs>/mermin/<instance>/<layout>/         all there is to one layout of memory, or nothing
//! <bpffs>/mermin/<instance>/making/           what is not all there yet
//! <bpffs>/mermin/<instance>/leaving/          what is no longer all there
//! ```
//!
//! A directory gets the layout's name when everything is in it, and loses it before anything is taken out, so a process
//! may be killed at any moment and leaves nothing that looks whole and is not.

pub(crate) mod departed;
mod directory;
pub(crate) mod identity;
pub(crate) mod instance;
pub(crate) mod interfaces;
pub(crate) mod journal;
pub(crate) mod lock;
pub(crate) mod names;
mod pages;
pub(crate) mod redo;
pub(crate) mod supply;
