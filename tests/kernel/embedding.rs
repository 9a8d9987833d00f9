//! The stack in another program's event loop.

#[path = "../../examples/event_loop.rs"]
#[expect(dead_code, reason = "main is the command's")]
mod event_loop;

use std::io::{BufRead, BufReader, Read, Write, pipe};
use std::thread;

use crate::world::{World, connect};

#[test]
fn an_event_loop_of_poll_serves_many_in_one_thread() {
    let _world = World::new();
    let (typed, mut types) = pipe().expect("a pipe");
    let (shown, mut shows) = pipe().expect("a pipe");
    let address = "192.0.2.2/24".parse().expect("an address and its network");
    let talks = thread::spawn(move || {
        event_loop::talk("tun0", address, typed, &mut shows).map_err(|error| error.to_string())
    });
    let mut shown = BufReader::new(shown).lines().map(|line| line.expect("text"));
    assert_eq!(shown.next().as_deref(), Some("ready"));

    let mut callers = [(); 3].map(|()| {
        let caller = connect(event_loop::PORT);
        let calls = shown.next().expect("it runs");
        assert_eq!(calls, format!("{} calls", caller.local_addr().expect("it is bound")));
        caller
    });
    for (nth, caller) in callers.iter_mut().enumerate() {
        writeln!(caller, "I am {nth}").expect("it reads");
        assert_eq!(shown.next(), Some(format!("I am {nth}")));
    }
    types.write_all(b"hello, all\n").expect("it reads");
    for caller in &mut callers {
        let mut line = [0; 11];
        caller.read_exact(&mut line).expect("it writes");
        assert_eq!(&line, b"hello, all\n");
    }
    let [first, mut second, _third] = callers;
    drop(first);
    writeln!(second, "one has gone").expect("it reads");
    assert_eq!(shown.next().as_deref(), Some("one has gone"));
    // The end of the input: everybody is told that this was all.
    drop(types);
    assert_eq!(second.read(&mut [0]).expect("no error"), 0);
    assert_eq!(shown.next(), None);
    drop(second);
    assert_eq!(talks.join().expect("no panic"), Ok(()));
}
