//! Every algorithm that comes with the stack, told whatever may happen, in any order. The script of
//! events, and what must hold, are those of `tests/congestion.rs`.
#![no_main]

#[path = "../../tests/congestion/events.rs"]
mod events;

use libfuzzer_sys::fuzz_target;
use tuntcp::tcp::congestion::REGISTRY;

fuzz_target!(|script: &[u8]| {
    for &algorithm in REGISTRY {
        events::run(algorithm, script);
    }
});
