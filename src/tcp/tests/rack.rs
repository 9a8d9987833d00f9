//! Who is late? RACK (RFC 8985, 6): a segment is lost when one that was sent later has arrived, and
//! it has had time enough since.

use std::time::Duration;

use super::harness::Harness;
use super::script::{At, Setup, at};

/// Ten segments, and no more to send; the round trip is 100 ms.
const TEN: &str = "write 14600; sends 1-10; +100ms";

fn open() -> Setup {
    let setup = at(At::Established).sack();
    setup.config(|config| config.congestion = "reno".parse().expect("it is registered"))
}

/// Room for 44 segments at once.
fn wide() -> Setup {
    open().config(|config| config.initial_window = 44)
}

/// RFC 8985 6.2, step 5: where in a flight it was lost does not matter, as long as something comes
/// behind it.
/// Proves: RFC8985-6.2-5, RFC8985-6.2-1, RFC6675-2-dup, RFC6675-5-enter.
#[test]
fn first_middle_and_last() {
    open().rows(&[
        ("the first", &format!("{TEN}; ack 1 2; ack 1 2-3; ack 1 2-4; sends 1")),
        ("in the middle", &format!("{TEN}; ack 5; ack 5 6; ack 5 6-7; ack 5 6-8; sends 5")),
        ("two behind it", &format!("{TEN}; ack 8; ack 8 9; ack 8 9-10; +24ms; +1ms; sends 8")),
        ("one behind it", &format!("{TEN}; ack 9; ack 9 10; +24ms; +1ms; sends 9")),
        ("the first four", &format!("{TEN}; ack 1 5-7; sends 1-2; ack 3 5-7; sends 3-4")),
        ("two holes", &format!("{TEN}; ack 1 2-4 6-8; sends 1 5")),
        ("every second one", &format!("{TEN}; ack 1 2 4 6 8; sends 1 3 5; ack 3 4 6 8; sends 7")),
        ("one ACK for all", &format!("{TEN}; ack 1 2-10; sends 1")),
        ("without news there is no loss", &format!("{TEN}; ack 1 2; ack 1 2; ack 1 2; ack 1 2")),
        ("an ACK without blocks tells nothing", &format!("{TEN}; ack 1; ack 1; ack 1; ack 1")),
        (
            "text on it does no harm",
            &format!(
                "{TEN}; < . 1:11(10) ack 1 <nop,nop,sack 1461:5841>
          sends 1; +40ms; >*; readable 10"
            ),
        ),
    ]);
}

/// RFC 8985 6.2, step 4: how long is waited for what was overtaken.
/// Proves: RFC8985-6.2-4, RFC8985-6.2-3, RFC8985-4-a, RFC6675-4-islost.
#[test]
fn window() {
    open().rows(&[
        ("a quarter of a round trip", &format!("{TEN}; ack 1 2; timer 25ms; +25ms; sends 1")),
        ("from the sending on", &format!("{TEN}; ack 1 2; +20ms; ack 1 2-3; timer 25ms")),
        ("three behind it are enough", &format!("{TEN}; ack 1 2-3; ack 1 2-4; sends 1")),
        (
            "in a repair nobody waits",
            &format!("{TEN}; ack 1 2-4; sends 1; ack 1 2-4 6; info lost 1mss"),
        ),
        (
            "reordering was seen: three are not enough",
            &format!(
                "{TEN}; ack 1 2; +5ms; ack 3; info reordering true; ack 3 4-6; +24ms; ack 7
                      info retransmissions 0"
            ),
        ),
        (
            "in a repair neither",
            &format!(
                "{TEN}; ack 1 2; +5ms; ack 3; ack 3 4-6; +24ms; +1ms; sends 3
                      ack 3 4-6 8; +24ms; +1ms; sends 7"
            ),
        ),
        (
            "in order nothing is seen",
            &format!("{TEN}; ack 1; ack 2; ack 4; ack 11; info reordering false"),
        ),
        (
            "what was sent again and comes in order is no reordering",
            &format!("{TEN}; ack 1 2-4; sends 1; +100ms; ack 11; info reordering false"),
        ),
        ("a hole that fills is", &format!("{TEN}; ack 1 3; ack 1 2-3; info reordering true")),
    ]);
}

