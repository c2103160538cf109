//! The agent's work by a file.

use std::{error::Error, net::SocketAddr, time::Duration};

use mermin_config::{Config, Loaded, value::LogLevel};
use mermin_core::FlowSourceBuilder;
use mermin_export::Target;
use mermin_otlp::Block;
use mermin_program::{check_overflow, check_seed};

use super::{ClusterPlan, Host, Receiver, keys};

/// The agent's work by a file.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Plan {
    /// The configuration.
    pub config: Config,
    /// Options of the source.
    pub capture: FlowSourceBuilder,
    /// Maximum number of records that wait for Kubernetes attributes: that of a batch.
    pub batch: usize,
    /// Time limit of shutting down.
    pub shutdown_timeout: Duration,
    /// Reload the file when it changes.
    pub auto_reload: bool,
    /// Least severe level that is logged.
    pub log_level: LogLevel,
    /// Use colours in logs.
    pub log_color: bool,
    /// Receivers of flows, each once.
    pub receivers: Vec<Receiver>,
    /// Names of Kubernetes objects; `None` outside a cluster.
    pub cluster: Option<ClusterPlan>,
    /// The metrics' page.
    pub metrics: Option<MetricsPlan>,
    /// Address of the probes.
    pub server: Option<SocketAddr>,
    /// Address of the page that shows live flows.
    pub page: Option<SocketAddr>,
}

/// The metrics' page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetricsPlan {
    /// Address to listen on.
    pub address: SocketAddr,
    /// Labels with many values.
    pub debug: bool,
    /// Time for which a series remains without traffic.
    pub ttl: Duration,
}

impl Plan {
    /// Makes the plan of a file.
    ///
    /// # Errors
    /// All keys on which the agent does not act, and all values that it cannot use, each with a remedy.
    pub fn new(loaded: &Loaded, host: &Host) -> Result<Self, Vec<String>> {
        let config = loaded.config.clone();
        let mut problems = keys::refused(loaded);
        let receivers = receivers(&config, host, &mut problems);
        let asked = loaded
            .for_application
            .iter()
            .any(|key| keys::of_cluster(key));
        let cluster = (asked || host.in_pod).then(|| ClusterPlan::new(&config, &mut problems));
        let internal = config.internal();
        let (metrics, server, page) = (internal.metrics(), internal.server(), internal.page());
        let plan = Self {
            capture: capture(&config),
            batch: whole(
                config
                    .pipeline()
                    .flow_producer()
                    .flow_span_queue_capacity()
                    .get(),
            ),
            shutdown_timeout: config.shutdown_timeout().get(),
            auto_reload: config.auto_reload(),
            log_level: config.log_level(),
            log_color: config.log_color(),
            receivers,
            cluster,
            metrics: metrics.enabled().then(|| MetricsPlan {
                address: SocketAddr::new(metrics.listen_address(), metrics.port().get()),
                debug: metrics.debug_metrics_enabled(),
                ttl: metrics.stale_metric_ttl(),
            }),
            server: server
                .enabled()
                .then(|| SocketAddr::new(server.listen_address(), server.port().get())),
            page: page
                .enabled()
                .then(|| SocketAddr::new(page.listen_address(), page.port().get())),
            config,
        };
        problems.extend(plan.shared_addresses());
        if problems.is_empty() {
            Ok(plan)
        } else {
            Err(problems)
        }
    }

    /// Returns an error for each address at which two things would listen.
    fn shared_addresses(&self) -> Vec<String> {
        let metrics = self.metrics.map(|metrics| metrics.address);
        let pairs = [
            ("metrics and probes", metrics, self.server, "server", 8080),
            ("metrics and the page", metrics, self.page, "page", 8081),
            ("probes and the page", self.server, self.page, "page", 8081),
        ];
        let shared = pairs.into_iter().filter_map(|(both, one, other, block, port)| {
            let address = one.filter(|_| one == other)?;
            Some(format!(
                "cannot serve {both} at one address, `{address}`: give `internal \"{block}\"` another port, such as {port}"
            ))
        });
        shared.collect()
    }

    /// Returns a plan with what a reload changes of another one, and this one's values of what takes a restart.
    #[must_use]
    pub fn with_changes(&self, wanted: Self) -> Self {
        Self {
            batch: self.batch,
            shutdown_timeout: self.shutdown_timeout,
            auto_reload: self.auto_reload,
            log_color: self.log_color,
            metrics: self.metrics,
            server: self.server,
            page: self.page,
            ..wanted
        }
    }

    /// Returns the keys that differ and take effect only when the agent starts again.
    #[must_use]
    pub fn needs_restart(&self, wanted: &Self) -> Vec<&'static str> {
        let differing = [
            (
                "shutdown_timeout",
                self.shutdown_timeout != wanted.shutdown_timeout,
            ),
            ("auto_reload", self.auto_reload != wanted.auto_reload),
            ("log_color", self.log_color != wanted.log_color),
            (
                "pipeline.flow_producer.flow_span_queue_capacity",
                self.batch != wanted.batch,
            ),
            ("internal \"metrics\"", self.metrics != wanted.metrics),
            ("internal \"server\"", self.server != wanted.server),
            ("internal \"page\"", self.page != wanted.page),
        ];
        let differing = differing.into_iter().filter(|(_, differs)| *differs);
        differing.map(|(key, _)| key).collect()
    }
}

