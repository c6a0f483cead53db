//! Starts GStreamer and sends its log to ours.

use super::error::Error;
use super::source::mask;
use gstreamer as gst;
use std::sync::OnceLock;

/// Starts GStreamer once per process. Further calls are cheap.
///
/// Everything that GStreamer logs becomes a debug line of target `gstreamer`, even errors: an error
/// that ends a pipeline also comes over its bus and is reported there once, and an element may
/// repeat any other error with every buffer. `GST_DEBUG` sets the level; the default is warnings.
/// At the highest levels elements may print what cameras send, passwords included.
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
            // Checked before any formatting: elements log on the streaming thread.
            if !tracing::enabled!(target: "gstreamer", tracing::Level::DEBUG) {
                return;
            }
            let Some(text) = message.get() else { return };
            let object = object.map(|o| o.to_string()).unwrap_or_default();
            // The text may contain a URL.
            let text = mask(&text);
            tracing::debug!(target: "gstreamer", category = %category.name(), level = %level.name(), object, "{text}");
        });
        Ok(())
    })
    .clone()
    .map_err(Error::Init)
}
