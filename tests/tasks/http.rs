//! hyper, as it comes, between two hosts.

use std::convert::Infallible;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use tuntcp::Host;
use tuntcp::net::tokio::{TcpListener, TcpStream};
use tuntcp::runtime::memory_pair;

use crate::{SERVER, run};

/// Says hello to who gets, and gives back what is posted.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    Ok(match (head.method, head.uri.path()) {
        (Method::GET, name) => Response::new(format!("hello {name}").into()),
        (Method::POST, "/echo") => Response::new(body.collect().await?.to_bytes().into()),
        _ => {
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    })
}

/// A server at `host`, as long as the runtime lives.
async fn serve(host: &Host) {
    let listener = TcpListener::bind(host, SERVER).await.unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service_fn(answer)),
            );
        }
        Ok::<(), Infallible>(())
    });
}

/// A client's connection.
async fn dial(host: &Host) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(host, SERVER).await.unwrap();
    let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn ask(
    sender: &mut SendRequest<Full<Bytes>>,
    method: Method,
    path: &str,
    body: Bytes,
) -> (StatusCode, Bytes) {
    sender.ready().await.unwrap();
    let request = Request::builder().method(method).uri(path).header(header::HOST, SERVER);
    let response = sender.send_request(request.body(Full::new(body)).unwrap()).await.unwrap();
    let status = response.status();
    (status, response.into_body().collect().await.unwrap().to_bytes())
}

async fn get(sender: &mut SendRequest<Full<Bytes>>, path: &str) -> Bytes {
    let (status, body) = ask(sender, Method::GET, path, Bytes::new()).await;
    assert_eq!(status, StatusCode::OK);
    body
}

#[test]
fn a_connection_serves_many_requests() {
    run(async {
        let (a, b) = memory_pair().unwrap();
        serve(&a).await;
        let mut sender = dial(&b).await;
        for nth in 0..100 {
            let path = format!("/{nth}");
            assert_eq!(get(&mut sender, &path).await, format!("hello {path}"));
        }
        assert_eq!(a.engine().connections(), 1, "it is kept alive");
        let (status, _) = ask(&mut sender, Method::PUT, "/", Bytes::new()).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn a_large_body_goes_both_ways() {
    run(async {
        let (a, b) = memory_pair().unwrap();
        serve(&a).await;
        let mut sender = dial(&b).await;
        let body: Bytes = (0..=250).cycle().take(16 << 20).collect();
        let (status, back) = ask(&mut sender, Method::POST, "/echo", body.clone()).await;
        assert_eq!(status, StatusCode::OK);
        assert!(back == body, "{} bytes came back of {}", back.len(), body.len());
    });
}

#[test]
fn many_ask_at_once() {
    run(async {
        let (a, b) = memory_pair().unwrap();
        serve(&a).await;
        let b = Arc::new(b);
        let client = |client| {
            let b = Arc::clone(&b);
            tokio::spawn(async move {
                let mut sender = dial(&b).await;
                for nth in 0..10 {
                    let path = format!("/{client}/{nth}");
                    assert_eq!(get(&mut sender, &path).await, format!("hello {path}"));
                }
            })
        };
        let clients: Vec<_> = (0..200).map(client).collect();
        for client in clients {
            client.await.unwrap();
        }
    });
}