/// Returns the options of the source. A pinned instance stays when the agent is stopped, so that an update of the agent misses
/// no packet. Its threads give up the capabilities that they do not need once it is open.
fn capture(config: &Config) -> FlowSourceBuilder {
    let source = config.source().drop_capabilities(true);
    match config.pinning() {
        Some(pinning) => source.pinning(pinning.persist(true)),
        None => source,
    }
}

/// Returns all receivers of the file. Several blocks may be combined.
fn receivers(config: &Config, host: &Host, problems: &mut Vec<String>) -> Vec<Receiver> {
    let (traces, flows) = (config.export().traces(), config.export().flows());
    let mut receivers = Vec::new();
    if let Some(stdout) = traces.stdout() {
        let waiting = config
            .pipeline()
            .k8s_decorator()
            .decorated_span_queue_capacity();
        receivers.push(Receiver::Stdout {
            format: stdout.format(),
            buffer: whole(waiting.get()),
            seed: seed(config),
        });
    }
    if let Some(block) = Block::of(config) {
        // Targets of OTLP read the variables when they are parsed.
        let error = host.resource_error.as_ref();
        problems.extend(error.map(|error| format!("for `export \"traces\" otlp`: {error}")));
        receivers.push(Receiver::Otlp(Box::new(block)));
    }
    let buffer = whole(flows.buffer().get());
    let of_buffer = |error: &dyn Error| format!("in `buffer` of `export \"flows\"`: {error}");
    for text in flows.to() {
        match Target::parse(text) {
            Ok(target) => {
                let unfit = target.check_buffer(buffer).err();
                problems.extend(unfit.map(|error| of_buffer(&*error)));
                let cut = target.check_closing(config.shutdown_timeout().get());
                problems.extend(
                    cut.err()
                        .map(|error| format!("in `to` of `export \"flows\"`: {error}")),
                );
                receivers.push(Receiver::Target {
                    text: text.clone(),
                    name: target.name,
                    buffer,
                    overflow: flows.overflow(),
                });
            }
            Err(error) => problems.push(format!("in `to` of `export \"flows\"`: {error}")),
        }
    }
    let unfit = check_overflow(buffer, flows.overflow().into()).err();
    problems.extend(unfit.map(|error| of_buffer(&*error)));
    for (at, receiver) in receivers.iter().enumerate() {
        if receivers[..at]
            .iter()
            .any(|other| other.name() == receiver.name())
        {
            problems.push(format!(
                "cannot export to `{}` twice: name it once",
                receiver.name()
            ));
        }
    }
    if let Err(error) = check_seed(config, !flows.to().is_empty()) {
        problems.push(error.to_string());
    }
    receivers
}

fn seed(config: &Config) -> u16 {
    u16::try_from(config.span().community_id_seed().get()).unwrap_or(u16::MAX)
}

/// Returns a number of the file as a number of records.
fn whole(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_for_a_buffer_that_is_not_there_is_refused() {
        let problems = |keys: &str| {
            let text = format!("export \"flows\" {{\n{keys}\n}}\n");
            let loaded = Config::load("a.hcl", text.as_bytes(), &|_| None).unwrap();
            Plan::new(&loaded, &Host::default()).err()
        };
        assert_eq!(problems("buffer = 0"), None);
        assert_eq!(problems("buffer = 1\noverflow = \"drop-oldest\""), None);
        let said = problems("buffer = 0\noverflow = \"drop-oldest\"").unwrap();
        assert!(
            said.concat()
                .contains("without room: give it room for 1 record"),
            "{said:?}"
        );
        assert_eq!(problems("to = [\"json:flows.json\"]\nbuffer = 0"), None);
        let said = problems("to = [\"parquet:flows\"]\nbuffer = 0").unwrap();
        assert!(
            said.concat()
                .contains("cannot export to `parquet:flows` without a buffer"),
            "{said:?}"
        );
    }

    #[test]
    fn resource_that_cannot_be_used_is_refused_for_the_block_of_otlp() {
        let host = Host {
            resource_error: Some("cannot use `X`".to_owned()),
            ..Host::default()
        };
        let problems = |text: &str| {
            let loaded = Config::load("a.hcl", text.as_bytes(), &|_| None).unwrap();
            Plan::new(&loaded, &host).err()
        };
        assert_eq!(problems(""), None);
        let block = "export \"traces\" {\notlp = { endpoint = \"http://a:4317\" }\n}\n";
        let said = problems(block).unwrap();
        assert_eq!(said, ["for `export \"traces\" otlp`: cannot use `X`"]);
    }

    #[test]
    fn address_of_two_servers_is_refused() {
        let problems = |text: &str| {
            let loaded = Config::load("a.hcl", text.as_bytes(), &|_| None).unwrap();
            Plan::new(&loaded, &Host::default()).err()
        };
        let page = |port: u16| format!("internal \"page\" {{\nenabled = true\nport = {port}\n}}\n");
        assert_eq!(problems(&page(8081)), None);
        for (port, other) in [(8080, "probes"), (9464, "metrics")] {
            let said = problems(&page(port)).unwrap().concat();
            let wanted =
                format!("cannot serve {other} and the page at one address, `127.0.0.1:{port}`");
            assert!(said.starts_with(&wanted), "{said}");
        }
    }
}
