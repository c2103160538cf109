//! The user's choices.

use mermin_core::flow::FlowId;

use mermin_program::Expression;

use crate::model::rank::Sort;

/// A list on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tab {
    #[default]
    Flows,
    Interfaces,
    Processes,
    Names,
}

impl Tab {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Flows => "flows",
            Self::Interfaces => "interfaces",
            Self::Processes => "processes",
            Self::Names => "names",
        }
    }
}

/// Returns the available lists. Those of processes and of names need a source that looks them up.
pub(crate) const fn tabs(has_processes: bool, has_names: bool) -> &'static [Tab] {
    match (has_processes, has_names) {
        (false, false) => &[Tab::Flows, Tab::Interfaces],
        (true, false) => &[Tab::Flows, Tab::Interfaces, Tab::Processes],
        (false, true) => &[Tab::Flows, Tab::Interfaces, Tab::Names],
        (true, true) => &[Tab::Flows, Tab::Interfaces, Tab::Processes, Tab::Names],
    }
}

/// A flow with all its details on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Details {
    pub(crate) flow: FlowId,
    /// Lines above the first visible one.
    pub(crate) scroll: usize,
}

/// The state of the view.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice by itself")]
pub(crate) struct State {
    pub(crate) tab: Tab,
    pub(crate) sort: Sort,
    pub(crate) is_inverse: bool,
    /// The selected row.
    pub(crate) cursor: usize,
    /// The text of the filter.
    pub(crate) filter: String,
    /// The latest valid filter.
    pub(crate) expression: Expression,
    /// The error of the filter's text, if that is invalid.
    pub(crate) fault: Option<String>,
    pub(crate) is_typing: bool,
    pub(crate) details: Option<Details>,
    pub(crate) is_helping: bool,
    /// All degradations and reasons are on the screen, with so many lines above the first visible one.
    pub(crate) notices: Option<usize>,
    /// The lists do not change, and the playback of a capture is paused.
    pub(crate) is_held: bool,
}

impl State {
    /// Keeps the cursor within this many rows. With a cursor below its last row, a list would be blank.
    pub(crate) fn clamp(&mut self, rows: usize) {
        self.cursor = self.cursor.min(rows.saturating_sub(1));
    }

    /// Sets the text of the filter. An invalid text sets the message, and the latest valid filter stays in use.
    pub(crate) fn set_filter(&mut self, filter: String) {
        match filter.parse() {
            Ok(expression) => {
                self.expression = expression;
                self.fault = None;
            }
            Err(fault) => self.fault = Some(fault),
        }
        self.filter = filter;
    }
}
