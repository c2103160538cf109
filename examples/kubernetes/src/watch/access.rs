//! The way to an API server: its address and credentials.

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

use super::{connection, failure::Failure};

/// Where address and credentials are.
#[derive(Clone, Debug, Default)]
pub(super) enum Access {
    /// The service account of a pod, or else the kubeconfig of the environment.
    #[default]
    Inferred,
    Kubeconfig(PathBuf),
    Config(Box<Config>),
}

impl Access {
    /// Reads address and credentials.
    pub(super) async fn client(&self) -> Result<Client, Failure> {
        let credentials = |error: &dyn std::error::Error| Failure::Credentials(error.to_string());
        let mut config = match self {
            // `infer` alone would take a kubeconfig of the environment first.
            Self::Inferred => match Config::incluster() {
                Ok(config) => config,
                Err(_) => Config::infer().await.map_err(|error| credentials(&error))?,
            },
            Self::Config(config) => (**config).clone(),
            Self::Kubeconfig(path) => {
                let file = Kubeconfig::read_from(path).map_err(|error| credentials(&error))?;
                let options = KubeConfigOptions::default();
                let config = Config::from_custom_kubeconfig(file, &options).await;
                config.map_err(|error| credentials(&error))?
            }
        };
        // The client would repeat 429, 503 and 504 by itself for hours, and nobody would hear of it.
        config.default_retry = false;
        config.connect_timeout = Some(Duration::from_secs(10));
        // It runs a plugin that the kubeconfig names, and waits for it: requests of other kinds go on meanwhile.
        match tokio::task::spawn_blocking(|| Client::try_from(config)).await {
            Ok(client) => client.map_err(|error| connection::failure(&error)),
            Err(error) => Err(credentials(&error)),
        }
    }
}

/// The client that all kinds share. It reads a token once a minute, and the rest of a kubeconfig never again, so it is made anew
/// when its credentials are refused.
pub(super) struct Clients {
    access: Access,
    /// Changes with each new client.
    current: Mutex<(u64, Client)>,
    /// Held while credentials are read: one plugin runs at a time.
    renewing: tokio::sync::Mutex<()>,
}

impl Clients {
    pub(super) const fn new(access: Access, client: Client) -> Self {
        Self {
            access,
            current: Mutex::new((0, client)),
            renewing: tokio::sync::Mutex::const_new(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, (u64, Client)> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the client, and its number.
    pub(super) fn current(&self) -> (u64, Client) {
        self.lock().clone()
    }

    /// Reads address and credentials anew, unless another kind has done so since the client of this number.
    pub(super) async fn renew(&self, refused: u64) -> Result<(), Failure> {
        let _alone = self.renewing.lock().await;
        if self.lock().0 != refused {
            return Ok(());
        }
        let client = self.access.client().await?;
        *self.lock() = (refused + 1, client);
        Ok(())
    }
}
