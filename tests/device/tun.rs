//! The kernel's TUN, each test in a network namespace of its own thread.

use std::io::{self, ErrorKind};
use std::net::UdpSocket;
use std::process::Command;
use std::sync::Mutex;

use nix::sched::{CloneFlags, unshare};
use tuntcp::device::{Device, Offload, Tun, TunError, is_gone};
use tuntcp::time::Instant;

use crate::contract::{self, Far, HERE, PATIENCE, THERE, datagram};

/// The kernel at the far end.
impl Far for UdpSocket {
    fn say(&self, payload: &[u8]) {
        self.send_to(payload, HERE).unwrap();
    }

    fn hear(&self) -> Vec<u8> {
        let mut payload = vec![0; 65_535];
        let (len, from) = self.recv_from(&mut payload).expect("a datagram in good time");
        assert_eq!(from, HERE.into());
        payload.truncate(len);
        payload
    }
}

/// Moves this test's thread into a fresh network namespace; `false` where that is not permitted
/// and the test has to be skipped, which a full run (`CI=true`) does not allow.
pub(crate) fn in_a_namespace() -> bool {
    let Err(error) = unshare(CloneFlags::CLONE_NEWNET) else {
        return true;
    };
    let demanded = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!demanded, "no network namespace ({error}), and CI=true forbids to skip this test");
    println!("skipped: no network namespace ({error}); run it as root");
    false
}

/// A process that is being started holds copies of all descriptors until it runs its program,
/// those of the tests in other threads included: who needs something closed to be gone at once
/// closes it while there is no child.
static CHILD: Mutex<()> = Mutex::new(());

pub(crate) fn close<T>(open: T) {
    let _no_child = CHILD.lock().unwrap();
    drop(open);
}

pub(crate) fn ip(arguments: &str) {
    let _one_at_a_time = CHILD.lock().unwrap();
    let status = Command::new("ip").args(arguments.split(' ')).status().expect("iproute2");
    assert!(status.success(), "ip {arguments}: {status}");
}

fn configured(mtu: u16) -> (Tun, UdpSocket) {
    let mut tun = Tun::create("tun0").unwrap();
    tun.configure("192.0.2.1/24".parse().unwrap(), Some(mtu)).unwrap();
    let socket = UdpSocket::bind(THERE).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    (tun, socket)
}

#[test]
fn keeps_the_contract() {
    if !in_a_namespace() {
        return;
    }
    for mtu in [576, 1500, 9000] {
        let (tun, socket) = configured(mtu);
        assert_eq!(tun.capabilities().mtu, usize::from(mtu));
        contract::check(&tun, &socket);
        close((tun, socket));
    }
}

#[test]
fn an_interface_that_persists_is_opened_again_and_again() {
    if !in_a_namespace() {
        return;
    }
    ip("tuntap add dev tun7 mode tun");
    ip("link set tun7 mtu 1280");
    for _ in 0..2 {
        let tun = Tun::open("tun7").unwrap();
        assert_eq!((tun.name(), tun.capabilities().mtu), ("tun7", 1280));
        assert!(matches!(Tun::open("tun7"), Err(TunError::Busy { name }) if name == "tun7"));
        close(tun);
    }
    assert!(matches!(Tun::create("tun7"), Err(TunError::Exists { .. })));
}

#[test]
fn opening_creates_nothing() {
    if !in_a_namespace() {
        return;
    }
    assert!(matches!(Tun::open("tun0"), Err(TunError::Missing { name }) if name == "tun0"));
    assert!(nix::net::if_::if_nametoindex("tun0").is_err());
    close(Tun::create("tun0").unwrap());
    assert!(nix::net::if_::if_nametoindex("tun0").is_err(), "it vanishes with its value");
}

#[test]
fn what_is_no_plain_tun_is_refused() {
    if !in_a_namespace() {
        return;
    }
    ip("tuntap add dev tap0 mode tap");
    ip("tuntap add dev many0 mode tun multi_queue");
    for name in ["lo", "tap0", "many0"] {
        assert!(matches!(Tun::open(name), Err(TunError::WrongKind { .. })), "{name}");
    }
}

