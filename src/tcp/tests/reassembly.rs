//! Reassembly against a model that is an array of bytes: RFC 9293 3.10.7.4, SHLD-31; RFC 2018, 4.
#![expect(clippy::single_range_in_vec_init, reason = "lists of ranges, some of only one")]

use std::ops::Range;

use proptest::prelude::*;

use super::{PAGE, Pool, Queue, RECENT, Reassembly};

/// Bytes that the model knows.
const SPAN: usize = 4 * PAGE as usize;

/// The byte that copy number `copy` of the stream has at `at`: no two copies agree, so that it
/// shows which one was kept.
fn byte(copy: usize, at: usize) -> u8 {
    (at * 31 + at / 256 + copy * 101) as u8
}

fn copy_of(copy: usize, range: Range<usize>) -> Vec<u8> {
    range.map(|at| byte(copy, at)).collect()
}

fn position(at: usize) -> u64 {
    at as u64
}

/// A reassembly and the queue that it fills, beside an array of what has come.
struct Pair {
    pool: Pool,
    reassembly: Reassembly,
    queue: Queue,
    next: u64,
    model: Vec<Option<u8>>,
    expected: Vec<u8>,
    copies: usize,
}

impl Pair {
    fn new() -> Self {
        Self {
            pool: Pool::new(),
            reassembly: Reassembly::new(),
            queue: Queue::new(),
            next: 0,
            model: vec![None; SPAN],
            expected: Vec::new(),
            copies: 0,
        }
    }

    /// A segment arrives, of which only what lies at or above the next byte is taken.
    fn arrive(&mut self, range: Range<usize>) {
        self.copies += 1;
        let range = range.start.max(self.expected.len())..range.end.min(SPAN);
        if range.is_empty() {
            return;
        }
        let bytes = copy_of(self.copies, range.clone());
        let new = self.reassembly.insert(&self.pool, position(range.start), &bytes);
        let fresh: Vec<usize> = range.clone().filter(|&at| self.model[at].is_none()).collect();
        assert_eq!(new, fresh.len());
        for at in fresh {
            self.model[at] = Some(byte(self.copies, at));
        }
        self.check_report(range.start);
    }

    /// The byte that the reader waits for has come by another way, if `jump` is not zero.
    fn take(&mut self, jump: usize) {
        for _ in 0..jump.min(SPAN - self.expected.len()) {
            let at = self.expected.len();
            let direct = byte(0, at);
            self.model[at] = Some(direct);
            self.expected.push(direct);
            self.queue.extend(&self.pool, &[direct]);
        }
        self.next = position(self.expected.len());
        while let Some(Some(held)) = self.model.get(self.expected.len()) {
            self.expected.push(*held);
        }
        self.next = self.reassembly.take_ready(&self.pool, self.next, &mut self.queue);
        assert_eq!(self.next, position(self.expected.len()));
        self.check();
    }

    fn check(&self) {
        let mut out = vec![0; self.queue.len()];
        self.queue.copy_to(0, &mut out);
        assert!(out == self.expected, "the queue does not say what has come");
        let held = self.held();
        assert_eq!(self.reassembly.len(), held.iter().map(ExactSizeIterator::len).sum());
        assert_eq!(self.reassembly.is_empty(), held.is_empty());
        let Some(inside) = &self.reassembly.held else { return };
        assert!(
            inside.ranges.iter().eq(held
                .iter()
                .map(|range| (position(range.start), position(range.end)))
                .collect::<Vec<_>>()
                .iter()
                .map(|(start, end)| (start, end)))
        );
        // A page is owned exactly while something lies in it.
        let page = PAGE as usize;
        let mut needed: Vec<u64> = held
            .iter()
            .flat_map(|range| range.start / page..=(range.end - 1) / page)
            .map(position)
            .collect();
        needed.dedup();
        assert!(inside.pages.keys().copied().eq(needed));
    }

    /// What is held, from the left.
    fn held(&self) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for at in (self.expected.len()..SPAN).filter(|&at| self.model[at].is_some()) {
            match ranges.last_mut() {
                Some(range) if range.end == at => range.end += 1,
                _ => ranges.push(at..at + 1),
            }
        }
        ranges
    }

    fn check_report(&self, newest: usize) {
        let held = self.held();
        for max in 0..=RECENT + 1 {
            let told = report(&self.reassembly, max);
            assert_eq!(told.len(), held.len().min(max).min(RECENT));
            for (index, range) in told.iter().enumerate() {
                assert!(held.contains(range), "{range:?} is not one of {held:?}");
                assert!(!told[..index].contains(range), "{range:?} is told twice");
            }
            assert!(told.first().is_none_or(|range| range.contains(&newest)));
        }
    }
}

fn report(reassembly: &Reassembly, max: usize) -> Vec<Range<usize>> {
    let mut told = Vec::new();
    reassembly.report(max, |range| told.push(range.start as usize..range.end as usize));
    told
}

