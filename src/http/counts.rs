//! What the server counts of its connections.

use std::sync::atomic::{AtomicU64, AtomicUsize};

/// Connections and requests so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Connections that are open.
    pub(super) open: AtomicUsize,
    /// Connections that were closed at once because too many were open.
    pub(super) crowded: AtomicU64,
    /// Requests that the guard refused.
    pub(super) refused: AtomicU64,
}
