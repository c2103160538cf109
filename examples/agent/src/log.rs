//! Logs on standard error.

use std::env;

use mermin_config::{Config, value::LogLevel};
use mermin_program::Result;
use tracing_subscriber::{
    EnvFilter, Registry, fmt,
    layer::SubscriberExt as _,
    reload::{self, Handle},
    util::SubscriberInitExt as _,
};

/// Changes the level of a running agent.
pub(crate) struct Log(Handle<EnvFilter, Registry>);

impl Log {
    /// Begins to log.
    ///
    /// # Errors
    /// An invalid level in the environment.
    pub(crate) fn begin(config: &Config) -> Result<Self> {
        let (filter, handle) = reload::Layer::new(filter(config, overriding().as_deref())?);
        let lines = fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(config.log_color())
            .with_target(false);
        // Only a second call in one process fails, and then the first one's subscriber remains.
        let _ = tracing_subscriber::registry()
            .with(filter)
            .with(lines)
            .try_init();
        Ok(Self(handle))
    }

    /// Sets the level of another configuration. The environment's level remains.
    pub(crate) fn change(&self, config: &Config) {
        if let Ok(filter) = filter(config, overriding().as_deref()) {
            // Fails only when the subscriber is gone, with the process.
            let _ = self.0.reload(filter);
        }
    }
}

fn overriding() -> Option<String> {
    let level = env::var("MERMIN_LOG_LEVEL").ok();
    level.filter(|level| !level.is_empty())
}

fn filter(config: &Config, overriding: Option<&str>) -> Result<EnvFilter> {
    if let Some(directives) = overriding {
        return EnvFilter::builder()
            .parse(directives)
            .map_err(|error| format!("cannot use MERMIN_LOG_LEVEL: {error}").into());
    }
    let level = match config.log_level() {
        LogLevel::Trace => "trace",
        LogLevel::Debug => "debug",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
        _ => "info",
    };
    Ok(EnvFilter::new(level))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_overrides_the_level_of_the_file() {
        let config: Config = "log_level = \"warn\"\n".parse().unwrap();
        assert_eq!(filter(&config, None).unwrap().to_string(), "warn");
        assert_eq!(filter(&config, Some("debug")).unwrap().to_string(), "debug");
        assert!(filter(&config, Some("a=b=c")).is_err());
    }
}