proptest! {
    /// Proves: RFC2018-8-b.
    #[test]
    fn it_agrees_with_an_array(
        steps in prop::collection::vec(
            (0..SPAN, prop_oneof![1..40_usize, 1..9_000_usize], 0..8_usize),
            1..60,
        ),
    ) {
        let mut pair = Pair::new();
        for (start, len, what) in steps {
            pair.arrive(start..start + len);
            pair.check();
            match what {
                0 => pair.take(0),
                1 => pair.take(len),
                _ => {}
            }
        }
        pair.take(SPAN);
        prop_assert!(pair.reassembly.held.is_none());
    }

    #[test]
    fn every_order_of_the_segments_gives_the_same_text(
        lens in prop::collection::vec(1..1_500_usize, 1..40),
        seed in any::<u64>(),
    ) {
        let mut start = 1;
        let mut segments: Vec<Range<usize>> = Vec::new();
        for len in lens {
            segments.push(start..(start + len).min(SPAN));
            start = (start + len).min(SPAN - 1);
        }
        let mut rng = fastrand::Rng::with_seed(seed);
        rng.shuffle(&mut segments);
        let (pool, mut queue) = (Pool::new(), Queue::new());
        let mut reassembly = Reassembly::new();
        let end = segments.iter().map(|range| range.end).max().unwrap_or(1);
        for range in segments {
            reassembly.insert(&pool, position(range.start), &copy_of(1, range));
        }
        prop_assert_eq!(report(&reassembly, 4), vec![1..end]);
        prop_assert_eq!(reassembly.take_ready(&pool, 0, &mut queue), 0);
        prop_assert_eq!(reassembly.take_ready(&pool, 1, &mut queue), position(end));
        prop_assert!(reassembly.is_empty());
        let mut out = vec![0; queue.len()];
        queue.copy_to(0, &mut out);
        prop_assert_eq!(out, copy_of(1, 1..end));
    }
}

#[test]
fn the_first_copy_of_a_byte_wins() {
    // What is held, what comes, how much of it is new, what is held then.
    type Row = (&'static [Range<usize>], Range<usize>, usize, &'static [Range<usize>]);
    let rows: [Row; 12] = [
        (&[], 10..20, 10, &[10..20]),
        (&[10..20], 10..20, 0, &[10..20]),
        (&[10..20], 12..18, 0, &[10..20]),
        (&[10..20], 5..12, 5, &[5..20]),
        (&[10..20], 18..25, 5, &[10..25]),
        (&[10..20], 5..25, 10, &[5..25]),
        (&[10..20], 20..25, 5, &[10..25]),
        (&[10..20], 5..10, 5, &[5..20]),
        (&[10..20], 21..25, 4, &[10..20, 21..25]),
        (&[10..20], 5..9, 4, &[5..9, 10..20]),
        (&[10..20, 30..40], 20..30, 10, &[10..40]),
        (&[10..20, 30..40, 50..60], 15..55, 20, &[10..60]),
    ];
    for (held, segment, new, after) in rows {
        let mut pair = Pair::new();
        for range in held {
            pair.arrive(range.clone());
        }
        let before = pair.reassembly.len();
        pair.arrive(segment.clone());
        assert_eq!(pair.reassembly.len() - before, new, "{held:?} and {segment:?}");
        assert_eq!(pair.held(), after, "{held:?} and {segment:?}");
        pair.check();
        // The text shows which copy each byte is of.
        pair.take(after[0].start);
    }
}

#[test]
fn nothing_is_held_of_nothing() {
    let mut reassembly = Reassembly::new();
    assert_eq!(reassembly.insert(&Pool::new(), 9, &[]), 0);
    assert!(reassembly.is_empty());
    assert_eq!(report(&reassembly, 4), []);
}

#[test]
fn an_empty_one_is_a_pointer_and_owns_nothing() {
    assert_eq!(size_of::<Reassembly>(), size_of::<usize>());
    let mut pair = Pair::new();
    pair.arrive(10..20);
    assert!(pair.reassembly.held.is_some());
    pair.take(10);
    assert!(pair.reassembly.held.is_none());
}

#[test]
fn the_most_recently_changed_range_is_reported_first() {
    let mut pair = Pair::new();
    // Every second segment is lost.
    for start in [100, 300, 500, 700, 900] {
        pair.arrive(start..start + 100);
    }
    assert_eq!(report(&pair.reassembly, 3), [900..1000, 700..800, 500..600]);
    pair.arrive(400..500);
    assert_eq!(report(&pair.reassembly, 3), [300..600, 900..1000, 700..800]);
    // A copy of what is held is news to its sender, too.
    pair.arrive(720..730);
    assert_eq!(report(&pair.reassembly, 2), [700..800, 300..600]);
    // What was delivered is not reported any more; what was forgotten fills its place.
    pair.arrive(100..110);
    pair.take(100);
    assert_eq!(report(&pair.reassembly, 4), [700..800, 300..600, 900..1000]);
}

