//! Attributes of Kubernetes objects in flows.

mod decorator;
mod list;
mod name;
mod settings;
mod sink;

pub use self::{
    decorator::Decorator,
    name::Name,
    settings::Settings,
    sink::{Decorate, decorate},
};
