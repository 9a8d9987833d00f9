//! netstack-smoltcp's servers, as its own two examples are: over a plain TUN, and over tun-rs, which
//! cuts the super-segments that come in.

use std::sync::Arc;

use futures::{SinkExt, StreamExt};
use netstack_smoltcp::{Stack, StackBuilder, TcpListener};
use tun_rs::{DeviceBuilder, IDEAL_BATCH_SIZE, VIRTIO_NET_HDR_LEN};

use crate::async_services::{runtime, serve};
use crate::async_tun::AsyncTun;
use crate::tun;
use crate::world::say_ready;

/// More than a packet of its MTU takes: its example says why.
const SPARE: usize = 100;

/// Serves on `tun0` until it is killed.
pub(crate) fn run() {
    let mtu = tun::mtu();
    runtime().block_on(async {
        let (stack, listener) = build(mtu);
        let tun = Arc::new(AsyncTun::open());
        let (mut into_stack, mut out_of_stack) = stack.split();
        let out = Arc::clone(&tun);
        tokio::spawn(async move {
            while let Some(Ok(packet)) = out_of_stack.next().await {
                // What the device does not take is lost, as on any wire.
                let _ = out.send(&packet).await;
            }
        });
        tokio::spawn(async move {
            let mut packet = vec![0; mtu];
            while let Ok(count) = tun.receive(&mut packet).await {
                let _ = into_stack.send(packet[..count].to_vec()).await;
            }
        });
        accept(listener).await;
    });
}

/// The same over tun-rs with its offload.
pub(crate) fn run_offload() {
    let mtu = tun::mtu();
    runtime().block_on(async {
        let (stack, listener) = build(mtu);
        let builder = DeviceBuilder::new().name("tun0").offload(true);
        let tun = Arc::new(builder.build_async().expect("the harness made tun0"));
        let (mut into_stack, mut out_of_stack) = stack.split();
        let out = Arc::clone(&tun);
        tokio::spawn(async move {
            while let Some(Ok(packet)) = out_of_stack.next().await {
                let mut frame = vec![0; VIRTIO_NET_HDR_LEN + packet.len()];
                frame[VIRTIO_NET_HDR_LEN..].copy_from_slice(&packet);
                let _ = out.send(&frame).await;
            }
        });
        tokio::spawn(async move {
            let mut frame = vec![0; VIRTIO_NET_HDR_LEN + tun::MAX_FRAME];
            let mut packets = vec![vec![0; mtu + SPARE]; IDEAL_BATCH_SIZE];
            let mut sizes = vec![0; IDEAL_BATCH_SIZE];
            while let Ok(count) = tun.recv_multiple(&mut frame, &mut packets, &mut sizes, 0).await {
                for (packet, &size) in packets.iter().zip(&sizes).take(count) {
                    let _ = into_stack.send(packet[..size].to_vec()).await;
                }
            }
        });
        accept(listener).await;
    });
}

fn build(mtu: usize) -> (Stack, TcpListener) {
    let builder = StackBuilder::default().enable_tcp(true).enable_icmp(true).mtu(mtu);
    let (stack, runner, _, listener) = builder.build().expect("it can be built");
    tokio::spawn(runner.expect("TCP has one"));
    (stack, listener.expect("TCP has one"))
}

async fn accept(mut listener: TcpListener) {
    say_ready();
    while let Some((stream, _, to)) = listener.next().await {
        serve(to.port(), stream);
    }
}
