//! Other flow exporters from Debian, and their own counts of dropped packets.

use std::{fs, path::PathBuf, thread, time::Duration};

use crate::{
    Result,
    testbed::{Process, run},
};

/// An exporter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `softflowd`.
    Softflowd,
    /// `pmacctd`.
    Pmacctd,
}

/// A running exporter at `v0`.
#[derive(Debug)]
pub struct Competitor {
    kind: Kind,
    process: Process,
    files: PathBuf,
}

impl Kind {
    /// Returns the program's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Softflowd => "softflowd",
            Self::Pmacctd => "pmacctd",
        }
    }
}

impl Competitor {
    /// Starts it in the calling thread's network namespace, with a port of `v0` without a listener as its collector.
    ///
    /// # Errors
    /// An error if it is not installed or does not start.
    pub fn start(kind: Kind) -> Result<Self> {
        let files = std::env::temp_dir().join(format!(
            "mermin-bench-{}-{}",
            kind.name(),
            std::process::id()
        ));
        fs::create_dir_all(&files)?;
        let at = files.display();
        let line = match kind {
            Kind::Softflowd => {
                format!("softflowd -d -i v0 -m 131072 -n 10.9.0.1:9995 -p {at}/pid -c {at}/control")
            }
            Kind::Pmacctd => {
                fs::write(
                    files.join("conf"),
                    format!(
                        "daemonize: false\npcap_interface: v0\naggregate: src_host, dst_host, src_port, dst_port, proto\nplugins: nfprobe\nnfprobe_receiver: 10.9.0.1:9996\nnfprobe_maxflows: 131072\nplugin_pipe_size: 67108864\nplugin_buffer_size: 65536\nlogfile: {at}/log\n"
                    ),
                )?;
                format!("pmacctd -f {at}/conf")
            }
        };
        let process = Process::start(&line)
            .map_err(|error| format!("{} is missing: {error}", kind.name()))?;
        let peer = Self {
            kind,
            process,
            files,
        };
        thread::sleep(Duration::from_millis(1500));
        peer.counted()?;
        Ok(peer)
    }

    /// Returns its own counts of received and dropped packets.
    ///
    /// # Errors
    /// Its output, if that has no counts.
    pub fn counted(&self) -> Result<[u64; 2]> {
        let at = self.files.display();
        match self.kind {
            Kind::Softflowd => {
                let said = run(&format!("softflowctl -c {at}/control statistics"))?;
                let number = |words: &str| {
                    said.lines()
                        .find(|line| line.contains(words))
                        .and_then(|line| first_number(line.split(words).nth(1)?))
                };
                let counted = number("received by libpcap").zip(number("dropped by libpcap"));
                let (received, dropped) = counted.ok_or("softflowd tells no packets")?;
                Ok([received, dropped])
            }
            Kind::Pmacctd => {
                run(&format!("kill -USR1 {}", self.process.id()))?;
                thread::sleep(Duration::from_millis(500));
                let said = fs::read_to_string(self.files.join("log"))?;
                let line = said
                    .lines()
                    .rfind(|line| line.contains("dropped_packets="))
                    .ok_or("pmacctd tells no packets")?;
                let number = |key: &str| first_number(line.split(key).nth(1)?);
                let counted = number("received_packets=").zip(number("dropped_packets="));
                let (received, dropped) = counted.ok_or("pmacctd tells no packets")?;
                Ok([received, dropped])
            }
        }
    }
}

fn first_number(text: &str) -> Option<u64> {
    let digits = text.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    let end = digits.find(|letter: char| !letter.is_ascii_digit());
    digits[..end.unwrap_or(digits.len())].parse().ok()
}

impl Drop for Competitor {
    fn drop(&mut self) {
        // pmacctd needs a signal to end its plugins, which are in no group of its own. softflowd exports its flows.
        let _ = run(&format!("kill -INT {}", self.process.id()));
        self.process.wait(Duration::from_secs(5));
        // On an error, an empty directory stays in the temporary one.
        let _ = fs::remove_dir_all(&self.files);
    }
}
