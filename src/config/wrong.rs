//! Why a value of the configuration is refused.

/// Why a value is refused: what is wrong, and what would be right.
pub(super) struct Wrong {
    pub reason: String,
    pub remedy: String,
}

pub(super) fn wrong<T>(reason: impl Into<String>, remedy: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong { reason: reason.into(), remedy: remedy.into() })
}
