//! What one packet does to a flow: pure, and shared by the kernel program and the offline source.

pub mod arrival;
pub mod fragment;
pub mod key;
pub mod measure;
pub mod origin;
pub mod tcp;
