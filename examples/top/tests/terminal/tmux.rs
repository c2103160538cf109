//! A terminal for each test.

use std::{
    process::{self, Command},
    sync::atomic::{AtomicU32, Ordering},
};

use mermin_testing::wait;

/// A tmux server with one window. It ends with the test.
pub(crate) struct Tmux(String);

impl Tmux {
    /// Starts a window of 80 columns and 24 lines, in which a shell runs this script.
    pub(crate) fn start(script: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let tmux = Self(format!("mermin-top-{}-{number}", process::id()));
        // Keeps the window when the script has ended.
        let script = format!("{script}\nexec sleep 300");
        tmux.run(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            "80",
            "-y",
            "24",
            "sh",
            "-c",
            &script,
        ]);
        tmux
    }

    /// Starts the program with these arguments.
    pub(crate) fn top(arguments: &str) -> Self {
        Self::start(&format!("LANG=C.UTF-8 {} {arguments}", top()))
    }

    fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("tmux");
        command.args(["-u", "-L", &self.0]).args(arguments);
        let output = command
            .env_remove("TMUX")
            .env("TERM", "xterm-256color")
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Sends keys by name: `Enter`, `Tab`, `C-c`, or characters.
    pub(crate) fn send(&self, keys: &[&str]) {
        self.run(&[&["send-keys", "-t", ":"], keys].concat());
    }

    /// Returns the lines of the screen.
    pub(crate) fn lines(&self) -> Vec<String> {
        let shown = self.run(&["capture-pane", "-p", "-t", ":"]);
        shown.lines().map(str::to_owned).collect()
    }

    /// Returns the lines with escape sequences for colours.
    pub(crate) fn escapes(&self) -> String {
        self.run(&["capture-pane", "-e", "-p", "-t", ":"])
    }

    pub(crate) fn resize(&self, columns: u16, lines: u16) {
        let (columns, lines) = (columns.to_string(), lines.to_string());
        self.run(&["resize-window", "-t", ":", "-x", &columns, "-y", &lines]);
    }

    /// Returns true if the cursor is visible and the primary screen is in use.
    pub(crate) fn is_as_it_was(&self) -> bool {
        self.run(&[
            "display-message",
            "-p",
            "-t",
            ":",
            "#{cursor_flag} #{alternate_on}",
        ])
        .trim()
            == "1 0"
    }

    /// Waits until the screen fulfils a condition, and returns its lines.
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&[String]) -> bool) -> Vec<String> {
        let mut lines = Vec::new();
        let waited = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait(|| {
                lines = self.lines();
                is_so(&lines)
            });
        }));
        assert!(
            waited.is_ok(),
            "waited in vain for {what}: {:#?}",
            self.lines()
        );
        lines
    }

    /// Waits until a line contains this text.
    pub(crate) fn until_shown(&self, part: &str) -> Vec<String> {
        self.until(part, |lines| lines.iter().any(|line| line.contains(part)))
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let mut command = Command::new("tmux");
        // It may already have ended.
        let _ = command.args(["-L", &self.0, "kill-server"]).output();
    }
}

/// Returns the path of the program.
pub(crate) fn top() -> &'static str {
    env!("CARGO_BIN_EXE_top")
}

/// Returns a capture of 140 s: flows of IPv4 and IPv6, of TCP, UDP and ICMP.
pub(crate) fn mixed() -> String {
    format!(
        "{}/../../mermin-core/tests/captures/mixed.pcap",
        env!("CARGO_MANIFEST_DIR")
    )
}
