//! Controls the source by keys: hold, speed, skip, restart.

use std::time::{Instant, SystemTime};

use mermin_core::Pace;

use super::App;
use crate::{keys::Action, model::Model, source::Feed};

impl App {
    /// Does what a key requests besides a change of the state.
    pub(super) fn obey(&mut self, action: Action) {
        if action == Action::Hold {
            self.held = self.state.is_held.then(|| self.model.clone());
        }
        let Some(pace) = self.feed.pace().cloned() else {
            return;
        };
        let position = pace.position();
        match action {
            Action::Draw | Action::Quit => {}
            Action::Hold if self.state.is_held => pace.hold(),
            Action::Hold => pace.resume(),
            Action::Faster(times) => pace.set_speed((pace.speed() * times).clamp(0.125, 1e6)),
            Action::Forward(by) => {
                if let Some(position) = position {
                    pace.skip_to(position + by);
                }
            }
            Action::Back(by) => self.restart(&pace, position.and_then(|at| at.checked_sub(by))),
            Action::Restart => self.restart(&pace, None),
        }
    }

    /// Reads the capture again, at full speed up to a time. If it cannot be opened, the present data stays.
    fn restart(&mut self, pace: &Pace, to: Option<SystemTime>) {
        let anew = Pace::new(pace.speed());
        if let Some(to) = to {
            anew.skip_to(to);
        }
        match Feed::open(self.again.clone().pace(&anew)) {
            Ok(feed) => {
                self.feed = feed;
                self.fault = None;
                self.model = Model::default();
                self.held = None;
                self.state.details = None;
                self.state.is_held = false;
                self.updated = Instant::now();
                self.counted = self.updated;
            }
            Err(fault) => self.fault = Some(fault),
        }
        self.read_status();
    }
}