#[test]
fn a_range_that_grows_does_not_hide_the_others() {
    let mut pair = Pair::new();
    for start in [100, 300, 500] {
        pair.arrive(start..start + 100);
    }
    for start in (700..1_500).step_by(100) {
        pair.arrive(start..start + 100);
    }
    assert_eq!(report(&pair.reassembly, 4), [700..1500, 500..600, 300..400, 100..200]);
}

#[test]
fn what_is_ready_begins_with_the_next_byte() {
    // What is held, the next byte, where that takes us, and what is still held.
    type Row = (&'static [Range<usize>], usize, usize, &'static [Range<usize>]);
    let rows: [Row; 8] = [
        (&[10..20], 9, 9, &[10..20]),
        (&[10..20], 10, 20, &[]),
        (&[10..11], 10, 11, &[]),
        (&[10..20], 19, 20, &[]),
        (&[10..20], 20, 20, &[]),
        (&[10..20], 21, 21, &[]),
        (&[10..20, 30..40], 15, 20, &[30..40]),
        (&[10..20, 30..40, 50..60], 30, 40, &[50..60]),
    ];
    for (held, next, after, rest) in rows {
        let (pool, mut queue) = (Pool::new(), Queue::new());
        let mut reassembly = Reassembly::new();
        for range in held {
            reassembly.insert(&pool, position(range.start), &copy_of(1, range.clone()));
        }
        let end = reassembly.take_ready(&pool, position(next), &mut queue);
        assert_eq!(end, position(after), "{held:?} from {next}");
        assert_eq!(reassembly.len(), rest.iter().map(ExactSizeIterator::len).sum());
        let mut left = report(&reassembly, 4);
        left.sort_unstable_by_key(|range| range.start);
        assert_eq!(left, rest, "{held:?} from {next}");
        let mut out = vec![0; queue.len()];
        queue.copy_to(0, &mut out);
        assert_eq!(out, copy_of(1, next..after), "{held:?} from {next}");
    }
}

#[test]
fn full_pages_are_moved() {
    let (pool, mut queue) = (Pool::new(), Queue::new());
    let mut reassembly = Reassembly::new();
    let end = 3 * PAGE as usize + 5;
    reassembly.insert(&pool, 1, &copy_of(1, 1..end));
    let page = reassembly.held.as_ref().expect("bytes are held").pages[&1].as_slice().as_ptr();
    reassembly.take_ready(&pool, 1, &mut queue);
    assert_eq!(queue.len(), end - 1);
    queue.discard(PAGE as usize - 1);
    let moved = queue.take_front(PAGE as usize).expect("a page");
    assert_eq!(moved.as_slice().as_ptr(), page);
}

/// The worst that a sender can do to us: a window of single bytes with gaps between them.
#[test]
fn the_smallest_pieces_cost_no_more_than_the_window() {
    const WINDOW: usize = 256 << 10;
    let (pool, mut queue) = (Pool::new(), Queue::new());
    let mut reassembly = Reassembly::new();
    for at in (1..WINDOW).step_by(2) {
        assert_eq!(reassembly.insert(&pool, position(at), &[byte(1, at)]), 1);
    }
    let held = reassembly.held.as_ref().expect("bytes are held");
    assert_eq!(held.ranges.len(), WINDOW / 2);
    assert_eq!(held.pages.len() * PAGE as usize, WINDOW);
    let blocks: usize = held.pages.values().map(crate::buffer::Chunk::capacity).sum();
    assert_eq!(blocks, WINDOW);

    // The gaps are filled from the right, each as its own segment.
    for at in (0..WINDOW).step_by(2).rev() {
        assert_eq!(reassembly.insert(&pool, position(at), &[byte(1, at)]), 1);
    }
    assert_eq!(report(&reassembly, 4), [0..WINDOW]);
    assert_eq!(reassembly.take_ready(&pool, 0, &mut queue), position(WINDOW));
    assert!(reassembly.held.is_none());
    let mut out = vec![0; WINDOW];
    assert_eq!(queue.copy_to(0, &mut out), WINDOW);
    assert!(out == copy_of(1, 0..WINDOW));
}

/// In order, with a segment held behind each gap: every arrival takes what is ready.
#[test]
fn pages_are_given_back_as_the_window_moves() {
    let (pool, mut queue) = (Pool::new(), Queue::new());
    let mut reassembly = Reassembly::new();
    for round in 0..10_000_usize {
        let start = round * 3_000;
        reassembly.insert(&pool, position(start + 1_500), &[1; 1_500]);
        queue.extend(&pool, &[0; 1_500]);
        let next = reassembly.take_ready(&pool, position(start + 1_500), &mut queue);
        assert_eq!(next, position(start + 3_000));
        assert!(reassembly.held.is_none());
        queue.discard(3_000);
        assert!(queue.is_empty());
    }
}
