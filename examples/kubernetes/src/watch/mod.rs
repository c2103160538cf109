//! Follows the objects of a cluster by list and watch.

mod access;
mod connection;
mod failure;
mod follow;
mod follower;
mod health;
mod lines;
mod message;
mod pace;
mod state;

pub use self::{
    follower::{FollowSettings, Follower},
    health::{Condition, Health, KindHealth, Problem},
    pace::Pace,
};
