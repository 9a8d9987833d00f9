//! Replies, and how they look on the wire.

use std::borrow::Cow;

use super::Bytes;

/// Bytes of a reply, at most: what a client does not read is kept for him.
pub(super) const MAX_REPLY: usize = 4 << 20;

/// What a request is answered with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reply {
    /// A word.
    Simple(&'static str),
    Error(Refusal),
    Integer(i64),
    /// Any bytes, shared with the store.
    Bulk(Bytes),
    /// No string.
    Null,
    /// No array.
    NullArray,
    Array(Vec<Reply>),
}

/// Why there is nothing else; its first word says of what kind it is.
pub(super) type Refusal = Cow<'static, str>;

/// What a command comes to.
pub(super) type Outcome = Result<Reply, Refusal>;

pub(super) const OK: Reply = Reply::Simple("OK");
pub(super) const SYNTAX: Refusal = Cow::Borrowed("ERR syntax error");
pub(super) const NO_INTEGER: Refusal = Cow::Borrowed("ERR value is not an integer or out of range");
pub(super) const WRONG_TYPE: Refusal =
    Cow::Borrowed("WRONGTYPE Operation against a key holding the wrong kind of value");

impl Reply {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Bulk(text.into().into_bytes().into())
    }

    /// A string, if there is one.
    pub(super) fn bulk(bytes: Option<Bytes>) -> Self {
        bytes.map_or(Self::Null, Self::Bulk)
    }

    pub(super) fn bulks(all: impl IntoIterator<Item = Bytes>) -> Self {
        Self::Array(all.into_iter().map(Self::Bulk).collect())
    }

    pub(super) fn count(count: usize) -> Self {
        Self::Integer(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// 1 or 0.
    pub(super) fn truth(truth: bool) -> Self {
        Self::Integer(i64::from(truth))
    }

    /// Writes it behind what stands in `out`; if it is too long, that it is.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let begin = out.len();
        if !self.encode_up_to(begin + MAX_REPLY, out) {
            out.truncate(begin);
            out.extend_from_slice(b"-ERR the reply has more than 4194304 bytes\r\n");
        }
    }

    /// Whether there was room for it below `end`.
    fn encode_up_to(&self, end: usize, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Simple(word) => line(out, b'+', word),
            Self::Error(text) => {
                // It may hold what the client sent, which must not end the line.
                line(out, b'-', &text.replace(['\r', '\n'], " "));
            }
            Self::Integer(number) => line(out, b':', &number.to_string()),
            Self::Null => line(out, b'$', "-1"),
            Self::NullArray => line(out, b'*', "-1"),
            Self::Bulk(bytes) => {
                line(out, b'$', &bytes.len().to_string());
                if bytes.len() > end.saturating_sub(out.len()) {
                    return false;
                }
                out.extend_from_slice(bytes);
                out.extend_from_slice(b"\r\n");
            }
            Self::Array(replies) => {
                line(out, b'*', &replies.len().to_string());
                return replies.iter().all(|reply| reply.encode_up_to(end, out));
            }
        }
        out.len() <= end
    }
}

fn line(out: &mut Vec<u8>, kind: u8, text: &str) {
    out.push(kind);
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\r\n");
}
