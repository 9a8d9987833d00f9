//! What the two ends of an iperf3 test say to each other, on the connection that they control it by.
//!
//! The client opens it and says a cookie, 37 bytes that nobody else's test has. From then on each side
//! says states, a byte each; and where both must know more, JSON behind its length, four bytes. The
//! data flows over connections of its own to the same port, which begin with the same cookie.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tuntcp::TcpStream;
use tuntcp::runtime::clock::Clock;
use tuntcp::time::Instant;

/// The server's well-known port.
pub(crate) const PORT: u16 = 5201;
/// Streams that a test has in one direction.
pub(crate) const MAX_STREAMS: u32 = 128;
/// Bytes that are written at once.
pub(crate) const MAX_BLOCK: u64 = 1 << 20;
/// Seconds of a test that may be left out.
pub(crate) const MAX_OMIT: u64 = 60;
/// Seconds that a test may take.
pub(crate) const MAX_TIME: u64 = 86_400;

/// How far a test is, or what has become of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(i8)]
pub(crate) enum State {
    TestStart = 1,
    TestRunning = 2,
    TestEnd = 4,
    ParamExchange = 9,
    CreateStreams = 10,
    ServerTerminate = 11,
    ClientTerminate = 12,
    ExchangeResults = 13,
    DisplayResults = 14,
    IperfDone = 16,
    /// The server has another test to run.
    AccessDenied = -1,
    /// The number of a [`Code`] and one of an errno follow, four bytes each.
    ServerError = -2,
}

impl State {
    const ALL: [Self; 12] = [
        Self::TestStart,
        Self::TestRunning,
        Self::TestEnd,
        Self::ParamExchange,
        Self::CreateStreams,
        Self::ServerTerminate,
        Self::ClientTerminate,
        Self::ExchangeResults,
        Self::DisplayResults,
        Self::IperfDone,
        Self::AccessDenied,
        Self::ServerError,
    ];

    fn byte(self) -> u8 {
        (self as i8).cast_unsigned()
    }
}

/// iperf3's numbers of the errors that a server tells its client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Code(u32);

impl Code {
    pub(crate) const DURATION: Self = Self(5);
    pub(crate) const STREAMS: Self = Self(6);
    pub(crate) const BLOCK: Self = Self(7);
    pub(crate) const OMIT: Self = Self(12);
    pub(crate) const MESSAGE: Self = Self(110);
    pub(crate) const PARAMETERS: Self = Self(114);
    pub(crate) const NO_SUCH_PROTOCOL: Self = Self(131);
    pub(crate) const CONGESTION: Self = Self(134);
    pub(crate) const NEW_STREAM: Self = Self(200);
    pub(crate) const STREAM: Self = Self(206);
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match *self {
            Self::DURATION => "the test's duration is too long",
            Self::STREAMS => "that number of streams is not possible",
            Self::BLOCK => "that block size is not possible",
            Self::OMIT => "too many seconds are to be omitted",
            Self::MESSAGE => "a message that nobody knows, or that comes out of turn",
            Self::PARAMETERS => "the parameters are not understood",
            Self::NO_SUCH_PROTOCOL => "the protocol is not served",
            Self::CONGESTION => "the congestion control is not there",
            Self::NEW_STREAM => "a stream could not be made",
            Self::STREAM => "a stream failed",
            Self(number) => return write!(f, "iperf3's error {number}"),
        };
        f.write_str(text)
    }
}

/// What a test is known by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Cookie([u8; 37]);

impl Cookie {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";

    pub(crate) fn random() -> Self {
        let mut cookie = [0; 37];
        for byte in &mut cookie[..36] {
            *byte = Self::LETTERS[fastrand::usize(..Self::LETTERS.len())];
        }
        Self(cookie)
    }

    /// Says it first thing on a connection.
    pub(crate) fn send(&self, mut stream: &TcpStream) -> io::Result<()> {
        stream.write_all(&self.0)
    }

    /// As people read it.
    pub(crate) fn text(&self) -> String {
        self.0[..36].iter().map(|&byte| char::from(byte)).collect()
    }

    /// Whether a client of iperf3's may have said it: text, and a zero behind it.
    fn is_one(&self) -> bool {
        self.0[36] == 0 && self.0[..36].iter().all(u8::is_ascii_graphic)
    }
}

/// An end of the connection that a test is controlled by.
pub(crate) struct Control {
    stream: TcpStream,
    clock: Clock,
}

