//! The agent, which is killed and started again.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use mermin_testing::{Folder, free_port, kubeconfig, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::{
    memory::{Samples, memory, processor_time},
    network::INTERFACE,
    page::Counts,
};

/// How long the agent may take to export everything once it is told to end.
const PATIENCE: Duration = Duration::from_mins(2);

/// Files and ports of an agent.
pub(crate) struct Settings {
    folder: Folder,
    pub(crate) capacity: u32,
    pub(crate) receiver: u16,
    /// A port where datagrams are dropped.
    pub(crate) other: u16,
    metrics: u16,
    probes: u16,
    runs: u32,
}

impl Settings {
    pub(crate) fn new(capacity: u32, receiver: u16, other: u16, cluster: &str) -> Self {
        let folder = Folder::new("day");
        let access = kubeconfig(cluster, None, &json!({}));
        fs::write(folder.file("kubeconfig"), access).unwrap();
        Self {
            folder,
            capacity,
            receiver,
            other,
            metrics: free_port(),
            probes: free_port(),
            runs: 0,
        }
    }

    /// Writes the file as it is after this many reloads: each has other interfaces to leave out and another timeout, and each second
    /// one has another receiver, which gets all records too.
    pub(crate) fn write(&self, reloads: u32) {
        let timeout = ["1s", "1200ms"][reloads as usize % 2];
        let other = match reloads % 2 {
            0 => String::new(),
            _ => format!(", \"ipfix://127.0.0.1:{}\"", self.other),
        };
        let text = format!(
            "discovery \"instrument\" {{\n  interfaces = [\"{INTERFACE}\"]\n  exclude = [\"none{reloads}\"]\n  instance = \"day\"\n}}\n\
             discovery \"informer\" \"k8s\" {{\n  kubeconfig_path = \"{}\"\n  informers_sync_timeout = \"3s\"\n}}\n\
             pipeline {{\n  flow_capture {{\n    flow_stats_capacity = {}\n  }}\n}}\n\
             span {{\n  udp_timeout = \"{timeout}\"\n  max_record_interval = \"5s\"\n}}\n\
             export \"flows\" {{\n  to = [\"otlp+http://127.0.0.1:{}\"{other}]\n  buffer = 0\n}}\n\
             internal \"server\" {{\n  listen_address = \"127.0.0.1\"\n  port = {}\n}}\n\
             internal \"metrics\" {{\n  listen_address = \"127.0.0.1\"\n  port = {}\n}}\n\
             shutdown_timeout = \"{}s\"\n",
            self.folder.file("kubeconfig").display(),
            self.capacity,
            self.receiver,
            self.probes,
            self.metrics,
            PATIENCE.as_secs()
        );
        fs::write(self.file(), text).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.folder.file("mermin.hcl")
    }

    pub(crate) fn counts(&self) -> Option<Counts> {
        Counts::read(self.metrics)
    }
}

/// An agent that runs or ran, and what was seen of it.
pub(crate) struct Agent {
    child: Child,
    log: PathBuf,
    began: Instant,
    pub(crate) opened: Duration,
    pub(crate) ran: Duration,
    pub(crate) samples: Samples,
    pub(crate) processor_time: Duration,
    pub(crate) counts: Counts,
}

impl Agent {
    /// Starts it, and waits until it captures.
    pub(crate) fn start(settings: &mut Settings) -> Self {
        settings.runs += 1;
        let log = settings
            .folder
            .file(&format!("agent-{}.log", settings.runs));
        let began = Instant::now();
        let child = Command::new(env!("CARGO_BIN_EXE_mermin-agent"))
            .args(["run", "--config"])
            .arg(settings.file())
            .env_remove("MERMIN_LOG_LEVEL")
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut agent = Self {
            child,
            log,
            began,
            opened: Duration::ZERO,
            ran: Duration::ZERO,
            samples: Samples::default(),
            processor_time: Duration::ZERO,
            counts: Counts::default(),
        };
        until("capturing", || {
            agent.is_there();
            agent.said().contains("capturing:")
        });
        agent.opened = began.elapsed();
        agent
    }

    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Fails if it has ended by itself.
    fn is_there(&mut self) {
        let status = self.child.try_wait().unwrap();
        assert!(status.is_none(), "{status:?}: {}", self.said());
    }

    /// Notes memory, processor time and counts.
    pub(crate) fn look(&mut self, settings: &Settings) {
        self.is_there();
        self.ran = self.began.elapsed();
        if let Some(memory) = memory(self.child.id()) {
            self.samples.add(self.ran, memory);
        }
        if let Some(time) = processor_time(self.child.id()) {
            self.processor_time = time;
        }
        if let Some(counts) = settings.counts() {
            self.counts = counts;
        }
    }

    /// Reloads the file, and waits until it is in effect.
    pub(crate) fn reload(&mut self, settings: &Settings) {
        let mut before = None;
        until("counts before a reload", || {
            self.is_there();
            before = settings.counts();
            before.is_some()
        });
        let before = before.unwrap();
        kill_process(Pid::from_child(&self.child), Signal::HUP).unwrap();
        until("a reload", || {
            self.is_there();
            settings.counts().is_some_and(|counts| {
                assert_eq!(counts.refused, before.refused, "{}", self.said());
                counts.reloads > before.reloads
            })
        });
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill(&mut self, settings: &Settings) {
        self.look(settings);
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it with SIGTERM, and waits until it has exported everything. Returns true if it says that nothing was lost.
    pub(crate) fn stop(&mut self, settings: &Settings) -> bool {
        self.look(settings);
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let told = Instant::now();
        loop {
            if let Some(time) = processor_time(self.child.id()) {
                self.processor_time = self.processor_time.max(time);
            }
            if let Some(memory) = memory(self.child.id()) {
                self.samples.add_peak(memory);
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.success();
            }
            if told.elapsed() > PATIENCE + Duration::from_secs(30) {
                self.child.kill().unwrap();
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
