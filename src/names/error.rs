//! What went wrong with a name, and who said so.

use std::fmt;
use std::io::ErrorKind;
use std::net::SocketAddr;

use super::config::PORT;

/// Why a name has no address, or an address no name. It stands inside the `io::Error` that calls of
/// [`net`](crate::net) fail with, where `downcast` finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameError {
    /// What was asked for: `no address for "nowhere.example"`.
    subject: String,
    /// Why there is none.
    pub cause: Cause,
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It cannot be a name.
    BadName(&'static str),
    /// This server says that there is no such name.
    NoSuchName(SocketAddr),
    /// This server knows the name, but nothing of the kind that was asked for.
    NoRecord {
        /// Who says so.
        server: SocketAddr,
        /// What it does not have: `A`, `AAAA` or `PTR`.
        record: &'static str,
    },
    /// What is known without asking (a numeric address, the hosts file) is of another family.
    WrongFamily,
    /// There is nobody to ask.
    NoServers,
    /// Only a numeric address was allowed, and this is none.
    NotNumeric,
    /// No server answered: each, and what became of it.
    NoAnswer(Vec<(SocketAddr, Failure)>),
    /// One alias led to the other, more often than anybody needs.
    TooManyAliases(SocketAddr),
    /// No service of that name is in the table.
    UnknownService,
}

/// What became of a question to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No answer came in time.
    TimedOut,
    /// It answered that it cannot or will not tell: RFC 1035's name of that.
    Declined(&'static str),
    /// It answered what cannot be understood.
    Malformed,
    /// It could not be asked: what the stack says.
    Unreachable(String),
}

impl NameError {
    /// No address for a name.
    pub(crate) fn of_name(name: &str, cause: Cause) -> Self {
        Self { subject: format!("no address for {name:?}"), cause }
    }

    /// No name for an address.
    pub(crate) fn of_address(address: impl fmt::Display, cause: Cause) -> Self {
        Self { subject: format!("no name for {address}"), cause }
    }

    /// No port for a service.
    pub(crate) fn of_service(service: &str, cause: Cause) -> Self {
        Self { subject: format!("no port for the service {service:?}"), cause }
    }

    /// Of two failures for the same name, one for each family, what tells most: that somebody did not
    /// answer, then that the name is there, then that it is not.
    pub(crate) fn or(self, other: Self) -> Self {
        match (&self.cause, &other.cause) {
            (&Cause::NoRecord { server, .. }, Cause::NoRecord { .. }) => {
                Self { cause: Cause::NoRecord { server, record: "A or AAAA" }, ..self }
            }
            (Cause::NoSuchName(_), _) | (Cause::NoRecord { .. }, Cause::NoAnswer(_)) => other,
            _ => self,
        }
    }

    /// The kind of `io::Error` that it becomes: `InvalidInput` for what cannot be a name or a service,
    /// `TimedOut` if no server answered at all, `InvalidData` for aliases without end, `Other` if
    /// servers declined, `NotFound` otherwise. (std reports all of these with a kind of no name.)
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match &self.cause {
            Cause::BadName(_) | Cause::UnknownService | Cause::NotNumeric => {
                ErrorKind::InvalidInput
            }
            Cause::NoSuchName(_)
            | Cause::NoRecord { .. }
            | Cause::WrongFamily
            | Cause::NoServers => ErrorKind::NotFound,
            Cause::NoAnswer(failures) => {
                let silent = failures.iter().all(|(_, failure)| *failure == Failure::TimedOut);
                if silent { ErrorKind::TimedOut } else { ErrorKind::Other }
            }
            Cause::TooManyAliases(_) => ErrorKind::InvalidData,
        }
    }
}

impl std::error::Error for NameError {}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.subject)?;
        match &self.cause {
            Cause::BadName(why) => f.write_str(why),
            Cause::NoSuchName(server) => write!(f, "{} says there is no such name", At(*server)),
            Cause::NoRecord { server, record } => {
                write!(f, "{} knows the name, but no {record} record of it", At(*server))
            }
            Cause::WrongFamily => f.write_str("what it stands for is of another address family"),
            Cause::NoServers => f.write_str(
                "the hosts file does not have it, and no name server that the stack could reach is \
                 configured (a line `nameserver ADDRESS` in resolv.conf, or Host::set_names)",
            ),
            Cause::NotNumeric => f.write_str("a number was wanted, without asking anybody"),
            Cause::NoAnswer(failures) => {
                for (index, (server, failure)) in failures.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{} {failure}", At(*server))?;
                }
                Ok(())
            }
            Cause::TooManyAliases(server) => {
                write!(f, "{} leads from alias to alias, without end", At(*server))
            }
            Cause::UnknownService => f.write_str("no such service is known (/etc/services)"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("does not answer"),
            Self::Declined(code) => write!(f, "declines ({code})"),
            Self::Malformed => f.write_str("answers with what is no DNS message"),
            Self::Unreachable(why) => write!(f, "cannot be asked ({why})"),
        }
    }
}

/// A server, without the port that all have.
struct At(SocketAddr);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.port() == PORT { write!(f, "{}", self.0.ip()) } else { write!(f, "{}", self.0) }
    }
}
