//! What do names stand for, in a call that must not keep its thread?
//!
//! What stands for an address is asked as ever, but what only a name server can tell it is not told: then
//! a thread of its own looks that name up, the task waits, and the same question is asked again.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use crate::names::NameError;
use crate::net::error::would_block;
use crate::net::resolver::Answers;
use crate::net::{Resolver, ToSocketAddrs};

/// What `addr` stands for, as `resolver` knows it.
pub(super) async fn addresses(
    resolver: &Resolver,
    addr: impl ToSocketAddrs,
) -> io::Result<Vec<SocketAddr>> {
    let known = Arc::<Known>::default();
    let mut at_once = resolver.clone();
    at_once.answers = Some(Arc::clone(&known) as Arc<dyn Answers>);
    loop {
        let found = addr.to_socket_addrs(&at_once).map(Iterator::collect);
        let Some(name) = known.lock().wanted.take() else { return found };
        let answer = look_up(resolver.clone(), name.clone()).await;
        known.lock().answers.push((name, answer));
    }
}

/// A future that is dropped leaves the thread alone: it ends when the servers have had their time.
async fn look_up(resolver: Resolver, name: String) -> io::Result<Vec<IpAddr>> {
    let (tell, told) = oneshot::channel();
    let thread = thread::Builder::new().name("tuntcp-lookup".to_owned());
    // Whom nobody waits for any more need not tell.
    thread.spawn(move || drop(tell.send(resolver.lookup(&name))))?;
    let panicked = |_| io::Error::other("the thread of a lookup panicked");
    told.await.map_err(panicked)?
}

/// What was looked up so far.
#[derive(Default)]
struct Known(Mutex<State>);

#[derive(Default)]
struct State {
    answers: Vec<(String, io::Result<Vec<IpAddr>>)>,
    /// What was asked for and is not among them.
    wanted: Option<String>,
}

impl Known {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answers for Known {
    fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let mut state = self.lock();
        match state.answers.iter().find(|(known, _)| known == name) {
            Some((_, Ok(addresses))) => Ok(addresses.clone()),
            Some((_, Err(error))) => Err(again(error)),
            None => {
                state.wanted = Some(name.to_owned());
                Err(would_block())
            }
        }
    }
}

/// The same error once more.
fn again(error: &io::Error) -> io::Error {
    let named = error.get_ref().and_then(|inner| inner.downcast_ref::<NameError>());
    named.map_or_else(
        || io::Error::new(error.kind(), error.to_string()),
        |named| named.clone().into(),
    )
}
