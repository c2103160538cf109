//! State that outlives the process: maps, links and programs with names in a BPF file system.
//!
//! ```text
//! <bpffs>/mermin/<instance>/                  locked by the owner of the instance
//! <bpffs>/mermin/<instance>/<layout>/         complete pins of one layout of memory
//! <bpffs>/mermin/<instance>/making/           pins while they are made
//! <bpffs>/mermin/<instance>/leaving/          pins while they are removed
//! ```
//!
//! A directory gets the layout's name when it is complete, and loses it before anything is removed. So a process that
//! is killed at any moment leaves no incomplete directory with that name.

pub(crate) mod directory;
pub(crate) mod free_stack;
pub(crate) mod identity;
pub(crate) mod instance;
pub(crate) mod interfaces;
pub(crate) mod journal;
pub(crate) mod lock;
pub(crate) mod names;
mod pages;
pub(crate) mod redo;
pub(crate) mod retired;
