//! smoltcp's server, written as its own examples are: one loop that polls the interface, lets each
//! socket's application run, and waits for the TUN.

use std::os::fd::AsRawFd;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, Medium, TunTapInterface, wait};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

use crate::smoltcp_offload::OffloadTun;
use crate::world::{ECHO, IDLE, LAST, SINK, SOURCE};

/// Listening sockets of each service: it has no backlog.
const SOCKETS: usize = 16;
/// Sockets that listen besides those that idle connections will take, with small buffers each.
const SPARE_SOCKETS: usize = 200;
const IDLE_BUFFER: usize = 4 << 10;

/// A socket and what its application remembers.
struct Served {
    handle: SocketHandle,
    port: u16,
    bytes: u64,
}

/// Serves on `tun0`, over its own device, with buffers of `kib` KiB until it is killed.
pub(crate) fn run(kib: usize, idle: usize) {
    let device = TunTapInterface::new("tun0", Medium::Ip).expect("the harness made tun0");
    run_over(device, kib, idle);
}

/// The same over the device that this benchmark brings.
pub(crate) fn run_offload(kib: usize, idle: usize) {
    run_over(OffloadTun::open(), kib, idle);
}

fn run_over(mut device: impl Device + AsRawFd, kib: usize, idle: usize) {
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
    if idle > 0 {
        add(&mut sockets, &mut served, IDLE, idle + SPARE_SOCKETS, IDLE_BUFFER);
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
        served.push(Served { handle: sockets.add(socket), port, bytes: 0 });
    }
}

impl Served {
    fn run(&mut self, socket: &mut Socket<'_>, block: &[u8]) {
        if !socket.is_open() {
            socket.listen(self.port).expect("a port can be listened at");
            self.bytes = 0;
            return;
        }
        match self.port {
            SINK => self.sink(socket),
            SOURCE => {
                while socket.can_send() && socket.send_slice(block).is_ok_and(|count| count > 0) {}
            }
            _ => Self::echo(socket),
        }
        if socket.state() == State::CloseWait {
            socket.close();
        }
    }

    fn sink(&mut self, socket: &mut Socket<'_>) {
        while socket.can_recv() {
            let read =
                socket.recv(|bytes| (bytes.len(), (bytes.len(), bytes.last() == Some(&LAST))));
            let Ok((count, last)) = read else { return };
            self.bytes += count as u64;
            if last {
                // There is room: nothing else is ever written here.
                let _ = socket.send_slice(&self.bytes.to_be_bytes());
            }
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
