//! [`Error`]: why a camera's capture cannot start.

/// Why capture cannot start. The caller names the camera; the messages do not. Faults that
/// a retry may fix (an absent camera, a dead server) are no error: they are reported as
/// `Event::Failed`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// GStreamer itself does not start.
    #[error("GStreamer does not start: {0}")]
    Init(String),
    /// The source's text is wrong.
    #[error("source \"{text}\": {reason}")]
    Source {
        /// The text, free of credentials.
        text: String,
        /// What is wrong, and the remedy after a colon.
        reason: String,
    },
    /// An option is out of range.
    #[error("{key} must be {want}")]
    Option {
        /// Camera's name.
        camera: String,
        /// Name of the option.
        key: &'static str,
        /// What it must be.
        want: &'static str,
    },
    /// The pipeline cannot be built, usually because a plugin is not installed.
    #[error("{reason}, in \"{text}\"")]
    Launch {
        /// Camera's name.
        camera: String,
        /// GStreamer's message, free of credentials.
        reason: String,
        /// The pipeline, free of credentials.
        text: String,
    },
    /// The process may not open enough files for another camera.
    #[error(
        "this process may open {limit} files and would need {needed} with this camera: raise the limit \
         (LimitNOFILE= in the systemd unit, or `ulimit -n`)"
    )]
    Descriptors {
        /// Camera's name.
        camera: String,
        /// The process's limit.
        limit: usize,
        /// What it needs at most.
        needed: usize,
    },
    /// A clip ended before it was finished.
    #[error("the clip ends early: {reason}")]
    Clip {
        /// Camera's name.
        camera: String,
        /// GStreamer's message.
        reason: String,
    },
    /// The system has no more threads.
    #[error("cannot start a thread: {source}")]
    Thread {
        /// Camera's name.
        camera: String,
        /// The system's error.
        source: std::io::Error,
    },
}
