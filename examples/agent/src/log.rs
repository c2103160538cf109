//! Logs on standard error.

use std::env;

use mermin_config::value::LogLevel;
use mermin_program::Result;
use tracing_subscriber::{
    EnvFilter, Registry, fmt,
    layer::SubscriberExt as _,
    reload::{self, Handle},
    util::SubscriberInitExt as _,
};

use crate::configuration::Plan;

/// Changes the level of a running agent.
pub(crate) struct Log(Handle<EnvFilter, Registry>);

impl Log {
    /// Begins to log.
    ///
    /// # Errors
    /// An invalid level in the environment.
    pub(crate) fn begin(plan: &Plan) -> Result<Self> {
        let filter = filter(plan.log_level, overriding().as_deref())?;
        let (filter, handle) = reload::Layer::new(filter);
        let lines = fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(plan.log_color)
            .with_target(false);
        // Only a second call in one process fails, and then the first one's subscriber remains.
        let _ = tracing_subscriber::registry()
            .with(filter)
            .with(lines)
            .try_init();
        Ok(Self(handle))
    }

    /// Sets the level of another plan. The environment's level remains.
    pub(crate) fn change(&self, plan: &Plan) {
        if let Ok(filter) = filter(plan.log_level, overriding().as_deref()) {
            // Fails only when the subscriber is gone, with the process.
            let _ = self.0.reload(filter);
        }
    }
}

/// Checks the level in the environment.
///
/// # Errors
/// An invalid one.
pub(crate) fn check() -> Result<()> {
    filter(LogLevel::Info, overriding().as_deref())?;
    Ok(())
}

fn overriding() -> Option<String> {
    let level = env::var("MERMIN_LOG_LEVEL").ok();
    level.filter(|level| !level.is_empty())
}

fn filter(level: LogLevel, overriding: Option<&str>) -> Result<EnvFilter> {
    if let Some(directives) = overriding {
        return EnvFilter::builder()
            .parse(directives)
            .map_err(|error| {
                format!(
                    "cannot use `MERMIN_LOG_LEVEL`: {error}; write a level such as `info`, or `info,mermin_agent=debug`"
                )
                .into()
            });
    }
    let level = match level {
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
    use mermin_config::Loaded;

    use super::*;
    use crate::configuration::Host;

    #[test]
    fn environment_overrides_the_level_of_the_file() {
        let loaded: Loaded = "log_level = \"warn\"\n".parse().unwrap();
        let level = Plan::new(&loaded, &Host::default()).unwrap().log_level;
        assert_eq!(filter(level, None).unwrap().to_string(), "warn");
        assert_eq!(filter(level, Some("debug")).unwrap().to_string(), "debug");
        assert!(filter(level, Some("a=b=c")).is_err());
    }
}
