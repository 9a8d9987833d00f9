//! An allocator that counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The system's allocator; what is in use is counted.
///
/// A block counts as glibc's malloc takes it on a 64-bit machine: with a word before it, in steps of
/// 16 bytes, 32 at least.
pub struct Counting {
    bytes: AtomicUsize,
    calls: AtomicUsize,
}

impl Counting {
    /// Nothing is in use.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: AtomicUsize::new(0), calls: AtomicUsize::new(0) }
    }

    /// Bytes in use.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    /// Blocks that were given out so far, those that grew or shrank counted again.
    pub fn calls(&self) -> usize {
        self.calls.load(Relaxed)
    }
}

impl Default for Counting {
    fn default() -> Self {
        Self::new()
    }
}

fn taken(bytes: usize) -> usize {
    (bytes + 8).next_multiple_of(16).max(32)
}

// SAFETY: every call goes on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.calls.fetch_add(1, Relaxed);
        self.bytes.fetch_add(taken(layout.size()), Relaxed);
        // SAFETY: the caller keeps the rules of `GlobalAlloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.bytes.fetch_sub(taken(layout.size()), Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        self.calls.fetch_add(1, Relaxed);
        self.bytes.fetch_add(taken(new_size), Relaxed);
        self.bytes.fetch_sub(taken(layout.size()), Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, new_size) }
    }
}
