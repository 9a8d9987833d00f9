//! smoltcp's server, written as its own examples are: one loop that polls the interface, lets each
//! socket's application run, and waits for the TUN.

use std::os::fd::AsRawFd;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Medium, TunTapInterface, wait};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

use crate::world::{ECHO, IDLE, SINK, SOURCE};

/// Listening sockets of each service: it has no backlog.
const SOCKETS: usize = 16;
/// Sockets for idle connections, with small buffers each.
const IDLE_SOCKETS: usize = 10_200;
const IDLE_BUFFER: usize = 4 << 10;

/// A socket and what its application remembers.
struct Served {
    handle: SocketHandle,
    port: u16,
    bytes: u64,
    told: bool,
}

/// Serves on `tun0` with buffers of `kib` KiB until it is killed.
pub(crate) fn run(kib: usize, idle: bool) {
    let mut device = TunTapInterface::new("tun0", Medium::Ip).expect("the harness made tun0");
    let fd = device.as_raw_fd();
    let mut config = Config::new(HardwareAddress::Ip);
    config.random_seed = 7;
    let mut interface = Interface::new(config, &mut device, Instant::now());
    interface.update_ip_addrs(|addresses| {
        addresses.push(IpCidr::new(IpAddress::v4(192, 0, 2, 2), 24)).expect("there is room");
    });
    crate::world::say_ready();
    let mut sockets = SocketSet::new(vec![]);
    let mut served = Vec::new();
    for port in [SINK, SOURCE, ECHO] {
        add(&mut sockets, &mut served, port, SOCKETS, kib << 10);
    }
    if idle {
        add(&mut sockets, &mut served, IDLE, IDLE_SOCKETS, IDLE_BUFFER);
    }
    let block = vec![0x5a; 64 << 10];
    loop {
        let now = Instant::now();
        interface.poll(now, &mut device, &mut sockets);
        for one in &mut served {
            one.run(sockets.get_mut::<Socket>(one.handle), &block);
        }
        let delay = interface.poll_delay(Instant::now(), &sockets);
        wait(fd, delay).expect("the TUN is there");
    }
}

fn add(
    sockets: &mut SocketSet<'_>,
    served: &mut Vec<Served>,
    port: u16,
    count: usize,
    buffer: usize,
) {
    for _ in 0..count {
        let buffers = || SocketBuffer::new(vec![0; buffer]);
        let mut socket = Socket::new(buffers(), buffers());
        if port == ECHO {
            socket.set_nagle_enabled(false);
        }
        socket.listen(port).expect("a port can be listened at");
        served.push(Served { handle: sockets.add(socket), port, bytes: 0, told: false });
    }
}

impl Served {
    fn run(&mut self, socket: &mut Socket<'_>, block: &[u8]) {
        if !socket.is_open() {
            socket.listen(self.port).expect("a port can be listened at");
            (self.bytes, self.told) = (0, false);
            return;
        }
        match self.port {
            SINK => self.sink(socket),
            SOURCE => {
                while socket.can_send() && socket.send_slice(block).is_ok_and(|count| count > 0) {}
            }
            _ => Self::echo(socket),
        }
        if self.port != SINK && socket.state() == State::CloseWait {
            socket.close();
        }
    }

    fn sink(&mut self, socket: &mut Socket<'_>) {
        while socket.can_recv() {
            let read = socket.recv(|bytes| (bytes.len(), bytes.len()));
            self.bytes += read.unwrap_or(0) as u64;
        }
        if socket.state() == State::CloseWait && !self.told {
            self.told = socket.send_slice(&self.bytes.to_be_bytes()).is_ok();
            socket.close();
        }
    }

    fn echo(socket: &mut Socket<'_>) {
        let mut some = [0; 4096];
        while socket.can_recv() && socket.send_capacity() - socket.send_queue() >= some.len() {
            let Ok(count) = socket.recv_slice(&mut some) else { return };
            if socket.send_slice(&some[..count]).is_err() {
                return;
            }
        }
    }
}
