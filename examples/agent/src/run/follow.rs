//! Follows the cluster of a plan.

use mermin_kubernetes::{Cluster, Follower};
use mermin_program::Result;

use crate::{configuration::Plan, pipeline::Decoration, state::Followed};

/// Begins to follow the cluster of a plan, if it has one. Flows never wait for it.
///
/// # Errors
/// If the thread that follows cannot be started.
pub(super) fn followed(plan: &Plan) -> Result<Option<Followed>> {
    let Some(plan) = &plan.cluster else {
        return Ok(None);
    };
    let cluster = Cluster::new(plan.extract.clone());
    let follower = Follower::start(&cluster, plan.follow())?;
    Ok(Some(Followed::new(follower, cluster, plan.sync_timeout)))
}

/// Returns the decoration that the plan adds to records, if it has a cluster and that is followed.
pub(super) fn decoration(followed: Option<&Followed>, plan: &Plan) -> Option<Decoration> {
    let (followed, plan) = followed.zip(plan.cluster.as_ref())?;
    Some(Decoration {
        cluster: followed.cluster.clone(),
        settings: plan.decorate(),
    })
}
