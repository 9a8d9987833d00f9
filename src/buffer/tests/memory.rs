//! The account of what is in use.

use super::{Purpose, Share};
use crate::buffer::{Pool, Queue};

#[test]
fn every_purpose_has_its_part() {
    let pool = Pool::with_limit(1_000);
    let left = || {
        [Purpose::Begin, Purpose::Grow, Purpose::Send, Purpose::Keep].map(|what| pool.left(what))
    };
    assert_eq!(left(), [500, 750, 875, 1_000]);
    let mut share = Share::new(&pool);
    share.set(600);
    assert_eq!(left(), [0, 150, 275, 400]);
    share.set(1_100);
    assert_eq!((left(), pool.used()), ([0; 4], 1_100), "who must have more, gets it");
    drop(share);
    assert_eq!(left(), [500, 750, 875, 1_000]);
}

#[test]
fn a_pool_without_a_limit_has_room_for_everything() {
    let pool = Pool::new();
    let mut share = Share::new(&pool);
    assert!(share.try_set(u32::MAX, Purpose::Keep));
    assert!(pool.left(Purpose::Begin) > 1 << 40);
}

#[test]
fn chunks_count_with_their_blocks() {
    let pool = Pool::with_limit(1 << 20);
    let chunk = pool.chunk(65);
    assert_eq!(pool.used(), 256);
    let mut queue = Queue::new();
    queue.append(chunk);
    queue.extend(&pool, &[7; 100]);
    assert_eq!(pool.used(), 256, "an empty chunk is not kept; the text takes as much");
    drop(queue);
    assert_eq!(pool.used(), 0, "free blocks do not count");
}

#[test]
fn a_share_that_is_refused_stays_as_it_was() {
    let pool = Pool::with_limit(1_000);
    let (mut one, mut other) = (Share::new(&pool), Share::new(&pool));
    assert!(one.try_set(700, Purpose::Grow));
    assert!(!other.try_set(51, Purpose::Grow));
    assert_eq!((one.bytes(), other.bytes(), pool.used()), (700, 0, 700));
    assert!(other.try_set(300, Purpose::Keep));
    assert!(!other.try_set(301, Purpose::Keep));
    assert!(one.try_set(100, Purpose::Begin), "less is never refused");
    assert_eq!(pool.used(), 400);
}
