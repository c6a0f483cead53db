//! What a worker does for the page allocates nothing while nobody looks.

#![allow(unsafe_code, reason = "a counting allocator; GlobalAlloc is an unsafe trait")]

use posed::frame::Frame;
use posed::geometry::Rotate;
use posed::http::Hub;
use posed::telemetry::stats::FrameTimes;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// Counts the allocations of each thread.
struct Counting;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn a_frame_that_nobody_looks_at_allocates_nothing() {
    let hub = Hub::default();
    let frame = Frame::still(64, 36, vec![100; 64 * 36 * 3]).expect("a frame");
    let view = frame.view(Rotate::None);
    let time = Some(Duration::from_millis(3));
    let times = FrameTimes { age: time, finder: time, pose: time };
    let look = || {
        for camera in ["hall", "door"] {
            hub.poses(camera, b"{\"people\":[]}", 2, &times);
            hub.frame(camera, &frame, &view);
        }
    };
    let before = COUNT.get();
    look();
    assert!(COUNT.get() > before, "a camera's first frame makes room for it, so the counter works");
    let before = COUNT.get();
    (0..100).for_each(|_| look());
    assert_eq!(COUNT.get(), before);
}
