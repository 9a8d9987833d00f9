//! Which congestion control? `TCP_CONGESTION` of streams and listeners.

use std::io;

use crate::tcp::congestion::Algorithm;

use super::{TcpListener, TcpStream};

impl TcpStream {
    /// Chooses congestion control by its name, one of [`REGISTRY`], from now on (`TCP_CONGESTION` of
    /// Linux). The window stays what it is.
    ///
    /// Fails with `NotFound` if there is none of that name; the message lists those that there are.
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// stream.set_congestion("reno")?;
    /// assert_eq!(stream.congestion()?, "reno");
    /// assert_eq!(stream.set_congestion("vegas").unwrap_err().kind(), ErrorKind::NotFound);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// [`REGISTRY`]: crate::tcp::congestion::REGISTRY
    pub fn set_congestion(&self, name: &str) -> io::Result<()> {
        self.set_congestion_algorithm(name.parse()?)
    }

    /// As [`set_congestion`](Self::set_congestion), with an algorithm that may be of one's own:
    /// [`tcp::congestion`](crate::tcp::congestion) shows how to make one.
    ///
    /// ```
    /// use tuntcp::tcp::congestion::{Algorithm, Cubic};
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// stream.set_congestion_algorithm(Algorithm::new("mine", |start| Box::new(Cubic::new(start))))?;
    /// assert_eq!(stream.congestion()?, "mine");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_congestion_algorithm(&self, algorithm: Algorithm) -> io::Result<()> {
        self.endpoint.socket.set_congestion(self.endpoint.now(), algorithm);
        Ok(())
    }

    /// The name of the congestion control.
    ///
    /// ```
    /// use tuntcp::tcp::congestion::Algorithm;
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// assert_eq!(stream.congestion()?, Algorithm::default().name());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn congestion(&self) -> io::Result<&'static str> {
        Ok(self.endpoint.socket.congestion().name())
    }
}

impl TcpListener {
    /// Chooses congestion control by its name for the connections that arrive from now on, as
    /// [`TcpStream::set_congestion`].
    ///
    /// Fails with `NotFound` if there is none of that name.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// listener.set_congestion("reno")?;
    /// let client = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// let (server, _) = listener.accept()?;
    /// assert_eq!(server.congestion()?, "reno");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_congestion(&self, name: &str) -> io::Result<()> {
        self.set_congestion_algorithm(name.parse()?)
    }

    /// As [`set_congestion`](Self::set_congestion), with an algorithm that may be of one's own.
    ///
    /// ```
    /// use tuntcp::tcp::congestion::{Algorithm, NewReno};
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// listener.set_congestion_algorithm(Algorithm::new("mine", |start| Box::new(NewReno::new(start))))?;
    /// assert_eq!(listener.congestion()?, "mine");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_congestion_algorithm(&self, algorithm: Algorithm) -> io::Result<()> {
        self.shared.listener.set_congestion(algorithm);
        Ok(())
    }

    /// The name of the congestion control that connections begin with.
    ///
    /// ```
    /// use tuntcp::tcp::congestion::Algorithm;
    ///
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let listener = tuntcp::TcpListener::bind(&host, "192.0.2.1:80")?;
    /// assert_eq!(listener.congestion()?, Algorithm::default().name());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn congestion(&self) -> io::Result<&'static str> {
        Ok(self.shared.listener.config().congestion.name())
    }
}
