//! Names of Kubernetes objects at both endpoints of mermin-core's flows.
//!
//! [`Index`] finds objects by the fields of a flow: addresses, ports, containers. [`Decorator`] and [`decorate`] add
//! attributes to flows, and the feature `client` follows a cluster's API server. README.md has the attributes and what
//! happens when the server is away.

pub mod api;
mod cluster;
mod decorate;
mod extract;
mod index;
mod kind;
mod moment;
mod protocol;
#[cfg(feature = "client")]
mod watch;

#[cfg(feature = "client")]
pub use self::watch::{Condition, FollowSettings, Follower, Health, KindHealth, Pace, Problem};
pub use self::{
    cluster::{Cluster, Ends},
    decorate::{Decorate, Decorator, InvalidNetwork, Name, Settings, decorate},
    extract::Extract,
    index::{End, Index, Owner, OwnerKind},
    kind::{Kind, Resource},
    moment::Moment,
};
