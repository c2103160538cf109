//! The terminal is restored, however the program ends.

use std::{fs, process::ExitCode};

use mermin_testing::{Folder, wait};

use crate::tmux::{Tmux, mixed, top};

/// Set if this program must take the terminal and panic.
pub(crate) const PANIC: &str = "MERMIN_TOP_TEST_PANIC";

pub(crate) fn panic_on_the_terminal() -> ExitCode {
    let _screen = mermin_top::Screen::take().unwrap();
    // In another thread than the one with the screen, so no drop runs.
    let panicked = std::thread::spawn(|| panic!("a bug in `top`")).join();
    assert!(panicked.is_err());
    std::thread::sleep(std::time::Duration::from_mins(5));
    ExitCode::SUCCESS
}

/// Runs a command in a terminal, and prints the terminal's settings before and after it.
fn around(command: &str, folder: &Folder) -> Tmux {
    let file = |name: &str| folder.file(name).display().to_string();
    Tmux::start(&format!(
        "stty -g >{}\necho $$ >{}\n{command}\necho \"status $?\"\nstty -g >{}",
        file("before"),
        file("shell"),
        file("after"),
    ))
}

fn check(tmux: &Tmux, folder: &Folder) {
    wait(|| fs::read_to_string(folder.file("after")).is_ok_and(|text| text.ends_with('\n')));
    let [before, after] =
        ["before", "after"].map(|name| fs::read_to_string(folder.file(name)).unwrap());
    assert_eq!(before, after);
    assert!(tmux.is_as_it_was());
}

/// Returns the id of the process that the shell waits for.
fn child(folder: &Folder) -> String {
    let shell = fs::read_to_string(folder.file("shell")).unwrap();
    let shell = shell.trim();
    let children = fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
    children.trim().to_owned()
}

pub(crate) fn quit() {
    for (keys, number) in [("q", 1), ("C-c", 2)] {
        let folder = Folder::new(&format!("quit{number}"));
        let tmux = around(&format!("{} --pcap {}", top(), mixed()), &folder);
        tmux.until_shown("q quit");
        assert!(!tmux.is_as_it_was());
        tmux.send(&[keys]);
        let lines = tmux.until_shown("status 0");
        assert!(lines[0].starts_with("status 0"), "{lines:#?}");
        check(&tmux, &folder);
    }
}

pub(crate) fn sigterm() {
    let folder = Folder::new("sigterm");
    let tmux = around(&format!("{} --pcap {}", top(), mixed()), &folder);
    tmux.until_shown("q quit");
    let child = child(&folder);
    let mut kill = std::process::Command::new("kill");
    assert!(kill.args(["-TERM", &child]).status().unwrap().success());
    tmux.until_shown("status 0");
    check(&tmux, &folder);
}

/// The terminal's server is killed. The program ends although it can no longer write or read keys.
pub(crate) fn terminal_gone() {
    let folder = Folder::new("gone");
    let tmux = around(
        &format!("{} --pcap {} --speed max", top(), mixed()),
        &folder,
    );
    tmux.until_shown("q quit");
    let child = child(&folder);
    let name = || fs::read_to_string(format!("/proc/{child}/comm")).unwrap_or_default();
    assert_eq!(name(), "top\n");
    drop(tmux);
    wait(|| name() != "top\n");
}

pub(crate) fn panic() {
    let folder = Folder::new("panic");
    let own = std::env::current_exe().unwrap();
    let tmux = around(
        &format!("{PANIC}=1 timeout --foreground -s KILL 3 {}", own.display()),
        &folder,
    );
    // The text of the panic is on the primary screen.
    tmux.until_shown("a bug in `top`");
    check(&tmux, &folder);
}
