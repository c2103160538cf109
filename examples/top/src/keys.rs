//! Keys: their effect on the state, and further actions.

use std::time::Duration;

use mermin_core::flow::FlowId;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::{
    model::rank::Sort,
    state::{Details, State, Tab, tabs},
};

/// Rows that a page key moves.
const PAGE: usize = 10;
/// Time of a capture that an arrow key skips.
const SKIP: Duration = Duration::from_secs(10);

/// An action of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Action {
    /// Draw another picture.
    #[default]
    Draw,
    Quit,
    /// Continue or hold.
    Hold,
    /// Multiply the speed of the capture.
    Faster(f64),
    Forward(Duration),
    Back(Duration),
    /// Read the capture from its beginning.
    Restart,
}

/// Facts besides the state that decide the effect of a key.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Around {
    /// Rows of the list.
    pub(crate) rows: usize,
    /// The flow at the cursor.
    pub(crate) chosen: Option<FlowId>,
    pub(crate) has_processes: bool,
    pub(crate) is_capture: bool,
    /// The capture can be read again.
    pub(crate) can_restart: bool,
    /// The largest scroll position of the details.
    pub(crate) last_scroll: usize,
}

/// Returns the state after a key.
pub(crate) fn press(mut state: State, key: KeyEvent, around: Around) -> (State, Action) {
    // The list may have become shorter since the latest key.
    clamp(&mut state, around);
    let action = if key.modifiers.contains(KeyModifiers::CONTROL) {
        match key.code {
            KeyCode::Char('c' | 'd') => Action::Quit,
            _ => Action::Draw,
        }
    } else if state.is_typing {
        write(&mut state, key.code)
    } else if state.is_helping {
        state.is_helping = false;
        Action::Draw
    } else {
        command(&mut state, key.code, around)
    };
    clamp(&mut state, around);
    (state, action)
}

fn clamp(state: &mut State, around: Around) {
    state.clamp(around.rows);
    if let Some(details) = &mut state.details {
        details.scroll = details.scroll.min(around.last_scroll);
    }
}

/// Handles a key while the filter is edited.
fn write(state: &mut State, key: KeyCode) -> Action {
    let mut filter = state.filter.clone();
    match key {
        KeyCode::Char(character) => filter.push(character),
        KeyCode::Backspace => _ = filter.pop(),
        KeyCode::Esc => {
            filter.clear();
            state.is_typing = false;
        }
        KeyCode::Enter => state.is_typing = false,
        _ => return Action::Draw,
    }
    state.cursor = 0;
    state.set_filter(filter);
    Action::Draw
}

fn command(state: &mut State, key: KeyCode, around: Around) -> Action {
    match key {
        KeyCode::Char('q') => return Action::Quit,
        KeyCode::Esc | KeyCode::Enter if state.details.is_some() => state.details = None,
        KeyCode::Esc => state.set_filter(String::new()),
        KeyCode::Enter => {
            let chosen = around.chosen.filter(|_| state.tab == Tab::Flows);
            state.details = chosen.map(|flow| Details { flow, scroll: 0 });
        }
        KeyCode::Char('?' | 'h') => state.is_helping = true,
        KeyCode::Char('/' | 'f') => {
            state.is_typing = true;
            state.details = None;
        }
        KeyCode::Char('b') => sort(state, Sort::Octets),
        KeyCode::Char('p') => sort(state, Sort::Packets),
        KeyCode::Char('r') => sort(state, Sort::Rate),
        KeyCode::Char('t') => sort(state, Sort::PacketRate),
        KeyCode::Char('i') => state.is_inverse = !state.is_inverse,
        KeyCode::Tab | KeyCode::Char('l') => turn(state, around, 1),
        KeyCode::BackTab => turn(state, around, tabs(around.has_processes).len() - 1),
        KeyCode::Char(' ') => {
            state.is_held = !state.is_held;
            return Action::Hold;
        }
        _ if around.is_capture => return play(state, key, around),
        _ => scroll(state, key),
    }
    Action::Draw
}

fn sort(state: &mut State, sort: Sort) {
    state.sort = sort;
    state.cursor = 0;
}

fn turn(state: &mut State, around: Around, by: usize) {
    let tabs = tabs(around.has_processes);
    let place = tabs.iter().position(|&tab| tab == state.tab).unwrap_or(0);
    state.tab = tabs[(place + by) % tabs.len()];
    state.cursor = 0;
    state.details = None;
}

/// Handles a key that controls a capture or moves the cursor.
fn play(state: &mut State, key: KeyCode, around: Around) -> Action {
    match key {
        KeyCode::Right => Action::Forward(SKIP),
        KeyCode::Left if around.can_restart => Action::Back(SKIP),
        KeyCode::Char('>') => Action::Forward(6 * SKIP),
        KeyCode::Char('<') if around.can_restart => Action::Back(6 * SKIP),
        KeyCode::Char('0') if around.can_restart => Action::Restart,
        KeyCode::Char('+' | '=') => Action::Faster(2.0),
        KeyCode::Char('-') => Action::Faster(0.5),
        _ => {
            scroll(state, key);
            Action::Draw
        }
    }
}

