//! Starts GStreamer, and sends what it logs where our log goes.

use super::Error;
use gstreamer as gst;
use std::sync::OnceLock;

/// Starts GStreamer, once a process; cheap to call again.
///
/// What it logs are debug lines of target `gstreamer`, its errors too: what ends a pipeline comes over its
/// bus as well, and is told there once; what does not end it an element may repeat with every buffer.
/// Beyond warnings they are as many as `GST_DEBUG` asks for; at its highest levels elements may print what
/// cameras send, passwords included.
///
/// # Errors
/// If GStreamer does not start.
pub fn init() -> Result<(), Error> {
    static ONCE: OnceLock<Result<(), String>> = OnceLock::new();
    ONCE.get_or_init(|| {
        gst::init().map_err(|e| e.to_string())?;
        gst::log::remove_default_log_function();
        if std::env::var_os("GST_DEBUG").is_none() {
            gst::log::set_default_threshold(gst::DebugLevel::Warning);
        }
        gst::log::add_log_function(|category, level, _, _, _, object, message| {
            // Asked before anything is put together: elements log on the streaming thread.
            if !tracing::enabled!(target: "gstreamer", tracing::Level::DEBUG) {
                return;
            }
            let Some(text) = message.get() else { return };
            let object = object.map(|o| o.to_string()).unwrap_or_default();
            // One word of an element may be a URL.
            let text = super::mask::mask(&text);
            tracing::debug!(target: "gstreamer", category = %category.name(), level = %level.name(), object, "{text}");
        });
        Ok(())
    })
    .clone()
    .map_err(Error::Init)
}
