//! Faults on purpose, in test builds only: debug builds, and builds with the feature
//! `fault-injection`.
//!
//! A stage hangs at its next beat once the folder `$POSED_HANG` holds a file of its name. It panics
//! once the folder `$POSED_PANIC` does, and its thread returns once the folder `$POSED_RETURN`
//! does.

use std::any::Any;

/// Unwinds a stage that is told to return.
struct Return;

/// Whether a stage was unwound by [`inject`] to look as if it had returned.
pub(super) fn is_return(panic: &Box<dyn Any + Send>) -> bool {
    panic.is::<Return>()
}

/// Hangs or panics if the stage `name` is told to.
#[cfg(any(debug_assertions, feature = "fault-injection"))]
pub(super) fn inject(name: &str) {
    let told =
        |folder| std::env::var_os(folder).is_some_and(|dir| std::path::Path::new(&dir).join(name).exists());
    assert!(!told("POSED_PANIC"), "a panic on purpose");
    if told("POSED_RETURN") {
        std::panic::resume_unwind(Box::new(Return));
    }
    while told("POSED_HANG") {
        std::thread::park();
    }
}

/// Does nothing.
#[cfg(not(any(debug_assertions, feature = "fault-injection")))]
pub(super) fn inject(_: &str) {}
