//! Chunks and the pool of their blocks.

use super::{CLASSES, Chunk, KEPT, Pool};

/// Bytes in the free lists of `pool`.
fn kept(pool: &Pool) -> usize {
    let blocks = |class: usize| pool.shared.free[class].lock().unwrap().len();
    CLASSES.iter().enumerate().map(|(class, size)| blocks(class) * size).sum()
}

#[test]
fn a_chunk_takes_the_least_block_that_is_large_enough() {
    let pool = Pool::new();
    let rows = [
        (0, 64),
        (1, 64),
        (64, 64),
        (65, 256),
        (257, 1 << 10),
        (1460, 4 << 10),
        (4097, 16 << 10),
        ((16 << 10) + 1, 64 << 10),
        (64 << 10, 64 << 10),
        (usize::MAX, 64 << 10),
    ];
    for (asked, given) in rows {
        let chunk = pool.chunk(asked);
        assert_eq!((chunk.capacity(), chunk.len(), chunk.spare()), (given, 0, given), "{asked}");
    }
}

#[test]
fn bytes_go_in_at_the_end_and_out_at_either() {
    let mut chunk = Pool::new().chunk(64);
    assert_eq!(chunk.extend(b"segment"), 7);
    assert_eq!(chunk.spare(), 57);
    chunk.discard_front(3);
    assert_eq!(chunk.as_slice(), b"ment");
    chunk.truncate(3);
    assert_eq!(chunk.as_slice(), b"men");
    chunk.truncate(usize::MAX);
    assert_eq!(chunk.len(), 3);
    assert_eq!(chunk.extend(&[7; 100]), 58, "no more than there is room for");
    assert_eq!((chunk.len(), chunk.spare()), (61, 0));
    chunk.discard_front(usize::MAX);
    assert!(chunk.is_empty());
}

#[test]
fn a_dropped_chunk_gives_its_block_to_the_next_of_any_handle() {
    let pool = Pool::new();
    let mut chunk = pool.clone().chunk(100);
    chunk.extend(b"secret");
    let block = chunk.as_slice().as_ptr();
    assert_eq!(kept(&pool), 0);
    drop(chunk);
    assert_eq!(kept(&pool), 256);
    let mut next = pool.chunk(200);
    assert!(next.is_empty());
    next.extend(b"x");
    assert_eq!(next.as_slice().as_ptr(), block);
    assert_eq!(kept(&pool), 0);
}

#[test]
fn what_is_lent_stays_as_it_is_until_the_last_lets_go() {
    let pool = Pool::new();
    let mut chunk = pool.chunk(100);
    chunk.extend(b"header and payload");
    chunk.discard_front(7);
    let lent = chunk.lend(4, 3);
    let longer = chunk.lend(8, 1000);
    assert_eq!((lent.as_slice(), longer.as_slice()), (&b"pay"[..], &b"oad"[..]));
    assert_eq!(lent.as_slice().as_ptr(), &raw const chunk.as_slice()[4], "nothing is copied");
    assert_eq!((chunk.spare(), chunk.extend(b"more")), (0, 0), "nothing is written");
    chunk.discard_front(4);
    assert_eq!(chunk.as_slice(), b"payload");
    drop(chunk);
    assert_eq!((kept(&pool), pool.used()), (0, 256));
    assert_eq!(lent.as_slice(), b"pay");
    drop(lent);
    assert_eq!(pool.used(), 256);
    drop(longer);
    assert_eq!((kept(&pool), pool.used()), (256, 0), "once");
}

#[test]
fn a_pool_keeps_no_more_than_its_bound() {
    let pool = Pool::new();
    for size in CLASSES {
        let burst: Vec<Chunk> = (0..KEPT / size + 3).map(|_| pool.chunk(size)).collect();
        drop(burst);
    }
    assert_eq!(kept(&pool), CLASSES.len() * KEPT);
}

#[test]
fn a_chunk_is_small_and_tells_nothing_of_its_bytes() {
    assert!(size_of::<Chunk>() <= 40);
    let mut chunk = Pool::new().chunk(64);
    chunk.extend(b"password");
    assert_eq!(format!("{chunk:?}"), "Chunk(8 of 64 bytes)");
}