#[test]
fn without_the_capability_only_the_owner_may() {
    if !in_a_namespace() {
        return;
    }
    ip("tuntap add dev ours0 mode tun user 0");
    ip("tuntap add dev theirs0 mode tun user 12345");
    drop_net_admin();
    close(Tun::open("ours0").unwrap());
    assert!(matches!(Tun::open("theirs0"), Err(TunError::NotPermitted { .. })));
    assert!(matches!(Tun::create("new0"), Err(TunError::MayNotCreate { .. })));
    let mut tun = Tun::open("ours0").unwrap();
    let error = tun.configure("192.0.2.1/24".parse().unwrap(), None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
}

#[test]
fn a_frame_to_an_interface_that_is_down_is_lost_until_it_is_up_again() {
    if !in_a_namespace() {
        return;
    }
    let (tun, socket) = configured(1500);
    let frame = datagram(HERE, THERE, b"hello");
    ip("link set tun0 down");
    let error = tun.transmit(Instant::ZERO, &frame, Offload::None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    assert_eq!(contract::next(&tun), None);
    ip("link set tun0 up");
    tun.transmit(Instant::ZERO, &frame, Offload::None).unwrap();
    assert_eq!(socket.hear(), b"hello");
}

#[test]
fn what_is_not_ip_is_refused_and_harmless() {
    if !in_a_namespace() {
        return;
    }
    let (tun, _socket) = configured(1500);
    let error = tun.transmit(Instant::ZERO, &[0; 40], Offload::None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(!is_gone(&error));
}

#[test]
fn a_deleted_interface_ends_the_wait_and_says_so() {
    if !in_a_namespace() {
        return;
    }
    let (tun, _socket) = configured(1500);
    ip("link delete tun0");
    tun.wait(None).unwrap();
    let answers = [
        tun.receive(Instant::ZERO, &mut [0; 1500]).unwrap_err(),
        tun.transmit(Instant::ZERO, &datagram(HERE, THERE, b""), Offload::None).unwrap_err(),
    ];
    for error in answers {
        assert!(is_gone(&error));
        assert_eq!(error.to_string(), "interface tun0 was deleted while in use");
    }
}

#[test]
fn names_that_no_interface_can_have_are_refused() {
    for name in ["", "sixteen_letters_", ".", "..", "a b", "a/b", "a:b", "tun%d", "a\0b", "a\n"] {
        assert!(matches!(Tun::open(name), Err(TunError::BadName { .. })), "{name:?}");
        assert!(matches!(Tun::create(name), Err(TunError::BadName { .. })), "{name:?}");
    }
}

#[test]
fn errors_say_what_to_do_next() {
    let name = || "tun5".to_owned();
    let system = || io::Error::from_raw_os_error(2);
    let table = [
        (
            TunError::BadName { name: "a b".into() },
            ErrorKind::InvalidInput,
            "\"a b\"",
            "try `tun0`",
        ),
        (TunError::NoDriver(system()), ErrorKind::NotFound, "no TUN", "sudo modprobe tun"),
        (
            TunError::DriverNotPermitted(system()),
            ErrorKind::PermissionDenied,
            "may not be opened",
            "chmod 0666 /dev/net/tun",
        ),
        (
            TunError::Missing { name: name() },
            ErrorKind::NotFound,
            "no interface tun5",
            "sudo ./scripts/setup_tun.sh tun5",
        ),
        (
            TunError::Exists { name: name() },
            ErrorKind::AlreadyExists,
            "tun5 exists",
            "sudo ./scripts/teardown_tun.sh tun5",
        ),
        (
            TunError::Busy { name: name() },
            ErrorKind::ResourceBusy,
            "tun5 is in use by another process",
            "sudo ./scripts/setup_tun.sh NAME",
        ),
        (
            TunError::NotPermitted { name: name() },
            ErrorKind::PermissionDenied,
            "tun5 belongs to another user",
            "sudo ./scripts/setup_tun.sh tun5",
        ),
        (
            TunError::MayNotCreate { name: name() },
            ErrorKind::PermissionDenied,
            "needs CAP_NET_ADMIN",
            "sudo ./scripts/setup_tun.sh tun5",
        ),
        (
            TunError::WrongKind { name: name() },
            ErrorKind::InvalidInput,
            "tun5 is not a TUN interface",
            "ip -details link show tun5",
        ),
        (
            TunError::System { name: name(), tried: "read its MTU", source: system() },
            ErrorKind::NotFound,
            "tun5: cannot read its MTU",
            "No such file or directory",
        ),
    ];
    for (error, kind, what, next) in table {
        let text = error.to_string();
        assert!(text.contains(what) && text.contains(next), "{text}");
        let outer = io::Error::from(error);
        assert_eq!((outer.kind(), outer.to_string()), (kind, text));
    }
}

/// Takes `CAP_NET_ADMIN` from this thread alone: the system call, unlike libc's wrappers of
/// `setuid`, does not reach for the other threads.
#[expect(unsafe_code, reason = "no crate that is here wraps capset")]
fn drop_net_admin() {
    const VERSION_3: u32 = 0x2008_0522;
    const NET_ADMIN: u32 = 12;
    let header = [VERSION_3, 0];
    // Effective, permitted and inheritable, for capabilities 0 to 31 and again for 32 to 63.
    let mut sets = [0_u32; 6];
    let (get, set) = (nix::libc::SYS_capget, nix::libc::SYS_capset);
    // SAFETY: both calls touch only these two arrays, which have the sizes of version 3.
    unsafe {
        assert_eq!(nix::libc::syscall(get, header.as_ptr(), sets.as_mut_ptr()), 0);
        for word in &mut sets[..3] {
            *word &= !(1 << NET_ADMIN);
        }
        assert_eq!(nix::libc::syscall(set, header.as_ptr(), sets.as_ptr()), 0);
    }
}
