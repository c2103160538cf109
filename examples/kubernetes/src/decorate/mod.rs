//! Attributes of Kubernetes objects in flows.

mod decorator;
mod list;
mod name;
mod networks;
mod settings;
mod sink;

pub use self::{
    decorator::Decorator,
    name::Name,
    networks::InvalidNetwork,
    settings::Settings,
    sink::{Decorate, decorate},
};
