//! Tests of keys.

use super::*;
use crate::state::tabs;

fn around() -> Around {
    Around {
        rows: 30,
        chosen: Some(FlowId::from_u128(7)),
        tabs: tabs(false, false),
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
fn cursor_stays_in_the_list() {
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
fn notices_scroll_above_the_details() {
    let keys = [KeyCode::Enter, KeyCode::Down, KeyCode::Char('!')];
    let (state, _) = after(State::default(), &keys, around());
    assert_eq!(state.notices, Some(0));
    let down = [KeyCode::PageDown, KeyCode::PageDown, KeyCode::Up];
    let (state, _) = after(state, &down, around());
    assert_eq!(state.notices, Some(14));
    // The details are as they were, also below few notices, and so is the cursor.
    let around = || Around {
        last_scroll: 0,
        ..around()
    };
    for close in [KeyCode::Esc, KeyCode::Enter, KeyCode::Char('!')] {
        let (state, _) = after(state.clone(), &[close], around());
        assert_eq!((state.notices, state.cursor), (None, 0));
        assert_eq!(state.details.map(|details| details.scroll), Some(1));
    }
    for leave in [KeyCode::Tab, KeyCode::Char('/')] {
        let (state, _) = after(state.clone(), &[leave], around());
        assert_eq!((state.notices, state.details), (None, None));
    }
}

#[test]
fn tab_key_goes_through_the_lists_that_the_source_has() {
    use Tab::{Flows, Interfaces, Names, Processes};
    for (has_processes, has_names, expected) in [
        (false, false, &[Interfaces, Flows][..]),
        (true, false, &[Interfaces, Processes, Flows]),
        (false, true, &[Interfaces, Names, Flows]),
        (true, true, &[Interfaces, Processes, Names, Flows]),
    ] {
        let around = Around {
            tabs: tabs(has_processes, has_names),
            ..around()
        };
        let mut state = State::default();
        for tab in expected {
            (state, _) = after(state, &[KeyCode::Tab], around);
            assert_eq!(state.tab, *tab);
        }
        // The other way round.
        (state, _) = after(state, &[KeyCode::BackTab], around);
        assert_eq!(state.tab, expected[expected.len() - 2]);
    }
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
