//! Whatever arrives: no panic, no hang, no change of state that the RFC does not ask for, and each
//! frame that is refused is counted under its reason.

#[path = "bad_input/craft.rs"]
mod craft;
#[path = "bad_input/frames.rs"]
mod frames;
#[path = "bad_input/guesses.rs"]
mod guesses;
#[path = "bad_input/lab.rs"]
mod lab;
#[path = "bad_input/oracle.rs"]
mod oracle;
#[path = "bad_input/segments.rs"]
mod segments;
