//! Retries and the buffer before a target.

use mermin_config::Config;
use mermin_core::sink::{Backoff, Batching, BoxSink, Overflow, buffered, retry};

use crate::Result;

/// Checks that an overflow policy fits a buffer for this many records: without a buffer, only [`Overflow::Block`] does.
///
/// # Errors
/// A policy that drops records of a buffer that is not there.
pub fn check_overflow(buffer: usize, overflow: Overflow) -> Result<()> {
    if buffer == 0 && overflow != Overflow::Block {
        return Err("cannot drop records of a buffer without room: give it room for 1 record or more, or the policy `block`".into());
    }
    Ok(())
}

/// Checks that all targets of a file have one seed of the Community ID: those of `export "flows"` have 0.
///
/// # Errors
/// Another seed, if there are targets of that block.
pub fn check_seed(config: &Config, has_flows: bool) -> Result<()> {
    if has_flows && config.span().community_id_seed().get() != 0 {
        return Err("cannot use `span.community_id_seed` beside `export \"flows\"`, whose targets have the seed 0: leave one of them out".into());
    }
    Ok(())
}

/// Returns the buffer and the policy of `export "flows"`; without a file, their defaults.
#[must_use]
pub fn buffer_of(config: Option<&Config>) -> (usize, Overflow) {
    let default = Config::default();
    let flows = config.unwrap_or(&default).export().flows();
    let buffer = usize::try_from(flows.buffer().get()).unwrap_or(usize::MAX);
    (buffer, flows.overflow().into())
}

/// Adds retries without end before the sink of a target, and a buffer for this many records.
///
/// With 0 there is no buffer: `Ok` means that the target has accepted the records. Others wait in the kernel's table, so a killed
/// process loses none of a pinned source. `batching` has no effect then.
#[must_use]
pub fn in_front_of(
    sink: BoxSink,
    batching: Batching,
    buffer: usize,
    overflow: Overflow,
) -> BoxSink {
    let sink = retry(sink, Backoff::default());
    if buffer == 0 {
        return BoxSink::new(sink);
    }
    BoxSink::new(buffered(sink, buffer, overflow).batch(batching))
}

#[cfg(test)]
mod tests {
    use std::{future::pending, pin::pin, task::Waker};

    use mermin_core::sink::{BoxError, FlowSink as _, from_fn, testing::flows};

    use super::*;

    #[test]
    fn policy_for_a_buffer_that_is_not_there_is_refused() {
        for (buffer, overflow, is_accepted) in [
            (0, Overflow::Block, true),
            (1, Overflow::DropOldest, true),
            (0, Overflow::DropOldest, false),
            (0, Overflow::DropNewest, false),
        ] {
            assert_eq!(check_overflow(buffer, overflow).is_ok(), is_accepted);
        }
    }

    #[test]
    fn without_a_buffer_a_record_is_delivered_when_the_target_has_it() {
        let is_accepted = |buffer| {
            let away = from_fn(|_| async {
                pending::<()>().await;
                Ok::<_, BoxError>(())
            });
            let mut sink = in_front_of(
                BoxSink::new(away),
                Batching::default(),
                buffer,
                Overflow::Block,
            );
            let flows = flows(40);
            let mut export = pin!(sink.export(&flows));
            let mut context = std::task::Context::from_waker(Waker::noop());
            export.as_mut().poll(&mut context).is_ready()
        };
        assert!(is_accepted(100));
        assert!(!is_accepted(0));
    }
}
