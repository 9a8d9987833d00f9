//! Out-of-order bytes against a model: the first copy of a byte wins, what is contiguous comes out
//! once and in order, and what is reported is what is held.
#![no_main]

use std::ops::Range;

use libfuzzer_sys::fuzz_target;
use tuntcp::buffer::{Pool, Queue};
use tuntcp::tcp::reassembly::Reassembly;

/// Bytes of the stream that the script can reach: several pages.
const SPACE: usize = 20_000;

fuzz_target!(|script: &[u8]| {
    let pool = Pool::new();
    let mut held = Reassembly::new();
    let mut queue = Queue::new();
    let mut model: Vec<Option<u8>> = vec![None; SPACE];
    let mut next = 0;
    for (step, operation) in script.chunks_exact(4).enumerate() {
        let &[what, high, low, len] = operation else { return };
        let place = next + (usize::from(high) << 8 | usize::from(low)) % 9000;
        let len = if what & 1 == 0 { usize::from(len) + 1 } else { usize::from(len) * 20 + 1 };
        if place + len > SPACE {
            continue;
        }
        let bytes: Vec<u8> = (0..len).map(|index| (index + step) as u8).collect();
        let mut new = 0;
        for (index, byte) in bytes.iter().enumerate() {
            let cell = &mut model[place + index];
            if cell.is_none() {
                *cell = Some(*byte);
                new += 1;
            }
        }
        assert_eq!(held.insert(&pool, place as u64, &bytes), new);
        check_report(&held, &model, next, place);
        if what & 2 != 0 {
            let end = held.take_ready(&pool, next as u64, &mut queue) as usize;
            let expected: Vec<u8> = model[next..].iter().map_while(|cell| *cell).collect();
            assert_eq!(end, next + expected.len());
            let mut out = vec![0; expected.len()];
            assert_eq!(queue.copy_to(0, &mut out), out.len());
            assert_eq!(out, expected);
            assert_eq!(queue.len(), out.len());
            queue.clear();
            next = end;
        }
        let left = model[next..].iter().flatten().count();
        assert_eq!((held.len(), held.is_empty()), (left, left == 0));
    }
});

/// The first range holds what came last; each is as long as can be, and none is told twice.
fn check_report(held: &Reassembly, model: &[Option<u8>], next: usize, last: usize) {
    let mut told: Vec<Range<u64>> = Vec::new();
    held.report(4, |range| told.push(range));
    assert!(told.first().is_some_and(|range| range.contains(&(last as u64))));
    for (index, range) in told.iter().enumerate() {
        let (start, end) = (range.start as usize, range.end as usize);
        assert!(model[start..end].iter().all(Option::is_some), "told of what is not held");
        assert!(start == next || model[start - 1].is_none(), "it begins earlier");
        assert!(end == model.len() || model[end].is_none(), "it ends later");
        assert!(!told[..index].contains(range), "told twice");
    }
}
