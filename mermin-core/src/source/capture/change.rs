//! Other options for a source that runs.

use futures_channel::oneshot;
use mermin_bpf::abi::slot::state;

use super::open::Capture;
use crate::{
    error::Error,
    source::{
        control::Request,
        reconfigure::{Reconfigured, Setting, adopt, compare},
    },
    table::moment::Moment,
};

/// A change whose steps with interfaces are being taken.
pub(super) type Pending = (oneshot::Sender<Result<Reconfigured, Error>>, Reconfigured);

impl Capture {
    /// Takes up the next change that was asked for, once the one before is done with, and answers when it is in force.
    pub(super) fn serve(&mut self) {
        if self.changing.is_none()
            && let Some(request) = self.control.next_request()
        {
            let answer = match self.change(&request) {
                Ok(changed) => {
                    adopt(&mut self.options, request.options);
                    self.changing = Some((request.answer, changed));
                    return;
                }
                Err(error) => Err(error),
            };
            // Whoever asked may have gone.
            let _ = request.answer.send(answer);
        }
    }

    /// Answers when every interface that is wanted was tried, and none is watched that is not.
    pub(super) fn answer(&mut self) {
        if self.interfaces.is_aligned()
            && let Some((answer, changed)) = self.changing.take()
        {
            let _ = answer.send(Ok(changed));
        }
    }

    /// All of it or, with an error, nothing.
    fn change(&mut self, request: &Request) -> Result<Reconfigured, Error> {
        let wanted = &request.options;
        let changed = compare(&self.options, wanted);
        let differs = |setting| changed.applied.contains(&setting);
        let hot_plug = !wanted.no_hot_plug;
        if differs(Setting::Interfaces) {
            self.hear_of_links();
            self.interfaces.check_another(&request.selector, hot_plug)?;
        }
        if differs(Setting::Filter) {
            self.refilter(wanted.filter.clone())?;
        }
        if differs(Setting::Interfaces) {
            self.interfaces.select(request.selector.clone(), hot_plug);
        }
        if differs(Setting::Timeouts) {
            self.limits = wanted.timeouts.into();
            self.look_at_all();
        }
        Ok(changed)
    }

    /// Has every open flow looked at by the next sweep: it may be due earlier than was thought.
    fn look_at_all(&mut self) {
        for slot in 0..self.shared.slab.touched() {
            if self.due[slot as usize] != Moment::CLOSING
                && self.shared.slab.state(slot) != state::FREE
            {
                self.due[slot as usize] = Moment::NOW;
            }
        }
        self.sweep_at = 0;
    }
}