impl Control {
    /// `patience`: how long the other side may take to read what it is told.
    pub(crate) fn new(stream: TcpStream, clock: Clock, patience: Duration) -> io::Result<Self> {
        stream.set_write_timeout(Some(patience))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, clock })
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// The connection was one for data.
    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }

    pub(crate) fn receive_cookie(&self, within: Duration) -> io::Result<Cookie> {
        let mut cookie = Cookie([0; 37]);
        self.read_exact(&mut cookie.0, self.clock.now() + within)?;
        if !cookie.is_one() {
            return Err(wrong("it does not speak iperf3's protocol"));
        }
        Ok(cookie)
    }

    pub(crate) fn say(&self, state: State) -> io::Result<()> {
        (&self.stream).write_all(&[state.byte()])
    }

    /// Tells the client what is wrong.
    pub(crate) fn refuse(&self, code: Code) -> io::Result<()> {
        let mut message = vec![State::ServerError.byte()];
        message.extend_from_slice(&code.0.to_be_bytes());
        message.extend_from_slice(&0_u32.to_be_bytes());
        (&self.stream).write_all(&message)
    }

    /// What the other side says next; `None` if that is nothing so far.
    pub(crate) fn hear(&self, within: Duration) -> io::Result<Option<State>> {
        let mut byte = [0];
        match self.read_exact(&mut byte, self.clock.now() + within) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            read => read?,
        }
        let state = State::ALL.into_iter().find(|state| state.byte() == byte[0]);
        state.map(Some).ok_or_else(|| wrong("it says what is no state of iperf3's"))
    }

    /// What follows [`State::ServerError`].
    pub(crate) fn receive_code(&self, within: Duration) -> io::Result<Code> {
        let mut numbers = [0; 8];
        self.read_exact(&mut numbers, self.clock.now() + within)?;
        let [a, b, c, d, ..] = numbers;
        Ok(Code(u32::from_be_bytes([a, b, c, d])))
    }

    pub(crate) fn send_json(&self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_vec(value)?;
        let length = u32::try_from(text.len()).map_err(|_| wrong("too much to say"))?;
        (&self.stream).write_all(&length.to_be_bytes())?;
        (&self.stream).write_all(&text)
    }

    /// JSON of up to `limit` bytes; `InvalidData` if it is more, or none.
    pub(crate) fn receive_json<T: DeserializeOwned>(
        &self,
        limit: u32,
        within: Duration,
    ) -> io::Result<T> {
        let until = self.clock.now() + within;
        let mut length = [0; 4];
        self.read_exact(&mut length, until)?;
        let length = u32::from_be_bytes(length);
        if length > limit {
            return Err(wrong("it has too much to say"));
        }
        // As it comes, so that nobody gets memory for a promise.
        let (mut text, mut piece) = (Vec::new(), [0; 8 << 10]);
        while text.len() < length as usize {
            let len = (length as usize - text.len()).min(piece.len());
            self.read_exact(&mut piece[..len], until)?;
            text.extend_from_slice(&piece[..len]);
        }
        serde_json::from_slice(&text).map_err(|error| wrong(&format!("not understood: {error}")))
    }

    /// Fails with `WouldBlock` if not all of it has come by then.
    fn read_exact(&self, mut buffer: &mut [u8], until: Instant) -> io::Result<()> {
        while !buffer.is_empty() {
            // A time-out must not be zero.
            let left = (until - self.clock.now()).max(Duration::from_millis(1));
            self.stream.set_read_timeout(Some(left))?;
            match (&self.stream).read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => buffer = &mut buffer[count..],
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
                Err(_) => {}
            }
            if !buffer.is_empty() && until.is_due(self.clock.now()) {
                return Err(io::Error::new(
                    ErrorKind::WouldBlock,
                    "it takes too long to say something",
                ));
            }
        }
        Ok(())
    }
}

/// The other side does not keep to the protocol.
pub(crate) fn wrong(why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why)
}

/// What a client wants. Numbers are 0 where it says nothing about them.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Parameters {
    pub(crate) tcp: bool,
    #[serde(skip_serializing)]
    pub(crate) udp: bool,
    #[serde(skip_serializing)]
    pub(crate) sctp: bool,
    /// Seconds that come before the test and do not count.
    #[serde(deserialize_with = "whole")]
    pub(crate) omit: u64,
    /// Seconds; 0 for a test that ends in another way.
    #[serde(deserialize_with = "whole")]
    pub(crate) time: u64,
    /// Bytes after which it ends.
    #[serde(deserialize_with = "whole")]
    pub(crate) num: u64,
    /// Blocks after which it ends.
    #[serde(deserialize_with = "whole")]
    pub(crate) blockcount: u64,
    /// Streams in one direction.
    #[serde(deserialize_with = "whole")]
    pub(crate) parallel: u64,
    /// The server sends.
    #[serde(skip_serializing_if = "is_not")]
    pub(crate) reverse: bool,
    /// Both send.
    #[serde(skip_serializing_if = "is_not")]
    pub(crate) bidirectional: bool,
    /// Bytes that are written at once.
    #[serde(deserialize_with = "whole")]
    pub(crate) len: u64,
    /// Bits per second of each stream.
    #[serde(deserialize_with = "whole")]
    pub(crate) bandwidth: u64,
    #[serde(skip_serializing_if = "is_not")]
    pub(crate) nodelay: bool,
    /// Bytes of each buffer.
    #[serde(deserialize_with = "whole", skip_serializing)]
    pub(crate) window: u64,
    /// The type-of-service byte.
    #[serde(rename = "TOS", deserialize_with = "whole", skip_serializing)]
    pub(crate) tos: u64,
    #[serde(skip_serializing)]
    pub(crate) congestion: Option<String>,
    #[serde(deserialize_with = "whole", skip_serializing)]
    pub(crate) get_server_output: u64,
    pub(crate) client_version: String,
}

