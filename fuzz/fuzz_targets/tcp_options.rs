//! Any option area is read or refused; what was read is written and read as the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tuntcp::wire::Options;

fuzz_target!(|area: &[u8]| {
    let Ok(mut options) = Options::parse(area) else { return };
    let len = options.wire_len();
    assert!(len <= 40 && len.is_multiple_of(4));
    let mut written = vec![0xff; len];
    options.emit(&mut written);
    let again = Options::parse(&written).expect("what we write is right");
    // SACK blocks are cut where the other options leave no room.
    let kept = again.sack.as_slice().len();
    assert!(kept == options.sack.as_slice().len() || len + 8 > 40);
    options.sack.truncate(kept);
    assert_eq!(again, options);
});
