//! Sockets in the hands of tasks: the cargo feature `tokio`.

mod http;
mod names;
#[path = "../names/server.rs"]
mod server;
mod sockets;

use std::future::Future;
use std::time::Duration;

const SERVER: &str = "192.0.2.1:80";

/// How long a test waits for what must come; far longer than it ever takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long it waits for what must not come.
const MOMENT: Duration = Duration::from_millis(20);

/// Runs `test` on two threads, and not for ever. No IO of tokio's: it is not needed.
fn run(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_time().build().expect("two threads");
    runtime.block_on(async { tokio::time::timeout(PATIENCE, test).await.expect("it hangs") });
}
