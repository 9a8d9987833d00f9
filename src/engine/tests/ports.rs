//! Ephemeral ports: RFC 6056, 3.3.3.

use super::EphemeralPorts;

/// Proves: RFC6056-3.3-coll.
#[test]
fn each_port_is_tried_once_wherever_the_search_begins() {
    for range in [7..=7, 1_024..=1_030, 1_024..=65_535, 0..=65_535] {
        for (offset, counter) in
            [(0, 0), (5, 3), (u32::MAX, 0), (0, u32::MAX), (u32::MAX, u32::MAX)]
        {
            let ports = EphemeralPorts::new(range.clone());
            ports.next.store(counter, super::Ordering::Relaxed);
            let mut tried = Vec::new();
            let chosen = ports.choose(None, offset, |port| {
                tried.push(port);
                false
            });
            assert_eq!(chosen, None, "nothing is free");
            tried.sort_unstable();
            assert!(tried.into_iter().eq(range.clone()), "{range:?} {offset} {counter}");
        }
    }
}

#[test]
fn the_one_free_port_is_found() {
    for free in 1_024..=1_100 {
        let ports = EphemeralPorts::new(1_024..=1_100);
        assert_eq!(ports.choose(None, 50, |port| port == free), Some(free));
    }
}

#[test]
fn a_port_is_not_chosen_again_at_once() {
    let ports = EphemeralPorts::new(1_024..=1_123);
    let mut chosen: Vec<u16> = (0..100).filter_map(|_| ports.choose(None, 9, |_| true)).collect();
    assert_eq!(chosen[..3], [1_033, 1_034, 1_035]);
    chosen.sort_unstable();
    chosen.dedup();
    assert_eq!(chosen.len(), 100);
}

#[test]
fn those_that_were_taken_are_not_tried_again_at_once() {
    let ports = EphemeralPorts::new(1_024..=1_123);
    assert_eq!(ports.choose(None, 0, |port| port >= 1_064), Some(1_064));
    assert_eq!(ports.choose(None, 0, |_| true), Some(1_065));
}

#[test]
fn two_searches_at_once_leave_no_port_out() {
    let ports = EphemeralPorts::new(1_024..=1_123);
    let mut tried = Vec::new();
    ports.choose(None, 0, |port| {
        tried.push(port);
        // Somebody else searches meanwhile.
        assert!(ports.choose(None, 0, |_| true).is_some());
        false
    });
    tried.sort_unstable();
    assert!(tried.into_iter().eq(1_024..=1_123));
}

#[test]
#[expect(clippy::reversed_empty_ranges, reason = "it is what a user may hand in")]
fn a_range_without_ports_has_none_free() {
    assert_eq!(EphemeralPorts::new(2..=1).choose(None, 3, |_| true), None);
}
