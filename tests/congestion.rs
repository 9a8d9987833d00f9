//! Every algorithm that comes with the stack, told whatever may happen, in any order: its arithmetic
//! holds at the extremes, its window takes a segment at least, and congestion never makes it larger.

#[path = "congestion/events.rs"]
mod events;

use proptest::collection::vec;
use proptest::prelude::*;
use tuntcp::tcp::congestion::REGISTRY;

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens(script in vec(any::<u8>(), 0..1_000)) {
        for &algorithm in REGISTRY {
            events::run(algorithm, &script);
        }
    }
}
