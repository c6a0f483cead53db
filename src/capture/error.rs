//! [`Error`]: why a camera's capture cannot start.

/// Why capture cannot start. Whatever may mend itself (an absent camera, a dead server) is no
/// error but an [`Event::Failed`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// GStreamer itself.
    #[error("GStreamer does not start: {0}")]
    Init(String),
    /// The source's text.
    #[error("source \"{text}\": {reason}")]
    Source {
        /// What was given, free of credentials.
        text: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// A number that cannot work.
    #[error("camera {camera}: {key} must be {want}")]
    Option {
        /// Camera's name.
        camera: String,
        /// Which option.
        key: &'static str,
        /// What it must be.
        want: &'static str,
    },
    /// The pipeline cannot be built: usually a plugin is not installed.
    #[error("camera {camera}: {reason}, in \"{text}\"")]
    Launch {
        /// Camera's name.
        camera: String,
        /// GStreamer's words.
        reason: String,
        /// The pipeline, free of credentials.
        text: String,
    },
    /// A clip that was being recorded has an early end.
    #[error("camera {camera}: its clip ends early: {reason}")]
    Clip {
        /// Camera's name.
        camera: String,
        /// GStreamer's words.
        reason: String,
    },
    /// The machine is out of threads.
    #[error("camera {camera}: no thread: {source}")]
    Thread {
        /// Camera's name.
        camera: String,
        /// Why.
        source: std::io::Error,
    },
}