/// Reordering by 1, 3 and 30 segments: once it was seen nothing is sent again needlessly.
/// Proves: RFC8985-6.2-3, RFC8985-6.2-4.
#[test]
fn reordering() {
    let all = "write 58400; sends 1-40; +100ms";
    wide().rows(&[
        ("by one", &format!("{all}; ack 1 2; +20ms; ack 3; info retransmissions 0")),
        ("by two", &format!("{all}; ack 1 2-3; +20ms; ack 4; info retransmissions 0")),
        (
            "by three, first time: it is taken for a loss",
            &format!(
                "{all}; ack 1 2-4; sends 1; ack 5; ack 5 1; info undone 1
                      info reordering true; ack 5 6-8; +20ms; ack 41; info retransmissions 1"
            ),
        ),
        (
            "by 30, second time",
            &format!(
                "{all}; ack 1 2; +20ms; ack 3; ack 3 4-33; +20ms; ack 41
                      info retransmissions 0"
            ),
        ),
        (
            "30 one by one",
            &format!(
                "{all}; ack 1 2; +20ms; ack 3; ack 3 33; ack 3 32-33; ack 3 31-33
                      ack 3 20-33; ack 3 10-33; ack 3 4-33; +10ms; ack 41; info retransmissions 0"
            ),
        ),
    ]);
}

/// A connection that has sent something again needlessly in each of so many round trips.
fn hasty(rounds: u32) -> Harness {
    hasty_with(&open(), rounds)
}

fn hasty_with(setup: &Setup, rounds: u32) -> Harness {
    let mut harness = setup.start();
    for first in (1..).step_by(10).take(rounds as usize) {
        let (second, fourth, next) = (first + 1, first + 3, first + 10);
        harness.must(&format!("write 14600; sends {first}-{}; +100ms", first + 9));
        harness.must(&format!("ack {first} {second}-{fourth}; >*; +110ms; >*"));
        harness.must(&format!("ack {next}; ack {next} {first}"));
    }
    harness
}

/// RFC 8985 6.2, step 4: wider for each round trip with a D-SACK, up to a round trip; narrower after
/// 16 repairs without one. Twice and half, where the RFC adds a quarter and begins anew.
/// Proves: RFC8985-6.2-4, RFC8985-3.3.2.
#[test]
fn adapts() {
    let window = |harness: &mut Harness| {
        let now = harness.now;
        harness.connection().info(now).reordering_window
    };
    let quarter = Duration::from_millis(25);
    assert_eq!(window(&mut hasty(0)), quarter);
    assert_eq!(window(&mut hasty(1)), 2 * quarter);
    let mut harness = hasty(4);
    let now = harness.now;
    let info = harness.connection().info(now);
    assert_eq!((info.dsacks, Some(info.reordering_window)), (4, info.srtt));

    // Each repair: a time-out, and a round trip without one that ends its backoff.
    let mut harness = hasty_with(&open().config(|config| config.tail_probe = false), 1);
    for next in (12..).step_by(2).take(16) {
        assert_eq!(window(&mut harness), 2 * quarter, "{next}");
        harness.must(&format!("write 1460; >+; +400ms; >+; ack {next}"));
        harness.must(&format!("write 1460; >+; +100ms; ack {}", next + 1));
    }
    assert_eq!(window(&mut harness), quarter);

    // A window that shrinks for marks repairs nothing.
    let marking = open().ecn().config(|config| config.tail_probe = false);
    let mut harness = hasty_with(&marking, 1);
    for next in (12..).step_by(2).take(16) {
        let (number, after) = (1 + 1460 * (next - 1), next + 1);
        let sent = "cork; write 1460; +400ms; uncork; >+; +100ms";
        harness.must(&format!("{sent}; < .E 1:1(0) ack {number} win 65535"));
        harness.must(&format!("{sent}; ack {after}"));
        assert_eq!(window(&mut harness), 2 * quarter, "{next}");
    }
}

/// A D-SACK counts once a round trip, and only for what we have sent twice.
#[test]
fn counts_once() {
    open().rows(&[
        (
            "twice in a round trip",
            &format!(
                "{TEN}; ack 1 3-8; sends 1-2; ack 9; ack 9 1; ack 9 2; info dsacks 2
                      info reordering_window 50ms"
            ),
        ),
        (
            "the network has doubled it",
            &format!("{TEN}; ack 3; ack 3 1; info dsacks 1; info reordering_window 25ms"),
        ),
    ]);
}

/// RFC 2883 5, RFC2883-5: an ACK that was overtaken reports what was above it when it was sent.
/// Proves: RFC2883-5.
#[test]
fn old_acknowledgements_tell_of_no_duplicates() {
    open().rows(&[
        ("it was held then", &format!("{TEN}; ack 5; ack 1 3; info dsacks 0")),
        (
            "and something above still is",
            &format!(
                "{TEN}; ack 5; ack 1 3 7; info dsacks 0
          info sacked 1mss; +25ms; sends 5"
            ),
        ),
        (
            "a duplicate then is one now",
            &format!(
                "{TEN}; ack 1 3-8; sends 1-2; ack 9; ack 3 1
          info dsacks 1"
            ),
        ),
    ]);
}

