//! Queues of chunks, against a model that is a queue of bytes.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::{LARGEST, Pool, Queue, SMALL};
use crate::buffer::Chunk;

fn text(from: usize, len: usize) -> Vec<u8> {
    (from..from + len).map(|at| (at * 31 + at / 256) as u8).collect()
}

fn chunk(pool: &Pool, bytes: &[u8]) -> Chunk {
    let mut chunk = pool.chunk(bytes.len());
    assert_eq!(chunk.extend(bytes), bytes.len());
    chunk
}

fn chunks(queue: &Queue) -> impl Iterator<Item = &(u64, Chunk)> {
    queue.content.iter().flat_map(|content| &content.chunks)
}

/// Bytes of all blocks of a queue.
fn owned(queue: &Queue) -> usize {
    chunks(queue).map(|(_, chunk)| chunk.capacity()).sum()
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Append(usize),
    Extend(usize),
    CopyTo(usize, usize),
    Discard(usize),
    TakeFront(usize),
    Clear,
}

fn any_step() -> impl Strategy<Value = Step> {
    let len = || prop_oneof![0..80_usize, 500..530_usize, 0..40_000_usize];
    prop_oneof![
        4 => len().prop_map(Step::Append),
        4 => len().prop_map(Step::Extend),
        4 => (len(), len()).prop_map(|(offset, len)| Step::CopyTo(offset, len)),
        3 => len().prop_map(Step::Discard),
        2 => len().prop_map(Step::TakeFront),
        1 => Just(Step::Discard(usize::MAX)),
        1 => Just(Step::CopyTo(usize::MAX, 1)),
        1 => Just(Step::Clear),
    ]
}

/// Does one step to both and compares what it gave.
fn step(pool: &Pool, queue: &mut Queue, model: &mut VecDeque<u8>, written: &mut usize, step: Step) {
    match step {
        Step::Append(len) | Step::Extend(len) => {
            let bytes = text(*written, len);
            *written += len;
            match step {
                Step::Append(_) => queue.append(chunk(pool, &bytes)),
                _ => queue.extend(pool, &bytes),
            }
            model.extend(bytes);
        }
        Step::CopyTo(offset, len) => {
            let mut out = vec![0; len];
            let count = queue.copy_to(offset, &mut out);
            let expected: Vec<u8> = model.iter().copied().skip(offset).take(len).collect();
            assert_eq!(&out[..count], expected);
        }
        Step::Discard(count) => {
            queue.discard(count);
            model.drain(..count.min(model.len()));
        }
        Step::TakeFront(max) => {
            let first = chunks(queue).next().map(|(_, chunk)| chunk.len());
            let taken = queue.take_front(max);
            assert_eq!(taken.as_ref().map(Chunk::len), first.filter(|&len| len <= max));
            let expected: Vec<u8> = model.drain(..taken.as_ref().map_or(0, Chunk::len)).collect();
            assert_eq!(taken.as_ref().map_or(&[][..], Chunk::as_slice), expected);
        }
        Step::Clear => {
            queue.clear();
            model.clear();
        }
    }
}

fn check_invariants(queue: &Queue) {
    let mut at = queue.start();
    for (position, chunk) in chunks(queue) {
        assert_eq!(*position, at);
        assert!(!chunk.is_empty());
        at += chunk.len() as u64;
    }
    assert_eq!(queue.end(), at);
    assert!(queue.is_empty() || chunks(queue).next().is_some(), "an empty queue owns no memory");
}

proptest! {
    #[test]
    fn a_queue_is_a_queue_of_bytes(steps in prop::collection::vec(any_step(), 1..60)) {
        let pool = Pool::new();
        let (mut queue, mut model, mut written) = (Queue::new(), VecDeque::new(), 0);
        for what in steps {
            step(&pool, &mut queue, &mut model, &mut written, what);
            prop_assert_eq!((queue.len(), queue.is_empty()), (model.len(), model.is_empty()));
            check_invariants(&queue);
        }
        let mut out = vec![0; model.len()];
        prop_assert_eq!(queue.copy_to(0, &mut out), model.len());
        prop_assert_eq!(out, Vec::from(model));
    }
}

