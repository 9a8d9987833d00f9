//! Numbers that wrap: sequence numbers after 4 GiB or five hours, timestamps after seven weeks.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tuntcp::sim::Direction;
use tuntcp::tcp::State;
use tuntcp::wire::{Body, Flags, Packet};

use crate::bulk::{Bulk, Door};
use crate::world::{PORT, World, both_ways, seconds, socket_address};

/// The sequence number and timestamp of the last SYN that host 0 has sent.
fn note_syns(world: &mut World) -> Rc<Cell<(u32, u32)>> {
    let noted = Rc::new(Cell::new((0, 0)));
    let (told, host) = (Rc::clone(&noted), world.hosts[0]);
    world.net.tap(move |seen| {
        if seen.host != host || seen.direction != Direction::Sent {
            return;
        }
        if let Ok(Packet { body: Body::Tcp(_, segment), .. }) = Packet::parse(seen.frame, false)
            && segment.flags.contains(Flags::SYN)
        {
            let stamp = segment.options.timestamps.map_or(0, |stamps| stamps.value);
            told.set((segment.seq.raw(), stamp));
        }
    });
    noted
}

/// 300 kB each way between fixed ports, over a wire that loses some.
fn talk(world: &mut World) {
    let listener = world.listen(1);
    let (there, back) = both_ways(50, 300_000, 300_000);
    let engine = world.net.engine(world.hosts[0]).clone();
    let now = world.net.now();
    let local = Some(socket_address(0, 4000));
    let socket = engine.connect(now, local, socket_address(1, PORT)).unwrap();
    let (opener, one) = Bulk::new(Door::Open(socket), there);
    let (accepter, other) = Bulk::new(Door::Accept(listener), back);
    world.net.spawn(world.hosts[0], opener);
    world.net.spawn(world.hosts[1], accepter);
    world.run_to_ends(seconds(600), &[one, other]);
    world.run_dry(seconds(600));
}

/// RFC 9293 3.4: the initial number comes from a clock of 4 µs and the ports, so the moment to
/// connect can be chosen.
#[test]
fn streams_cross_the_end_of_the_sequence_numbers() {
    let mut world = World::pair(50, "delay=10ms,loss=3%,reorder=3%,duplicate=3%");
    let syns = note_syns(&mut world);
    talk(&mut world);
    let started = Duration::from_nanos(world.net.now().as_nanos());
    let first = syns.get().0;
    // The first SYN left at zero.
    let ticks = u64::from(u32::MAX - 100_000 - first);
    let moment = Duration::from_micros(4 * ticks);
    let lap = Duration::from_micros(4 << 32);
    let wait = if moment > started { moment - started } else { moment + lap - started };
    world.run_for(wait);
    talk(&mut world);
    let begins = syns.get().0;
    assert!(begins > u32::MAX - 200_000, "the stream begins at {begins}");
}

#[test]
fn streams_cross_the_end_of_the_timestamps() {
    let mut world = World::pair(51, "delay=10ms,loss=3%,reorder=3%,duplicate=3%");
    let syns = note_syns(&mut world);
    talk(&mut world);
    // A tick is a millisecond; the first SYN left at zero.
    let moment = Duration::from_millis(u64::from(u32::MAX - syns.get().1) - 500);
    let started = Duration::from_nanos(world.net.now().as_nanos());
    world.run_for(moment - started);
    talk(&mut world);
    let begins = syns.get().1;
    assert!(begins > u32::MAX - 1000, "the timestamps begin at {begins}");
}

/// RFC 7323 5.5: after 24 days an old timestamp says nothing, or the connection would be dead.
#[test]
fn a_connection_may_be_idle_for_months() {
    for days in [20, 24, 25, 30, 49, 50, 75] {
        let mut world = World::pair(52, "delay=10ms");
        let (client, server) = world.open();
        world.run_for(seconds(days * 24 * 3600));
        assert_eq!(client.write(world.net.now(), b"still there?"), Ok(Some(12)));
        world.run_for(seconds(1));
        assert_eq!(server.read(world.net.now(), &mut [0; 20], false), Ok(Some(12)), "{days} days");
        assert_eq!(server.write(world.net.now(), b"yes"), Ok(Some(3)));
        world.run_for(seconds(1));
        assert_eq!(client.read(world.net.now(), &mut [0; 20], false), Ok(Some(3)), "{days} days");
        assert_eq!(world.state(&client), State::Established);
    }
}
