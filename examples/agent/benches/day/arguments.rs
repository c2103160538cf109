//! Size and troubles of a day.

use std::{env, time::Duration};

/// The size of a day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arguments {
    /// For how long flows are sent.
    pub(crate) time: Duration,
    /// Short flows that begin in a second.
    pub(crate) rate: u32,
    /// Flows for which the agent has room.
    pub(crate) capacity: u32,
    /// How often the agent is killed. One that is not shows if its memory grows.
    pub(crate) kills: u32,
}

impl Arguments {
    /// Reads `--minutes`, `--rate`, `--capacity` and `--kills`. `None` without the first.
    pub(crate) fn parse() -> Option<Self> {
        let words: Vec<String> = env::args().collect();
        let after = |name: &str| -> Option<u32> {
            let at = words.iter().position(|word| word == name)?;
            Some(words[at + 1].parse().unwrap())
        };
        Some(Self {
            time: Duration::from_mins(after("--minutes")?.into()),
            rate: after("--rate").unwrap_or(50_000),
            capacity: after("--capacity").unwrap_or(262_144),
            kills: after("--kills").unwrap_or(10),
        })
    }
}
