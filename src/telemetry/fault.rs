//! Faults on purpose, in test builds only: debug builds, and builds with the feature
//! `fault-injection`.
//!
//! A stage hangs at its next beat once the folder `$POSED_HANG` holds a file of its name, and
//! panics once the folder `$POSED_PANIC` does.

/// Hangs or panics if the stage `name` is told to.
#[cfg(any(debug_assertions, feature = "fault-injection"))]
pub(super) fn inject(name: &str) {
    let told =
        |folder| std::env::var_os(folder).is_some_and(|dir| std::path::Path::new(&dir).join(name).exists());
    assert!(!told("POSED_PANIC"), "a panic on purpose");
    while told("POSED_HANG") {
        std::thread::park();
    }
}

/// Does nothing.
#[cfg(not(any(debug_assertions, feature = "fault-injection")))]
pub(super) fn inject(_: &str) {}
