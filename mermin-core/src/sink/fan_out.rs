//! Several sinks as one: tuples of up to eight, and `Vec`.
//!
//! Each member receives every batch, concurrently. The call returns when all members have returned, so the slowest
//! member sets the pace. [`buffered`](super::buffered) around a member lets the others continue. If one member fails,
//! the others still get the batch. A batch that failed at one member is exported to all members again, so the others
//! receive it twice.

use std::{
    fmt,
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use super::{BoxError, FlowSink, Refusal, Repeat};
use crate::flow::Flow;

/// The errors of a fan-out, by member.
#[derive(Debug, thiserror::Error)]
#[error("{} of {members} sinks failed{}", .failures.len(), Each(.failures))]
pub struct FanOutError {
    members: usize,
    failures: Vec<(usize, BoxError)>,
}

impl FanOutError {
    /// Each failed member's number, from 0, and its error.
    pub fn failures(&self) -> impl Iterator<Item = (usize, &BoxError)> {
        self.failures.iter().map(|(member, error)| (*member, error))
    }

    /// Returns `Ok` if no member failed. The batch is retried unless all failed members refused it permanently. The
    /// delay is the longest that a member asks for.
    fn check(members: usize, failures: Vec<(usize, BoxError)>) -> Result<(), BoxError> {
        if failures.is_empty() {
            return Ok(());
        }
        let answers: Vec<_> = failures
            .iter()
            .map(|(_, error)| Refusal::of(&**error))
            .collect();
        let error = Self { members, failures };
        if answers.iter().all(|answer| *answer == Some(Repeat::Never)) {
            return Err(Refusal::permanent(error).into());
        }
        let patience = answers.into_iter().filter_map(|answer| match answer {
            Some(Repeat::After(patience)) => Some(patience),
            _ => None,
        });
        Err(match patience.max() {
            Some(patience) => Refusal::repeat_after(patience, error).into(),
            None => error.into(),
        })
    }
}

struct Each<'a>(&'a [(usize, BoxError)]);

impl fmt::Display for Each<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (member, error)) in self.0.iter().enumerate() {
            let mark = if at == 0 { ":" } else { ";" };
            write!(f, "{mark} number {}: {error}", member + 1)?;
        }
        Ok(())
    }
}

/// A future, then its output.
enum Joined<F: Future> {
    Running(F),
    Done(Option<F::Output>),
}

impl<F: Future> Joined<Pin<&mut F>> {
    fn is_ready(&mut self, context: &mut Context<'_>) -> bool {
        if let Self::Running(future) = self
            && let Poll::Ready(output) = future.as_mut().poll(context)
        {
            *self = Self::Done(Some(output));
        }
        matches!(self, Self::Done(_))
    }

    fn output(&mut self) -> Option<F::Output> {
        match self {
            Self::Done(output) => output.take(),
            Self::Running(_) => None,
        }
    }
}

macro_rules! join {
    ($($future:ident = $made:expr;)+) => {{
        $(let $future = pin!($made);)+
        $(let mut $future = Joined::Running($future);)+
        poll_fn(|context| {
            let ready = [$($future.is_ready(context),)+];
            if ready.contains(&false) {
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
        [$($future.output(),)+]
    }};
}

macro_rules! tuple {
    ($($sink:ident $name:ident)+) => {
        impl<$($sink: FlowSink,)+> FlowSink for ($($sink,)+) {
            async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
                let ($($name,)+) = self;
                checked(join!($($name = $name.export(flows);)+))
            }

            async fn idle(&mut self) {
                let ($($name,)+) = self;
                join!($($name = $name.idle();)+);
            }

            async fn close(&mut self) -> Result<(), BoxError> {
                let ($($name,)+) = self;
                checked(join!($($name = $name.close();)+))
            }

            fn waiting(&self) -> u64 {
                let ($($name,)+) = self;
                [$($name.waiting(),)+].iter().sum()
            }
        }
    };
}

tuple!(A a B b);
tuple!(A a B b C c);
tuple!(A a B b C c D d);
tuple!(A a B b C c D d E e);
tuple!(A a B b C c D d E e G g);
tuple!(A a B b C c D d E e G g H h);
tuple!(A a B b C c D d E e G g H h I i);

fn checked<const N: usize>(outcomes: [Option<Result<(), BoxError>>; N]) -> Result<(), BoxError> {
    let failures = outcomes
        .into_iter()
        .enumerate()
        .filter_map(|(at, outcome)| {
            let error = outcome?.err()?;
            Some((at, error))
        });
    FanOutError::check(N, failures.collect())
}

/// Polls all futures until each is ready.
async fn all<T>(futures: impl Iterator<Item = impl Future<Output = T> + Send>) -> Vec<T> {
    let mut running: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    poll_fn(|context| {
        let mut ready = true;
        for (future, output) in &mut running {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(value) => *output = Some(value),
                    Poll::Pending => ready = false,
                }
            }
        }
        if ready {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    running
        .into_iter()
        .filter_map(|(_, output)| output)
        .collect()
}

impl<S: FlowSink> FlowSink for Vec<S> {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        check_all(all(self.iter_mut().map(|sink| sink.export(flows))).await)
    }

    async fn idle(&mut self) {
        all(self.iter_mut().map(FlowSink::idle)).await;
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        check_all(all(self.iter_mut().map(FlowSink::close)).await)
    }

    fn waiting(&self) -> u64 {
        self.iter().map(FlowSink::waiting).sum()
    }
}

fn check_all(outcomes: Vec<Result<(), BoxError>>) -> Result<(), BoxError> {
    let members = outcomes.len();
    let failures = outcomes
        .into_iter()
        .enumerate()
        .filter_map(|(at, outcome)| Some((at, outcome.err()?)));
    FanOutError::check(members, failures.collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn answer(errors: Vec<BoxError>) -> Option<Repeat> {
        let failures = errors.into_iter().enumerate().collect();
        let error = FanOutError::check(3, failures).unwrap_err();
        Refusal::of(&*error)
    }

    #[test]
    fn fan_out_error_is_retryable_if_one_members_is() {
        let never = || Refusal::permanent("no").into();
        let after = |seconds| Refusal::repeat_after(Duration::from_secs(seconds), "busy").into();
        assert!(FanOutError::check(3, Vec::new()).is_ok());
        assert_eq!(answer(vec![never(), never()]), Some(Repeat::Never));
        assert_eq!(answer(vec![never(), "down".into()]), None);
        let longest = Some(Repeat::After(Duration::from_secs(7)));
        assert_eq!(answer(vec![after(3), after(7), never()]), longest);
    }
}
