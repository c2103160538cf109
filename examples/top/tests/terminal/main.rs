//! The program on a real terminal, by tmux: keys are sent, and what the screen shows is read.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and the lint knows only functions that are marked as tests"
)]

mod capture;
mod end;
mod live;
mod plain;
mod screen;
mod tmux;

use std::{env, process::ExitCode};

use libtest_mimic::Arguments;
use mermin_testing::{is_installed, needs, plain, with};

fn main() -> ExitCode {
    if env::var_os(end::PANIC).is_some() {
        return end::panic_on_the_terminal();
    }
    if env::var_os(live::SEND).is_some() {
        return live::send();
    }
    let arguments = Arguments::from_args();
    let can_capture = is_installed("tmux") && live::can_capture();
    let lacks = "`tmux` is not installed, or no flow can be captured here";
    let trials = vec![
        with(
            "tmux",
            "a_capture_is_played_held_and_played_again",
            capture::plays,
        ),
        with("tmux", "a_capture_that_is_gone_stays_shown", capture::gone),
        with("tmux", "a_filter_is_typed", screen::filter),
        with("tmux", "details_tabs_and_help", screen::details),
        with("tmux", "the_window_changes_its_size", screen::resize),
        with("tmux", "no_colour_where_none_is_wanted", screen::colour),
        with(
            "tmux",
            "the_terminal_is_as_it_was_after_quitting",
            end::quit,
        ),
        with(
            "tmux",
            "the_terminal_is_as_it_was_after_sigterm",
            end::sigterm,
        ),
        with(
            "tmux",
            "the_program_ends_when_its_terminal_is_gone",
            end::terminal_gone,
        ),
        with(
            "tmux",
            "the_terminal_is_as_it_was_after_a_panic",
            end::panic,
        ),
        with(
            "tmux",
            "a_dumb_terminal_gets_no_control_characters",
            plain::dumb,
        ),
        plain(
            "pictures_are_printed_where_output_is_no_terminal",
            plain::printed,
        ),
        plain("pictures_end_with_the_capture", plain::ends),
        plain("a_source_that_fails_is_an_error", plain::fails),
        plain("what_is_wrong_is_said", plain::wrong),
        needs(
            can_capture,
            lacks,
            "flows_of_this_host_while_they_last",
            live::shows,
        ),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}
