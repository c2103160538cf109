//! A terminal for the program under test.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    os::{
        fd::OwnedFd,
        unix::{ffi::OsStrExt as _, fs::OpenOptionsExt as _},
    },
    process::{Command, Stdio},
};

use libtest_mimic::Failed;
use rustix::{
    fs::OFlags,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

/// Runs to the end on a terminal this wide; what it showed, on both streams.
pub(crate) fn run(command: &mut Command, columns: u16) -> Result<String, Failed> {
    let (mut screen, terminal) = open(columns)?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(terminal.try_clone()?)
        .stderr(terminal)
        .spawn()?;
    // The command keeps the terminal open too, and an end is seen only when nobody has it.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let shown = read(&mut screen);
    let status = child.wait()?;
    if !status.success() {
        return Err(format!("{status}").into());
    }
    Ok(shown?)
}

/// Both sides of one.
pub(crate) fn open(columns: u16) -> io::Result<(File, OwnedFd)> {
    let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&screen)?;
    unlockpt(&screen)?;
    let name = ptsname(&screen, Vec::new())?;
    let terminal = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(OFlags::NOCTTY.bits().cast_signed())
        .open(std::ffi::OsStr::from_bytes(name.to_bytes()))?;
    let size = Winsize {
        ws_col: columns,
        ws_row: 24,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&terminal, size)?;
    Ok((screen.into(), terminal.into()))
}

/// Until the other side is closed, which Linux tells by EIO.
fn read(screen: &mut File) -> io::Result<String> {
    let mut shown = Vec::new();
    match screen.read_to_end(&mut shown) {
        Err(error) if error.raw_os_error() != Some(rustix::io::Errno::IO.raw_os_error()) => {
            return Err(error);
        }
        _ => {}
    }
    Ok(String::from_utf8_lossy(&shown).into_owned())
}
