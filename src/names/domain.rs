//! A name of the domain name system.

use std::fmt;

/// Longest name, characters without the last dot: 255 bytes on the wire (RFC 1035 2.3.4) with the
/// root and a length before each label.
const LONGEST: usize = 253;
/// Longest label (RFC 1035 2.3.4).
const LONGEST_LABEL: usize = 63;

/// A host's name, checked: labels of 1 to 63 letters, digits, hyphens and underscores, 253 characters
/// at most, in lower case (RFC 1035 2.3.1 and 2.3.4, RFC 1123 2.1), without the dot at its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DomainName(String);

impl DomainName {
    /// `text` as a name. One dot at its end is allowed and means nothing here.
    ///
    /// Fails with what is wrong with it.
    ///
    /// ```
    /// use tuntcp::names::DomainName;
    ///
    /// assert_eq!(DomainName::new("WWW.Example.")?, DomainName::new("www.example")?);
    /// assert!(DomainName::new("two..dots").is_err());
    /// # Ok::<(), &'static str>(())
    /// ```
    pub fn new(text: &str) -> Result<Self, &'static str> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            return Err("it is empty");
        }
        if !text.is_ascii() {
            return Err("it goes beyond ASCII; give it in its xn-- form");
        }
        if text.len() > LONGEST {
            return Err("it is longer than 253 characters");
        }
        for label in text.split('.') {
            if label.is_empty() {
                return Err("a label, which is what stands between two dots, is empty");
            }
            if label.len() > LONGEST_LABEL {
                return Err(
                    "a label, which is what stands between two dots, exceeds 63 characters",
                );
            }
            if !label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
                return Err("only letters, digits, hyphens and underscores can stand in it");
            }
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// `self.suffix`, if that is not too long.
    pub(super) fn under(&self, suffix: &str) -> Option<Self> {
        Self::new(&format!("{self}.{suffix}")).ok()
    }

    /// In lower case, without a dot at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
