//! Tests the program on a real terminal with tmux: sends keys and reads the screen.
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

use mermin_testing::{is_installed, needs, plain, waiting_arguments, with};

fn main() -> ExitCode {
    if env::var_os(end::PANIC).is_some() {
        return end::panic_on_the_terminal();
    }
    if env::var_os(live::SEND).is_some() {
        return live::send();
    }
    let arguments = waiting_arguments();
    let can_capture = is_installed("tmux") && live::can_capture();
    let lacks = "`tmux` is not installed, or no flow can be captured here";
    let trials = vec![
        with(
            "tmux",
            "capture_playback_pauses_and_resumes",
            capture::plays,
        ),
        with(
            "tmux",
            "capture_playback_goes_back_and_on",
            capture::goes_back,
        ),
        with(
            "tmux",
            "missing_capture_file_keeps_the_last_screen",
            capture::gone,
        ),
        with("tmux", "typed_filter_applies", screen::filter),
        with("tmux", "details_tabs_and_help", screen::details),
        with("tmux", "terminal_resize_redraws", screen::resize),
        with("tmux", "no_color_disables_colours", screen::colour),
        with("tmux", "terminal_is_restored_after_quitting", end::quit),
        with("tmux", "terminal_is_restored_after_sigterm", end::sigterm),
        with(
            "tmux",
            "program_ends_when_its_terminal_closes",
            end::terminal_gone,
        ),
        with("tmux", "terminal_is_restored_after_a_panic", end::panic),
        with(
            "tmux",
            "dumb_terminal_gets_no_control_characters",
            plain::dumb,
        ),
        plain(
            "screens_are_printed_if_output_is_not_a_terminal",
            plain::printed,
        ),
        plain("printed_screens_end_with_the_capture", plain::ends),
        plain("failed_source_is_an_error", plain::fails),
        plain("invalid_arguments_are_reported", plain::wrong),
        needs(
            can_capture,
            lacks,
            "live_flows_of_this_host_are_shown",
            live::shows,
        ),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}
