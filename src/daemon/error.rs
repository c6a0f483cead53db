//! Why the daemon cannot start or reload.

use super::nets;
use crate::capture;
use crate::http;
use crate::publish;

/// Why the daemon cannot start or reload.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A model cannot be used.
    #[error(transparent)]
    Model(#[from] nets::Error),
    /// The publisher cannot start.
    #[error("publisher: {0}")]
    Publish(#[from] publish::Error),
    /// The HTTP server cannot start.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// A camera cannot be set up.
    #[error("camera {name}")]
    Camera {
        /// The camera's name.
        name: String,
        /// What capture says.
        source: capture::Error,
    },
    /// The system gives no thread.
    #[error("no thread for {0}: {1}")]
    Thread(String, std::io::Error),
    /// More than cameras changed in the configuration of a running daemon.
    #[error("[{0}] changed: restart the daemon to apply it; nothing was changed")]
    NeedsRestart(&'static str),
}

impl Error {
    /// Whether the configuration, or a file that it names, causes the error.
    pub fn is_config(&self) -> bool {
        match self {
            Error::Http(e) => e.is_config(),
            Error::Thread(..) | Error::Publish(publish::Error::Thread(_)) => false,
            _ => true,
        }
    }
}
