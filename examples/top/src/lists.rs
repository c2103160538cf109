//! The rows of the list, in order.

use crate::{
    model::{
        Model, Row,
        groups::Group,
        rank::{rank, rank_groups},
    },
    state::{State, Tab},
};

/// Rows of a model, selected by the user's choices.
pub(crate) struct Lists<'a> {
    /// The first flows that the filter admits.
    pub(crate) flows: Vec<&'a Row>,
    /// Number of all flows that it admits.
    pub(crate) wanted: usize,
    /// Groups of the tab; empty for the tab of flows.
    pub(crate) groups: Vec<&'a Group>,
}

impl<'a> Lists<'a> {
    pub(crate) fn of(model: &'a Model, state: &State) -> Self {
        let (sort, is_inverse) = (state.sort, state.is_inverse);
        let (flows, wanted) = rank(model.rows(), sort, is_inverse, |row| {
            state.expression.admits(&row.flow)
        });
        let groups = match state.tab {
            Tab::Flows => Vec::new(),
            Tab::Interfaces => rank_groups(model.groups.interfaces(), sort, is_inverse),
            Tab::Processes => rank_groups(model.groups.processes(), sort, is_inverse),
            Tab::Names => rank_groups(model.groups.names(), sort, is_inverse),
        };
        Self {
            flows,
            wanted,
            groups,
        }
    }

    /// Returns the number of rows of the tab.
    pub(crate) fn rows(&self, tab: Tab) -> usize {
        match tab {
            Tab::Flows => self.flows.len(),
            Tab::Interfaces | Tab::Processes | Tab::Names => self.groups.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::tests::flow;

    #[test]
    fn cursor_moves_to_the_last_row_when_rows_disappear() {
        let mut model = Model::default();
        model.open(&[flow(1, 10), flow(2, 5)]);
        model.end_frame(Duration::from_secs(1));
        let mut state = State {
            cursor: 700,
            ..State::default()
        };
        for (tab, cursor) in [(Tab::Flows, 1), (Tab::Interfaces, 0), (Tab::Names, 0)] {
            state.tab = tab;
            state.clamp(Lists::of(&model, &state).rows(tab));
            assert_eq!(state.cursor, cursor);
        }
    }
}
