//! Effect of one packet on a flow: pure, and shared by the kernel program and the offline source.

pub mod answer;
pub mod fragment;
pub mod initial;
pub mod key;
pub mod measure;
pub mod origin;
pub mod parsed_frame;
pub mod pass;
pub mod section;
pub mod tcp;
pub mod tcp_analysis;
