//! Reassembly against a model: a datagram becomes whole exactly when its pieces, of which none
//! overlaps another, cover it, and then it says what its pieces said.
#![no_main]

use std::collections::BTreeMap;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tuntcp::fragments::Fragments;
use tuntcp::time::Instant;
use tuntcp::wire::{Body, Fragment, IpFields, Packet};

/// A protocol that nobody reads.
const PROTOCOL: u8 = 200;
/// How long a datagram may take; the model forgets it as late.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the model knows of one datagram. Few and small ones, so that room never runs out.
struct Model {
    expires: Instant,
    /// The byte at each place that has come.
    bytes: BTreeMap<usize, u8>,
    pieces: Vec<(usize, Vec<u8>)>,
    len: Option<usize>,
    poisoned: bool,
}

impl Model {
    /// Whether the datagram has become whole.
    fn add(&mut self, offset: usize, payload: &[u8], more: bool) -> bool {
        let same = self.pieces.iter().any(|(at, held)| *at == offset && held == payload);
        if self.poisoned || same {
            return false;
        }
        let end = offset + payload.len();
        let overlaps = (offset..end).any(|at| self.bytes.contains_key(&at));
        let farthest = self.bytes.last_key_value().map_or(0, |(at, _)| at + 1);
        let beyond = match self.len {
            Some(len) => !more || end > len,
            None => !more && farthest > end,
        };
        if overlaps || beyond {
            self.poisoned = true;
            return false;
        }
        self.bytes.extend(payload.iter().enumerate().map(|(at, byte)| (offset + at, *byte)));
        self.pieces.push((offset, payload.to_vec()));
        if !more {
            self.len = Some(end);
        }
        self.len == Some(self.bytes.len())
    }
}

fuzz_target!(|script: &[u8]| {
    let mut now = Instant::ZERO;
    let mut fragments = Fragments::new();
    let mut models: BTreeMap<u16, Model> = BTreeMap::new();
    let mut given_up = 0;
    for step in script.chunks_exact(4) {
        let &[what, place, len, byte] = step else { return };
        now += Duration::from_millis(u64::from(what >> 4) * 500);
        models.retain(|_, model| !model.expires.is_due(now));
        fragments.expire(now, |_| given_up += 1);
        assert!(!fragments.deadline().is_due(now));

        let (id, more) = (u16::from(what & 7), what & 8 != 0);
        let offset = usize::from(place % 32) * 8;
        let len = if more { usize::from(len % 4 + 1) * 8 } else { usize::from(len % 40) + 1 };
        let payload = vec![byte; len];
        let body = Body::Fragment(Fragment {
            protocol: PROTOCOL,
            offset: offset as u16,
            more,
            payload: &payload,
            header: &[0x45; 20],
        });
        let ip = IpFields { identification: id.into(), ..IpFields::default() };
        let (source, destination) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let packet = Packet { source, destination, ip, body };
        let whole = fragments.insert(now, &packet, |_| given_up += 1);

        let model = models.entry(id).or_insert_with(|| Model {
            expires: now + PATIENCE,
            bytes: BTreeMap::new(),
            pieces: Vec::new(),
            len: None,
            poisoned: false,
        });
        let expected = model.add(offset, &payload, more).then(|| models.remove(&id)).flatten();
        assert_eq!(whole.is_some(), expected.is_some());
        if let (Some(whole), Some(model)) = (whole, expected) {
            let read = Packet::parse(&whole, false).expect("a good packet");
            assert_eq!(read.body, Body::Other(PROTOCOL));
            assert!(whole[20..].iter().eq(model.bytes.values()));
        }
    }
    fragments.expire(Instant::NEVER, |_| given_up += 1);
    assert!(fragments.deadline().is_never());
    assert!(given_up <= script.len() / 4);
});