#[test]
fn an_empty_queue_is_small_and_owns_nothing() {
    assert_eq!(size_of::<Queue>(), size_of::<usize>());
    let pool = Pool::new();
    let mut queue = Queue::new();
    let empties: [fn(&mut Queue); 4] = [
        Queue::clear,
        |queue| queue.discard(9),
        |queue| queue.discard(usize::MAX),
        |queue| {
            queue.take_front(9).expect("one chunk");
        },
    ];
    for empty in empties {
        queue.extend(&pool, b"nine byte");
        assert!(queue.content.is_some());
        empty(&mut queue);
        assert!(queue.is_empty());
        assert!(queue.content.is_none());
    }
    queue.append(pool.chunk(64));
    assert!(queue.content.is_none(), "nor does one that was given nothing");
}

#[test]
fn small_chunks_share_a_block() {
    let pool = Pool::new();
    let mut queue = Queue::new();
    for _ in 0..4_000 {
        queue.append(chunk(&pool, b"x"));
    }
    assert_eq!(queue.len(), 4_000);
    assert!(owned(&queue) < 4_000 + 64);

    let mut queue = Queue::new();
    queue.append(chunk(&pool, &[1; SMALL + 1]));
    queue.append(chunk(&pool, &[2; SMALL - 1]));
    assert_eq!(chunks(&queue).count(), 1, "copied to the tail");

    let mut queue = Queue::new();
    let mut roomy = pool.chunk(4 * SMALL);
    roomy.extend(b"x");
    queue.append(roomy);
    queue.append(chunk(&pool, &[3; SMALL + 1]));
    assert_eq!(chunks(&queue).count(), 2, "a larger one is moved, room or not");
}

#[test]
fn blocks_grow_with_what_is_queued() {
    let pool = Pool::new();
    let mut queue = Queue::new();
    queue.extend(&pool, b"l");
    assert_eq!(owned(&queue), 64, "one keystroke");
    while queue.len() < 1 << 20 {
        queue.extend(&pool, &[0; 1_460]);
    }
    let (_, last) = chunks(&queue).last().expect("a chunk");
    assert_eq!(last.capacity(), LARGEST);
    assert!(chunks(&queue).count() <= (1 << 20) / LARGEST + 5, "{} chunks", chunks(&queue).count());
    assert!(owned(&queue) <= queue.len() + LARGEST);
}

#[test]
fn what_was_discarded_goes_back_to_the_pool() {
    let pool = Pool::new();
    let mut queue = Queue::new();
    for _ in 0..8 {
        queue.append(chunk(&pool, &[0; 4_000]));
    }
    queue.discard(4_000 * 6 + 1);
    assert_eq!((chunks(&queue).count(), queue.len()), (2, 7_999));
    assert_eq!(owned(&queue), 2 * 4_096);
}

#[test]
fn what_stands_in_few_chunks_is_lent() {
    let pool = Pool::new();
    let mut queue = Queue::new();
    for part in [[1; 600], [2; 600], [3; 600], [4; 600]] {
        queue.append(chunk(&pool, &part));
    }
    let mut whole = [0; 2400];
    queue.copy_to(0, &mut whole);
    let lent = |queue: &mut Queue, from: usize, len: usize| {
        let lent = queue.lend(from, len)?;
        Some(lent.iter().flatten().flat_map(|chunk| chunk.as_slice().to_vec()).collect::<Vec<_>>())
    };
    for (from, len) in [(0, 1), (0, 600), (599, 2), (100, 1700), (2399, 1), (1200, 1200)] {
        assert_eq!(lent(&mut queue, from, len).unwrap(), whole[from..from + len], "{from} {len}");
    }
    assert_eq!(lent(&mut queue, 599, 1202), None, "it stands in four");
    assert_eq!(lent(&mut queue, 2000, 500), None, "it is not all there");
    let mut crumbs = Queue::new();
    for _ in 0..4 {
        crumbs.append(chunk(&pool, &[1; 600]));
    }
    assert!(crumbs.lend(0, 2400).is_none() && crumbs.lend(1200, 1300).is_none());
    let before = pool.used();
    crumbs.extend(&pool, &[2; 100]);
    assert_eq!(pool.used(), before, "what was not lent after all is appended to as ever");
    queue.discard(700);
    assert_eq!(lent(&mut queue, 0, 600).unwrap(), whole[700..1300], "the numbers go on");
    queue.append(chunk(&pool, &[5; 10]));
    assert_eq!(queue.len(), 1710, "behind what is lent there is room as ever");
    assert_eq!(lent(&mut Queue::new(), 0, 1), None);
}
