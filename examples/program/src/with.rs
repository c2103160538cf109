//! Details of flows that an argument requests: `--with`.

use mermin_core::{FlowSourceBuilder, Join, Sampling};

/// Known names, for errors.
const KNOWN: &str =
    "one of drops, join, join=merged, listening, names, nat, process, sampling, sockets, tcp, all";

/// Details of flows: `--with NAMES`. It overrides a configuration file.
///
/// ```
/// use mermin_core::FlowSource;
/// use mermin_program::With;
///
/// let mut with = With::default();
/// with.add("names,tcp")?;
/// let builder = with.put(FlowSource::builder(), false);
/// assert!(builder.get_names() && builder.get_tcp_analysis());
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option by itself")]
pub struct With {
    join: Option<Join>,
    drops: bool,
    listening: bool,
    names: bool,
    nat: bool,
    process: bool,
    sampling: bool,
    sockets: bool,
    tcp: bool,
    all: bool,
}

impl With {
    /// Adds names with commas between them: `drops`, `join`, `join=merged`, `listening`, `names`, `nat`, `process`, `sampling`, `sockets`,
    /// `tcp`, `all`.
    /// `all` leaves `sampling` out, because it leaves flows out.
    ///
    /// # Errors
    /// An unknown name.
    pub fn add(&mut self, names: &str) -> Result<(), String> {
        for name in names.split(',').map(str::trim) {
            match name {
                "join" | "join=first_seen" => self.join = Some(Join::FirstSeen),
                "join=merged" => self.join = Some(Join::Merged),
                "drops" => self.drops = true,
                "listening" => self.listening = true,
                "names" => self.names = true,
                "nat" => self.nat = true,
                "process" => self.process = true,
                "sampling" => self.sampling = true,
                "sockets" => self.sockets = true,
                "tcp" => self.tcp = true,
                "all" => {
                    self.join.get_or_insert(Join::Merged);
                    self.all = true;
                }
                other => return Err(format!("`{other}` is not {KNOWN}")),
            }
        }
        Ok(())
    }

    /// Checks that the source can have these details.
    ///
    /// # Errors
    /// Processes, translations, sockets or drops of a capture file.
    pub fn check(self, is_capture: bool) -> Result<(), String> {
        let live_only = [
            ("process", "looks up sockets of this host", self.process),
            ("nat", "asks the connection tracking of this host", self.nat),
            ("sockets", "reads TCP sockets of this host", self.sockets),
            ("drops", "counts packets that this host drops", self.drops),
        ];
        match live_only.into_iter().find(|&(.., given)| given) {
            Some((name, what, _)) if is_capture => Err(format!(
                "`--with {name}` {what}, leave it out with `--pcap`"
            )),
            _ => Ok(()),
        }
    }

    /// Switches the details on. `all` leaves processes, translations, sockets and drops out of a capture file, which has none.
    pub fn put(self, builder: FlowSourceBuilder, is_capture: bool) -> FlowSourceBuilder {
        let builder = match self.join {
            Some(join) => builder.join(join),
            None => builder,
        };
        let builder = if self.tcp || self.all {
            builder.tcp_analysis(true)
        } else {
            builder
        };
        let builder = if self.sockets || self.all && !is_capture {
            builder.tcp_sockets(true)
        } else {
            builder
        };
        let builder = if self.listening || self.all {
            builder.listening_ports(true)
        } else {
            builder
        };
        let builder = if self.names || self.all {
            builder.names(true)
        } else {
            builder
        };
        let builder = if self.drops || self.all && !is_capture {
            builder.drops(true)
        } else {
            builder
        };
        let builder = if self.sampling {
            builder.sampling(Sampling::under_pressure())
        } else {
            builder
        };
        let builder = if self.nat || self.all && !is_capture {
            builder.nat(true)
        } else {
            builder
        };
        if self.process || self.all && !is_capture {
            builder.process(true)
        } else {
            builder
        }
    }
}

#[cfg(test)]
mod tests {
    use mermin_core::FlowSource;

    use super::*;

    fn with(names: &str) -> Result<With, String> {
        let mut with = With::default();
        with.add(names).map(|()| with)
    }

    #[test]
    fn each_name_enables_a_feature() {
        let live = |names| with(names).unwrap().put(FlowSource::builder(), false);
        let capture = |names| with(names).unwrap().put(FlowSource::builder(), true);
        assert_eq!(live("join").get_join(), Join::FirstSeen);
        assert_eq!(live("join, join=merged").get_join(), Join::Merged);
        assert!(live("process").get_process() && !live("join").get_process());
        assert!(live("nat").get_nat() && !live("process").get_nat());
        assert!(live("all").get_nat() && !capture("all").get_nat());
        assert!(live("drops").get_drops() && !live("process").get_drops());
        assert!(live("all").get_drops() && !capture("all").get_drops());
        assert!(capture("listening").get_listening_ports());
        assert!(capture("all").get_listening_ports() && !live("join").get_listening_ports());
        assert!(live("tcp").get_tcp_analysis() && !live("process").get_tcp_analysis());
        assert!(capture("all").get_tcp_analysis());
        assert!(live("sockets").get_tcp_sockets() && !live("tcp").get_tcp_sockets());
        assert!(live("all").get_tcp_sockets() && !capture("all").get_tcp_sockets());
        assert!(capture("sampling").get_sampling().is_some());
        assert!(live("all").get_sampling().is_none());
        assert!(capture("names").get_names() && live("all").get_names());
        assert!(!live("join").get_names());
        assert_eq!(live("all").get_join(), Join::Merged);
        for both in ["all,join=first_seen", "join=first_seen,all"] {
            assert_eq!(live(both).get_join(), Join::FirstSeen, "{both}");
        }
        assert!(live("all").get_process() && !capture("all").get_process());
        let error = with("join,titles").unwrap_err();
        assert!(error.contains("titles") && error.contains(KNOWN), "{error}");
    }

    #[test]
    fn details_of_this_host_are_refused_for_a_capture_file() {
        for name in ["process", "nat", "sockets", "drops"] {
            let with = with(name).unwrap();
            let error = with.check(true).unwrap_err();
            assert!(error.starts_with(&format!("`--with {name}` ")), "{error}");
            assert_eq!(with.check(false), Ok(()));
        }
        assert_eq!(with("all,names,tcp").unwrap().check(true), Ok(()));
    }
}
