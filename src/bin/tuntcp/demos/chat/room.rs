//! Who is here, and what waits for each.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};
use std::net::Shutdown;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tuntcp::TcpStream;

use super::Framing;

/// Bytes that may wait for a member; whoever is further behind is cut off.
const BEHIND: usize = 256 << 10;
/// Characters of a name.
const NAME: usize = 20;

/// Where everybody hears everybody.
#[derive(Default)]
pub(in crate::demos) struct Room {
    people: Mutex<People>,
}

#[derive(Default)]
struct People {
    by_name: BTreeMap<String, Arc<Outbox>>,
    /// Guests that have been given a name so far.
    guests: u64,
}

impl People {
    /// Tells all but who is called `except`.
    fn tell(&self, except: &str, framed: &Arc<[u8]>) {
        for (_, outbox) in self.by_name.iter().filter(|(name, _)| *name != except) {
            outbox.put(framed);
        }
    }

    fn next_guest(&mut self) -> String {
        loop {
            self.guests += 1;
            let name = format!("guest-{}", self.guests);
            if !self.by_name.contains_key(&name) {
                return name;
            }
        }
    }
}

impl Room {
    fn people(&self) -> MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes somebody in, greets him and tells the others.
    pub(super) fn enter<'a>(&'a self, stream: TcpStream, framing: &'a dyn Framing) -> Member<'a> {
        let outbox = Arc::new(Outbox::new(stream));
        let mut people = self.people();
        let name = people.next_guest();
        people.by_name.insert(name.clone(), Arc::clone(&outbox));
        let count = people.by_name.len();
        let member = Member { room: self, framing, name, outbox };
        let name = &member.name;
        member.tell(format!("* welcome, {name}; {count} here; /help helps"));
        people.tell(name, &member.framed(format!("* {name} is here").as_bytes()));
        drop(people);
        member
    }
}

/// Somebody in a room, who leaves it when he is dropped.
pub(super) struct Member<'a> {
    room: &'a Room,
    framing: &'a dyn Framing,
    name: String,
    outbox: Arc<Outbox>,
}

impl Member<'_> {
    pub(super) fn outbox(&self) -> Arc<Outbox> {
        Arc::clone(&self.outbox)
    }

    fn framed(&self, message: &[u8]) -> Arc<[u8]> {
        self.framing.frame(message).into()
    }

    /// Tells him alone.
    pub(super) fn tell(&self, text: String) {
        self.outbox.put(&self.framed(&text.into_bytes()));
    }

    /// Tells all others what he says.
    pub(super) fn say(&self, message: &[u8]) {
        let told = self.framed(&[self.name.as_bytes(), b": ", message].concat());
        self.room.people().tell(&self.name, &told);
    }

    /// The names of all that are here.
    pub(super) fn all(&self) -> String {
        let people = self.room.people();
        let names: Vec<&str> = people.by_name.keys().map(String::as_str).collect();
        names.join(", ")
    }

    /// Gives him another name, if it is one and nobody else's.
    pub(super) fn rename(&mut self, new: &str) {
        let fits = |character: char| character.is_alphanumeric() || "-_.".contains(character);
        if new.is_empty() || new.chars().count() > NAME || !new.chars().all(fits) {
            let text = format!("* a name is 1 to {NAME} letters, digits, dashes and dots");
            return self.tell(text);
        }
        let mut people = self.room.people();
        if people.by_name.contains_key(new) {
            return self.tell(format!("* somebody is {new} already"));
        }
        people.by_name.remove(&self.name);
        people.by_name.insert(new.to_owned(), Arc::clone(&self.outbox));
        let told = self.framed(format!("* {} is now {new}", self.name).as_bytes());
        people.tell("", &told);
        drop(people);
        self.name = new.to_owned();
    }
}

impl Drop for Member<'_> {
    fn drop(&mut self) {
        let mut people = self.room.people();
        people.by_name.remove(&self.name);
        let told = self.framed(format!("* {} has left", self.name).as_bytes());
        people.tell(&self.name, &told);
    }
}

/// What waits for a member. Whoever fills it never waits.
pub(super) struct Outbox {
    queue: Mutex<Queue>,
    changed: Condvar,
    stream: TcpStream,
}

#[derive(Default)]
struct Queue {
    /// Framed, and shared with all others for whom they wait.
    messages: VecDeque<Arc<[u8]>>,
    bytes: usize,
    /// Nothing more comes.
    closed: bool,
    /// Too much was in it, or could not be sent.
    cut_by: Option<io::Error>,
}

impl Outbox {
    fn new(stream: TcpStream) -> Self {
        Self { queue: Mutex::default(), changed: Condvar::new(), stream }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, framed: &Arc<[u8]>) {
        let mut queue = self.queue();
        if queue.closed {
            return;
        }
        if queue.bytes + framed.len() > BEHIND {
            return self.cut(queue, io::Error::other("he does not listen"));
        }
        queue.bytes += framed.len();
        queue.messages.push_back(Arc::clone(framed));
        self.changed.notify_one();
    }

    /// Nothing more is said to him, nor heard from him.
    fn cut(&self, mut queue: MutexGuard<Queue>, error: io::Error) {
        *queue = Queue { closed: true, cut_by: Some(error), ..Queue::default() };
        self.changed.notify_one();
        // Who waits in `read` or `write` is woken; that the connection is gone already is just as well.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Nothing more comes; what waits is sent.
    pub(super) fn close(&self) {
        self.queue().closed = true;
        self.changed.notify_one();
    }

    /// Why it was closed before all was sent; told once.
    pub(super) fn cut_by(&self) -> Option<io::Error> {
        self.queue().cut_by.take()
    }

    /// Sends what is put in until it is closed.
    pub(super) fn send_all(&self, mut stream: &TcpStream) {
        while let Some(bytes) = self.take() {
            if let Err(error) = stream.write_all(&bytes) {
                return self.cut(self.queue(), error);
            }
        }
    }

    /// All that waits, as soon as something does; `None` at the end.
    fn take(&self) -> Option<Vec<u8>> {
        let waits = |queue: &mut Queue| queue.messages.is_empty() && !queue.closed;
        let queue = self.changed.wait_while(self.queue(), waits);
        let mut queue = queue.unwrap_or_else(PoisonError::into_inner);
        queue.bytes = 0;
        let messages: Vec<_> = queue.messages.drain(..).collect();
        drop(queue);
        (!messages.is_empty()).then(|| messages.concat())
    }
}
