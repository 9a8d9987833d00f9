//! What the examples of embedding show is so.

#[path = "../examples/two_engines.rs"]
mod two_engines;

#[test]
fn two_engines_talk_by_hand() {
    two_engines::main().expect("what was lost is sent again");
}
