//! A server of hyper's on the stack, and curl.

use std::process::Command;
use std::thread;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tuntcp::Host;
use tuntcp::net::tokio::TcpListener;

use crate::world::{World, noise, run};

/// What was sent comes back; who sends nothing gets the path that he asked for.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await?.to_bytes();
    Ok(Response::new(Full::new(if body.is_empty() { path.into() } else { body })))
}

/// Serves as many connections as that, and returns when they are over.
async fn serve(listener: TcpListener, connections: usize) {
    let mut served = Vec::new();
    for _ in 0..connections {
        let (stream, _) = listener.accept().await.expect("the host is up");
        let service = service_fn(answer);
        served.push(tokio::spawn(
            http1::Builder::new().serve_connection(TokioIo::new(stream), service),
        ));
    }
    for connection in served {
        connection.await.expect("no panic").expect("good HTTP");
    }
}

#[test]
fn curl_fetches_from_hyper() {
    let _world = World::new();
    let address = "192.0.2.2/24".parse().expect("an address and its network");
    let host = Host::open("tun0", address).expect("the TUN is there");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let listener = runtime.block_on(TcpListener::bind(&host, "192.0.2.2:80")).expect("a free port");
    let serves = thread::spawn(move || runtime.block_on(serve(listener, 2)));

    // Two requests by one connection, then a large one.
    let urls = ["http://192.0.2.2/one", "http://192.0.2.2/two"];
    let fetched =
        run("curl", ["--silent", "--show-error", "--fail", "--max-time", "30"].iter().chain(&urls));
    assert_eq!(fetched.stdout, b"/one/two");
    let much = noise(5, 4 << 20);
    let file = std::env::temp_dir().join(format!("tuntcp-hyper-{}", std::process::id()));
    std::fs::write(&file, &much).expect("room for a file");
    let data = format!("@{}", file.display());
    let echoed = Command::new("curl")
        .args(["--silent", "--show-error", "--fail", "--max-time", "30", "--data-binary", &data])
        .arg("http://192.0.2.2/echo")
        .output();
    std::fs::remove_file(&file).expect("it was there");
    let echoed = echoed.expect("curl runs");
    assert!(echoed.status.success(), "{}", String::from_utf8_lossy(&echoed.stderr));
    assert!(echoed.stdout == much, "{} bytes came back of {}", echoed.stdout.len(), much.len());
    serves.join().expect("no panic");
}