/// RFC 8985 6.2: a retransmission is lost like anything else, also where many segments were sent at
/// one moment.
/// Proves: RFC8985-6.2-5, RFC8985-6.2-1.
#[test]
fn lost_again() {
    let more = "write 29200; sends 1-10; +100ms; ack 1 2; sends 11; ack 1 2-3; sends 12
                ack 1 2-4; sends 1";
    open().rows(&[
        (
            "what was sent before it tells nothing",
            &format!(
                "{more}; +100ms; ack 1 2-10; >*; ack 1 2-11; >*; ack 1 2-12; >*
                      info retransmissions 1"
            ),
        ),
        (
            "what was sent after it does",
            &format!(
                "{more}; ack 1 2-7; sends 13; +100ms; ack 1 2-12; >*; info retransmissions 1
                      ack 1 2-13; sends 1 17; info retransmissions 2"
            ),
        ),
        (
            "too early an answer is not its own",
            &format!("{more}; +10ms; ack 5; info lost_segments 1"),
        ),
        (
            "who arrives late hides nobody that was sent later",
            &format!(
                "{TEN}; ack 1 10; +1ms; ack 1 2 10; timer 25ms; +25ms; >*; info lost_segments 8"
            ),
        ),
    ]);
    // Our clock shows 100 when a row begins.
    open().timestamps().rows(&[(
        "nor is one that echoes the original",
        "write 29200; sends 1-10; +100ms; ack 1 2-4 echo 100; sends 1; +110ms; ack 5 echo 100; >*
         info lost_segments 1",
    )]);
}

/// Round trips of 40 microseconds and of 2 seconds: nothing in RACK has a granularity.
/// Proves: RFC8985-4-a.
#[test]
fn short_and_long_paths() {
    let path = |trip: &str| {
        format!(
            "open; >+; +{trip}; < S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK>; >+
                 write 14600; sends 1-10; +{trip}"
        )
    };
    let (short, long) = (path("40us"), path("2s"));
    let setup = at(At::Nothing).sack();
    let patient = setup.config(|config| config.rto_initial = Duration::from_secs(5));
    patient.rows(&[
        ("short: three behind it", &format!("{short}; ack 1 2-4; sends 1")),
        ("short: one behind it", &format!("{short}; ack 1 2; timer 10us; +9us; +1us; sends 1")),
        ("short: overtaken", &format!("{short}; ack 1 2; +9us; ack 3; info reordering true")),
        ("short: the tail", &format!("{short}; ack 9; timer 2080us; +2080us; sends 10")),
        (
            "short: lost again",
            &format!(
                "{short}; ack 1 2-4; sends 1; write 1460; >*; +10us; ack 1 2-10; >*
                      +40us; ack 1 2-11; sends 1"
            ),
        ),
        ("long: three behind it", &format!("{long}; ack 1 2-4; sends 1")),
        ("long: one behind it", &format!("{long}; ack 1 2; +499ms; +1ms; sends 1")),
        ("long: overtaken", &format!("{long}; ack 1 2; +499ms; ack 3; info reordering true")),
        ("long: the tail", &format!("{long}; ack 9; timer 4002ms; +4002ms; sends 10")),
    ]);
}

/// RFC 8985 6.3: a time-out means the first segment, and those that are older than a round trip.
/// Proves: RFC8985-6.3, RFC6298-5.4, RFC6675-5.1.
#[test]
fn time_out() {
    let plain = open().config(|config| config.tail_probe = false);
    plain.rows(&[
        ("all of a flight", "write 14600; sends 1-10; +300ms; sends 1; info lost 9mss"),
        (
            "what was sent lately flies; the first goes out all the same",
            "write 1460; sends 1; +250ms; write 1460; sends 2; +50ms; sends 1; info lost 0mss
             info in_flight 2mss",
        ),
        (
            "what is held is not sent again",
            "write 5840; sends 1-4; +100ms; ack 1 3; +25ms; sends 1; +300ms
             sends 1; ack 2 3; sends 2 4; ack 5",
        ),
    ]);
}

/// RFC 8985 8: the retransmission timer does not interfere while the reordering timer runs.
/// Proves: RFC8985-8.
#[test]
fn one_timer() {
    let plain = open().config(|config| config.tail_probe = false);
    plain.rows(&[
        (
            "it waits",
            "write 4380; sends 1-3; +290ms; ack 1 2; timer 25ms; +24ms; +1ms; sends 1
             info rto_expirations 0",
        ),
        (
            "and begins anew behind it",
            "write 4380; sends 1-3; +290ms; ack 1 2; +25ms; sends 1; +299ms; +1ms; sends 1
             info rto_expirations 1",
        ),
    ]);
}