fn scroll(state: &mut State, key: KeyCode) {
    let place = match &mut state.details {
        Some(details) => &mut details.scroll,
        None => &mut state.cursor,
    };
    *place = match key {
        KeyCode::Up | KeyCode::Char('k') => place.saturating_sub(1),
        KeyCode::Down | KeyCode::Char('j') => *place + 1,
        KeyCode::PageUp => place.saturating_sub(PAGE),
        KeyCode::PageDown => *place + PAGE,
        KeyCode::Home | KeyCode::Char('g') => 0,
        KeyCode::End | KeyCode::Char('G') => usize::MAX / 2,
        _ => *place,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around() -> Around {
        Around {
            rows: 30,
            chosen: Some(FlowId::from_u128(7)),
            last_scroll: 15,
            ..Around::default()
        }
    }

    fn after(state: State, keys: &[KeyCode], around: Around) -> (State, Action) {
        keys.iter().fold((state, Action::Draw), |(state, _), &key| {
            press(state, KeyEvent::from(key), around)
        })
    }

    fn typed(text: &str) -> Vec<KeyCode> {
        text.chars().map(KeyCode::Char).collect()
    }

    #[test]
    fn each_sort_order_has_a_key() {
        for (key, sort) in [
            ('b', Sort::Octets),
            ('p', Sort::Packets),
            ('t', Sort::PacketRate),
            ('r', Sort::Rate),
        ] {
            let (state, _) = after(State::default(), &typed(&key.to_string()), around());
            assert_eq!(state.sort, sort);
        }
        let (state, _) = after(State::default(), &typed("i"), around());
        assert!(state.is_inverse);
    }

    #[test]
    fn the_cursor_stays_in_the_list() {
        let down = [KeyCode::Down, KeyCode::PageDown, KeyCode::Up];
        let (state, _) = after(State::default(), &down, around());
        assert_eq!(state.cursor, 10);
        let (state, _) = after(state, &[KeyCode::End], around());
        assert_eq!(state.cursor, 29);
        let (state, _) = after(
            state,
            &[KeyCode::Down],
            Around {
                rows: 3,
                ..around()
            },
        );
        assert_eq!(state.cursor, 2);
        let (state, _) = after(state, &[KeyCode::Down], Around::default());
        assert_eq!(state.cursor, 0);
    }

    #[test]
    fn filter_applies_while_typing_once_valid() {
        let (state, _) = after(State::default(), &typed("/port=4"), around());
        assert!(state.is_typing && state.fault.is_none() && !state.expression.is_empty());
        let before = state.expression.clone();
        let (state, _) = after(state, &typed(" q"), around());
        assert!(state.fault.is_some());
        assert_eq!((&*state.filter, &state.expression), ("port=4 q", &before));
        let (state, _) = after(state, &[KeyCode::Backspace, KeyCode::Enter], around());
        assert!(!state.is_typing && state.fault.is_none());
        // Keys are commands again, and escape removes the filter.
        let (state, action) = after(state, &typed("q"), around());
        assert_eq!(action, Action::Quit);
        let (state, _) = after(state, &[KeyCode::Esc], around());
        assert!(state.expression.is_empty() && state.filter.is_empty());
    }

    #[test]
    fn details_show_the_flow_at_the_cursor() {
        let open = [KeyCode::Enter, KeyCode::Down, KeyCode::Down];
        let (state, _) = after(State::default(), &open, around());
        let details = state.details.unwrap();
        assert_eq!((details.flow, details.scroll), (FlowId::from_u128(7), 2));
        assert_eq!(state.cursor, 0);
        // The cursor does not pass the end, so the first key up scrolls.
        let up = [KeyCode::End, KeyCode::PageDown, KeyCode::Up];
        let (state, _) = after(state, &up, around());
        assert_eq!(state.details.map(|details| details.scroll), Some(14));
        let (state, _) = after(state, &[KeyCode::Esc], around());
        assert_eq!(state.details, None);
        let (state, _) = after(state, &[KeyCode::Tab, KeyCode::Enter], around());
        assert_eq!((state.tab, state.details), (Tab::Interfaces, None));
    }

    #[test]
    fn processes_tab_requires_process_lookup() {
        let (state, _) = after(State::default(), &[KeyCode::Tab; 2], around());
        assert_eq!(state.tab, Tab::Flows);
        let around = Around {
            has_processes: true,
            ..around()
        };
        let (state, _) = after(state, &[KeyCode::BackTab], around);
        assert_eq!(state.tab, Tab::Processes);
    }

    #[test]
    fn playback_pauses_skips_and_changes_speed() {
        let capture = Around {
            is_capture: true,
            can_restart: true,
            ..around()
        };
        for (key, action) in [
            (KeyCode::Right, Action::Forward(SKIP)),
            (KeyCode::Left, Action::Back(SKIP)),
            (KeyCode::Char('+'), Action::Faster(2.0)),
            (KeyCode::Char('-'), Action::Faster(0.5)),
            (KeyCode::Char('0'), Action::Restart),
        ] {
            assert_eq!(after(State::default(), &[key], capture).1, action);
            assert_eq!(after(State::default(), &[key], around()).1, Action::Draw);
        }
        let pipe = Around {
            can_restart: false,
            ..capture
        };
        for key in [KeyCode::Left, KeyCode::Char('<'), KeyCode::Char('0')] {
            assert_eq!(after(State::default(), &[key], pipe).1, Action::Draw);
        }
        let (state, action) = after(State::default(), &typed(" "), capture);
        assert!(state.is_held);
        assert_eq!(action, Action::Hold);
    }

    #[test]
    fn control_c_quits_while_a_filter_is_typed() {
        let (state, _) = after(State::default(), &typed("/"), around());
        let key = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(press(state, key, around()).1, Action::Quit);
    }
}