impl Parameters {
    /// What does not go, in iperf3's words.
    pub(crate) fn check(&self) -> Result<(), Code> {
        let congestion = |name: &str| name.parse::<tuntcp::tcp::congestion::Algorithm>().is_ok();
        let rules = [
            (!self.udp && !self.sctp, Code::NO_SUCH_PROTOCOL),
            ((1..=MAX_STREAMS.into()).contains(&self.parallel), Code::STREAMS),
            ((1..=MAX_BLOCK).contains(&self.len), Code::BLOCK),
            (self.omit <= MAX_OMIT, Code::OMIT),
            (self.time <= MAX_TIME, Code::DURATION),
            (self.congestion.as_deref().is_none_or(congestion), Code::CONGESTION),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, code)| Err(code))
    }

    /// Whether each stream sends for the client, in the order in which he opens them. The protocol has
    /// those first that he sends on.
    pub(crate) fn directions(&self) -> Vec<bool> {
        let count = self.parallel as usize;
        match (self.bidirectional, self.reverse) {
            (true, _) => [vec![true; count], vec![false; count]].concat(),
            (false, reverse) => vec![!reverse; count],
        }
    }

    /// Bytes after which it ends, if it is they that end it.
    pub(crate) fn bytes(&self) -> Option<u64> {
        let bytes = self.num.max(self.blockcount.saturating_mul(self.len));
        (bytes > 0).then_some(bytes)
    }
}

/// The number of the stream that was opened as the `index`th, from 0 on: 2 is left out.
pub(crate) fn id(index: usize) -> u32 {
    let id = if index == 0 { 1 } else { index + 2 };
    u32::try_from(id).unwrap_or(u32::MAX)
}

/// What one side has seen of a test.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Results {
    /// Percent.
    #[serde(default)]
    pub(crate) cpu_util_total: f64,
    #[serde(default)]
    pub(crate) cpu_util_user: f64,
    #[serde(default)]
    pub(crate) cpu_util_system: f64,
    /// Whether a sender here knows what it has sent again, 1 or 0; `None` where nobody sends.
    #[serde(default, deserialize_with = "known", serialize_with = "known_or_minus_one")]
    pub(crate) sender_has_retransmits: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) congestion_used: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) server_output_text: Option<String>,
    pub(crate) streams: Vec<StreamResult>,
}

/// What one side has seen of a stream.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct StreamResult {
    #[serde(deserialize_with = "whole")]
    pub(crate) id: u64,
    #[serde(deserialize_with = "whole")]
    pub(crate) bytes: u64,
    #[serde(default, deserialize_with = "known", serialize_with = "known_or_minus_one")]
    pub(crate) retransmits: Option<u64>,
    /// This and the next two are UDP's.
    #[serde(default)]
    pub(crate) jitter: f64,
    #[serde(default)]
    pub(crate) errors: f64,
    #[serde(default)]
    pub(crate) packets: f64,
    /// Seconds.
    #[serde(default)]
    pub(crate) start_time: f64,
    #[serde(default)]
    pub(crate) end_time: f64,
}

/// The largest number that JSON's readers agree on.
const LARGEST: f64 = 9_007_199_254_740_992.0;

/// A number that iperf3 may write as 1e+15.
fn whole<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let number = f64::deserialize(from)?;
    if (0.0..=LARGEST).contains(&number) {
        return Ok(number as u64);
    }
    Err(serde::de::Error::custom(format!("{number} is no number from 0 to 2^53")))
}

/// A number, or -1, which iperf3 may write as if it had no sign.
fn known<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    let number = f64::deserialize(from)?;
    Ok((0.0..=LARGEST).contains(&number).then_some(number as u64))
}

fn known_or_minus_one<S: Serializer>(number: &Option<u64>, to: S) -> Result<S::Ok, S::Error> {
    match number {
        Some(number) => to.serialize_u64(*number),
        None => to.serialize_i64(-1),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_not(flag: &bool) -> bool {
    !flag
}
