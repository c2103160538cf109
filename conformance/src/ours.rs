//! Reads a capture with this project's source.

use std::{
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use futures::{StreamExt as _, executor::block_on};
use mermin_core::{Error, ErrorKind, FlowSource, Stats};

use crate::conversation::{Conversation, Conversations, Dates};

/// Everything read from a capture.
#[derive(Debug)]
pub(crate) struct Ours {
    pub(crate) conversations: Conversations,
    pub(crate) dates: Dates,
    pub(crate) stats: Stats,
    /// The error that ended it early.
    pub(crate) error: Option<Error>,
}

impl Ours {
    /// Reads a capture to its end or to damage.
    pub(crate) fn read(path: &Path) -> Self {
        block_on(async {
            let mut ours = Self {
                conversations: Conversations::new(),
                dates: Dates::new(),
                stats: Stats::default(),
                error: None,
            };
            let mut source = match FlowSource::builder().pcap(path).open().await {
                Ok(source) => source,
                Err(error) => {
                    ours.error = Some(error);
                    return ours;
                }
            };
            while let Some(item) = source.next().await {
                let flow = match item {
                    Ok(flow) => flow,
                    Err(error) => {
                        ours.error = Some(error);
                        break;
                    }
                };
                let end = |end: &mermin_core::flow::Endpoint| (end.address, end.port.unwrap_or(0));
                let conversation =
                    Conversation::new(end(&flow.source), end(&flow.destination), flow.protocol.0);
                let sum = ours.conversations.entry(conversation).or_default();
                let [start, end] = [flow.start, flow.end].map(nanoseconds);
                let date = ours.dates.entry(conversation).or_insert([start, end]);
                *date = [date[0].min(start), date[1].max(end)];
                for half in [&flow.forward, &flow.reverse] {
                    sum.add(half.packets.delta, half.octets.delta);
                }
            }
            ours.stats = source.handle().stats();
            ours
        })
    }

    /// Returns its error without the path of the file.
    pub(crate) fn told_error(&self, path: &Path) -> String {
        let error = self.error.as_ref().map(ToString::to_string);
        error
            .unwrap_or_default()
            .replace(&format!("`{}`", path.display()), "it")
    }

    /// Returns true if it ended at an unsupported link type.
    pub(crate) fn is_of_another_link(&self) -> bool {
        self.error
            .as_ref()
            .is_some_and(|error| error.kind() == ErrorKind::Unsupported)
    }
}

/// Returns nanoseconds since 1970, negative before.
fn nanoseconds(date: SystemTime) -> i64 {
    let since = date.duration_since(UNIX_EPOCH);
    let [after, before] = match since {
        Ok(after) => [after.as_nanos(), 0],
        Err(before) => [0, before.duration().as_nanos()],
    };
    i64::try_from(after).unwrap_or(i64::MAX) - i64::try_from(before).unwrap_or(i64::MAX)
}
