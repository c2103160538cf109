//! How often the numbers of ports name the client of a connection whose SYN tells it.

use std::fmt;

/// Ports below this are system ports, and ports from the last one on dynamic ports (RFC 6335 section 6).
const SYSTEM: u16 = 1024;
const DYNAMIC: u16 = 49_152;
/// From this port on, Linux chooses ports of clients.
const LINUX: u16 = 32_768;

/// The kind of a port, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    System,
    User,
    Chosen,
}

/// Connections by what a rule says of them.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    right: u64,
    wrong: u64,
    silent: u64,
}

impl Tally {
    const fn add(&mut self, says: Option<bool>) {
        let count = match says {
            Some(true) => &mut self.right,
            Some(false) => &mut self.wrong,
            None => &mut self.silent,
        };
        *count += 1;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            right,
            wrong,
            silent,
        } = self;
        write!(f, "right {right}, wrong {wrong}, silent {silent}")
    }
}

/// Results of three rules.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ports {
    system: Tally,
    dynamic: Tally,
    linux: Tally,
}

impl Ports {
    /// Takes up the connection from a client's port to a server's.
    pub(super) fn add(&mut self, [client, server]: [u16; 2]) {
        let by = |first: u16| [client, server].map(|port| kind(port, first));
        let [from, to] = by(DYNAMIC);
        let is_decided = (from == Kind::System) != (to == Kind::System);
        self.system.add(is_decided.then_some(to == Kind::System));
        for (tally, first) in [(&mut self.dynamic, DYNAMIC), (&mut self.linux, LINUX)] {
            let [from, to] = by(first);
            // Those that the former rule leaves.
            if from == Kind::System || to == Kind::System {
                continue;
            }
            tally.add((from != to).then_some(to == Kind::User));
        }
    }
}

fn kind(port: u16, first_chosen: u16) -> Kind {
    match port {
        port if port < SYSTEM => Kind::System,
        port if port < first_chosen => Kind::User,
        _ => Kind::Chosen,
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "server by its port, of connections with a SYN:\n  one system port (below {SYSTEM}): {}\n  \
             without a system port, a user port against a dynamic one (from {DYNAMIC}): {}\n  \
             without a system port, a port below {LINUX} against one from there: {}",
            self.system, self.dynamic, self.linux
        )
    }
}
