//! The stack inside somebody else's event loop: one thread, which waits in `poll` for the TUN and for
//! something of its own.
//!
//! ```console
//! $ sudo ./scripts/setup_tun.sh
//! $ cargo run --example event_loop -- tun0 192.0.2.2/24
//! $ nc 192.0.2.2 2323          # in another terminal, or in several
//! ```
//!
//! A line that is typed here goes to everybody who has connected; what they say is shown here. The end
//! of the input (Ctrl-D) ends the program.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::Duration;
use std::{array, env};

use ipnet::IpNet;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use tuntcp::HostConfig;
use tuntcp::device::TunQueue;
use tuntcp::engine::{Engine, Listener, Socket};
use tuntcp::runtime::clock::Clock;
use tuntcp::time::Instant;

/// Where people call.
pub(crate) const PORT: u16 = 2323;

/// How long the connections have to close when the input has ended.
const FAREWELL: Duration = Duration::from_secs(1);

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(tun), Some(address)) = (arguments.next(), arguments.next()) else {
        return Err("usage: event_loop TUN ADDRESS/PREFIX".into());
    };
    // The standard library's input reads ahead, which `poll` would not see.
    let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    talk(&tun, address.parse()?, input, &mut io::stdout())
}

/// Passes lines between `input`, `output` and whoever connects, until the input ends.
pub(crate) fn talk(
    tun: &str,
    address: IpNet,
    mut input: impl Read + AsFd,
    output: &mut impl Write,
) -> Result<(), Box<dyn Error>> {
    let device = TunQueue::open(tun, 1, true)?.remove(0);
    // The engine takes the device; its descriptor is waited for here.
    let wire = device.as_fd().try_clone_to_owned()?;
    let mut config = HostConfig::new(vec![address]);
    getrandom::fill(&mut config.secret)?;
    let engine = Engine::new(Box::new(device), config);
    let listener = engine.listen(SocketAddr::new(address.addr(), PORT), 16)?;
    let clock = Clock::start();
    writeln!(output, "ready")?;

    let mut callers = Vec::new();
    loop {
        let deadline = settle(&engine, &clock, || hear(&listener, &mut callers, &clock, output))?;
        let [_, typed] = wait(&wire, &input, deadline, clock.now())?;
        if !typed {
            continue;
        }
        let mut line = [0; 4096];
        let len = input.read(&mut line)?;
        if len == 0 {
            break;
        }
        for caller in &callers {
            // Who reads so slowly that there is no room misses a line; who has gone is noticed later.
            let _ = caller.write(clock.now(), &line[..len]);
        }
    }

    drop((callers, listener));
    let over = clock.now() + FAREWELL;
    while engine.unfinished() > 0 && !over.is_due(clock.now()) {
        let deadline = settle(&engine, &clock, || Ok(false))?;
        wait(&wire, &wire, deadline.min(over), clock.now())?;
    }
    Ok(())
}

/// Turns the engine until nothing is left to do at once; when it wants to be turned again. The turn is
/// what comes last before the wait: whatever was called before may have set a timer.
fn settle(
    engine: &Engine,
    clock: &Clock,
    mut work: impl FnMut() -> io::Result<bool>,
) -> io::Result<Instant> {
    loop {
        let next = engine.turn(clock.now())?;
        if !work()? && !next.is_due(clock.now()) {
            return Ok(next);
        }
    }
}

/// Takes who calls and what they say; whether there was anything.
fn hear(
    listener: &Listener,
    callers: &mut Vec<Socket>,
    clock: &Clock,
    output: &mut impl Write,
) -> io::Result<bool> {
    let mut heard = false;
    while let Some(caller) = listener.accept()? {
        writeln!(output, "{} calls", caller.peer_addr())?;
        callers.push(caller);
        heard = true;
    }
    let mut buf = [0; 4096];
    let mut failure = Ok(());
    callers.retain(|caller| match caller.read(clock.now(), &mut buf, false) {
        Ok(None) => true,
        Ok(Some(len)) if len > 0 => {
            heard = true;
            failure = output.write_all(&buf[..len]);
            true
        }
        // The end, or an error: the drop closes our direction, too.
        _ => {
            heard = true;
            false
        }
    });
    failure.and(Ok(heard))
}

/// Waits until the wire or the input has something, or `deadline` has come; which of them has.
fn wait(
    wire: &impl AsFd,
    input: &impl AsFd,
    deadline: Instant,
    now: Instant,
) -> io::Result<[bool; 2]> {
    let mut fds =
        [wire.as_fd(), input.as_fd()].map(|descriptor| PollFd::new(descriptor, PollFlags::POLLIN));
    let timeout = (!deadline.is_never()).then(|| TimeSpec::from_duration(deadline - now));
    match ppoll(&mut fds, timeout, None) {
        Ok(_) => Ok(array::from_fn(|which| fds[which].any() == Some(true))),
        Err(Errno::EINTR) => Ok([false; 2]),
        Err(error) => Err(error.into()),
    }
}
