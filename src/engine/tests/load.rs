use super::{CALM, FEW, LITTLE, Load};

/// After so many turns that dealt with so many connections each, a small frame for each.
fn after(turns: &[(u8, usize)]) -> Load {
    let mut load = Load::default();
    for &(count, connections) in turns {
        (0..count).for_each(|_| load.note(connections, connections, 100 * connections, false));
    }
    load
}

#[test]
fn several_that_want_little_for_a_while_are_a_crowd() {
    assert!(!after(&[(CALM - 1, 2)]).is_crowd(), "too soon to know");
    let crowd = after(&[(CALM, 2)]);
    assert!(crowd.is_crowd() && !crowd.is_flood());
    assert_eq!(crowd.connections(), 2);
    assert!(after(&[(CALM, 2), (100, 0)]).is_crowd(), "looks at an empty device say nothing");
    assert!(!after(&[(100, 0), (1, 2)]).is_crowd());
}

#[test]
fn one_alone_is_neither_crowd_nor_flood() {
    for turns in 0..=u8::MAX {
        let alone = after(&[(turns, 1)]);
        assert!(!alone.is_crowd() && !alone.is_flood());
    }
    assert!(after(&[(CALM, 2), (CALM - 1, 1)]).is_crowd(), "the others are still there");
    assert!(!after(&[(CALM, 2), (CALM, 1)]).is_crowd(), "the others have gone");
}

#[test]
fn much_at_once_is_a_flood_until_it_has_been_calm() {
    let much = [(FEW + 1, 100, false), (1, LITTLE + 1, false), (1, 100, true)];
    for (frames, bytes, more) in much {
        let mut load = after(&[(CALM, 2)]);
        load.note(2, frames, bytes, more);
        assert!(load.is_flood() && !load.is_crowd());
        (1..CALM).for_each(|_| load.note(2, FEW, LITTLE, false));
        assert!(load.is_flood() && !load.is_crowd());
        load.note(2, FEW, LITTLE, false);
        assert!(!load.is_flood() && load.is_crowd());
    }
    let mut load = after(&[(CALM, 2)]);
    load.note(0, 0, LITTLE + 1, false);
    assert!(!load.is_crowd(), "what others send counts");
}
