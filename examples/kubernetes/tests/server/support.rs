//! Clusters that follow the test's server, and its answers.

use mermin_kubernetes::{FollowSettings, Kind};
use mermin_testing::until;

use crate::api_server::{Answer, ApiServer};
pub(crate) use crate::followed::{Followed, address, condition, flow, lists, pace, pod, text};

/// Follows a server at an address, with short waits.
pub(crate) fn follow(
    url: http::Uri,
    change: impl FnOnce(FollowSettings) -> FollowSettings,
) -> Followed {
    let settings = FollowSettings::default()
        .config(kube::Config::new(url))
        .pace(pace());
    Followed::of(change(settings))
}

/// Follows pods alone.
pub(crate) fn pods(server: &ApiServer) -> Followed {
    follow(server.url(), |settings| settings.kinds([Kind::Pod]))
}

pub(crate) fn status(code: u16, message: &str) -> Answer {
    Answer::Status(code, message.to_owned(), None)
}

pub(crate) fn unreadable(followed: &Followed) -> u64 {
    followed.health().of(Kind::Pod).unwrap().unreadable
}

/// A server with one pod, and a cluster that knows it.
pub(crate) fn one_pod() -> (ApiServer, Followed) {
    let server = ApiServer::start();
    server.put("pods", pod(1));
    let followed = pods(&server).synced();
    until("a watch", || server.watches("pods") == 1);
    (server, followed)
}
