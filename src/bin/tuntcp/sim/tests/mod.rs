//! Whatever stands in a file, reading it ends, and tells of a line that is there.

use proptest::prelude::*;

use super::read::read;

/// A scenario in which every table stands.
const WHOLE: &str = r#"
duration = "2s"
warmup = "100ms"
sample = "50ms"
config = { send_buffer = "1mb", ecn = "request", mss = 1000 }

[[host]]
name = "a"
mtu = 1400
cable = { there = { rate = "50mbit" }, back = { delay = "1ms" } }

[[host]]
name = "b"

[[link]]
name = "x"
loss = "1%"
burst = 3
rate = "10mbit"
queue = "50ms"
aqm = "codel"
outage = "500ms-600ms"
back = { queue = 100, ecn = "on" }

[[flow]]
algorithm = "reno"
from = "a"
to = "b"
via = ["x"]
reverse = true
stop = "1500ms"
bytes = "1mb"
on = "100ms"
off = "10ms"

[[flow]]
count = 3
stagger = "10ms"
"#;

/// Words to put in the place of others.
const WORDS: [&str; 24] = [
    "",
    "\"\"",
    "=",
    "[",
    "]",
    "{",
    "}",
    "[[flow]]",
    "[[link]]",
    "name",
    "0",
    "-1",
    "1e99",
    "nan",
    "65536",
    "9223372036854775807",
    "\"0s\"",
    "\"3600s\"",
    "\"1bit\"",
    "\"100%\"",
    "true",
    "\"x\"",
    "1979-05-27",
    "\u{e9}\n",
];

fn check(text: &str) -> Result<(), TestCaseError> {
    match read(text) {
        Ok(reading) => prop_assert!(!reading.scenario.flows.is_empty()),
        Err(wrong) => {
            let told = wrong.to_string();
            let (line, why) = told.split_once(": ").expect("a line, and why");
            let line: usize = line.parse().expect("its number");
            prop_assert!((1..=text.lines().count().max(1) + 1).contains(&line), "{told}\n{text}");
            prop_assert!(!why.is_empty() && !why.contains('\n'), "{told}");
        }
    }
    Ok(())
}

#[test]
fn the_whole_is_a_scenario() {
    let reading = read(WHOLE).unwrap_or_else(|wrong| panic!("{wrong}"));
    let scenario = reading.scenario;
    assert_eq!((scenario.hosts.len(), scenario.links.len(), scenario.flows.len()), (8, 1, 4));
    assert_eq!((scenario.flows[0].from, scenario.flows[0].to), (0, 1));
    assert_eq!((scenario.flows[3].from, scenario.flows[3].to), (6, 7));
    assert!(scenario.run().is_ok());
}

proptest! {
    #[test]
    fn a_word_in_the_place_of_another_is_no_end_of_the_world(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..WORDS.len()), 1..4),
    ) {
        let mut words: Vec<&str> = WHOLE.split_inclusive([' ', '\n']).collect();
        for (at, word) in &changes {
            let at = at.index(words.len());
            words[at] = WORDS[*word];
        }
        check(&words.join(" "))?;
    }

    #[test]
    fn no_text_makes_it_panic(text in ".*") {
        check(&text)?;
    }
}
