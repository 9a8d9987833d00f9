//! Which words is the text made of? Tokens, with what is defined put in its place.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::Chars;

use super::script::Place;
use super::source::{Definitions, Joined, Mistake};

/// What a token is; its characters are in `Token::text`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// `12`, `-1`
    Int(i64),
    /// `0x1f`
    Hex(i64),
    /// `.5`, `0.25`
    Decimal,
    Word,
    /// `"..."`; the text is what it means, without quotes and escapes.
    Str,
    /// Backquoted; the text is what stands between.
    Shell,
    /// `%{ ... }%`; the text is what stands between.
    Code,
    /// `--name=value`; the text is the name.
    Option(String),
    Address(IpAddr),
    /// `...`
    Ellipsis,
    /// Any other character.
    Punct(char),
    /// Behind all others.
    End,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) text: String,
    /// Where it stands in the text, in bytes.
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) at: Place,
    /// Nothing but blanks and comments between it and the start of its line.
    pub(super) leads: bool,
}

/// The tokens of a script, the last of them an `End`.
pub(super) fn tokens(joined: &Joined) -> Result<Vec<Token>, Mistake> {
    let mut lexer = Lexer {
        joined,
        text: &joined.text,
        at: 0,
        line: 0,
        leads: true,
        definitions: joined.definitions.clone(),
        tokens: Vec::new(),
    };
    lexer.run()?;
    let (kind, at) = (Kind::End, joined.places.last().copied().unwrap_or_default());
    let end = joined.text.len();
    let mut tokens = lexer.tokens;
    tokens.push(Token { kind, text: String::new(), start: end, end, at, leads: true });
    Ok(tokens)
}

struct Lexer<'a> {
    joined: &'a Joined,
    text: &'a str,
    /// Where it reads.
    at: usize,
    /// Lines that lie behind it.
    line: usize,
    leads: bool,
    definitions: Definitions,
    tokens: Vec<Token>,
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

impl<'a> Lexer<'a> {
    fn run(&mut self) -> Result<(), Mistake> {
        while let Some(byte) = self.byte(0) {
            match byte {
                b'\n' => {
                    self.line += 1;
                    self.at += 1;
                    self.leads = true;
                }
                byte if byte.is_ascii_whitespace() => self.at += 1,
                b'/' if self.rest().starts_with("//") => {
                    self.at += self.rest().find('\n').unwrap_or(self.rest().len());
                }
                b'/' if self.rest().starts_with("/*") => {
                    let length = self.closed("/*", "*/", "a comment does not end")?;
                    self.skip(length);
                }
                _ => {
                    self.token(byte)?;
                    self.leads = false;
                }
            }
        }
        Ok(())
    }

    fn token(&mut self, byte: u8) -> Result<(), Mistake> {
        if self.rest().starts_with("...") {
            self.push(Kind::Ellipsis, None, 3);
        } else if self.rest().starts_with("%{") {
            let length = self.closed("%{", "}%", "code does not end")?;
            let code = self.rest()[2..length - 2].trim_matches([' ', '\t']).to_string();
            self.push(Kind::Code, Some(code), length);
        } else if matches!(byte, b'"' | b'`') {
            self.quoted(byte)?;
        } else if self.starts_option() {
            self.option()?;
        } else if let Some((address, length)) = self.address() {
            self.push(Kind::Address(address), None, length);
        } else if let Some(length) = self.number() {
            let kind = number_of(&self.rest()[..length]);
            self.push(kind, None, length);
        } else if is_word(byte) {
            self.word()?;
        } else {
            let c = self.rest().chars().next().unwrap_or(' ');
            self.push(Kind::Punct(c), None, c.len_utf8());
        }
        Ok(())
    }

    /// How long a number is that starts here; `None` where a word does, or something else.
    fn number(&self) -> Option<usize> {
        let rest = self.rest().as_bytes();
        let after_operand =
            self.at > 0 && matches!(self.text.as_bytes()[self.at - 1], b')' | b']' | b'0'..=b'9');
        let sign = usize::from(rest[0] == b'-' && !after_operand);
        let digits = rest[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let behind = sign + digits;
        let point = rest.get(behind) == Some(&b'.');
        let fraction = rest.get(behind + 1..).unwrap_or_default();
        let fraction = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if point && fraction > 0 {
            return Some(behind + 1 + fraction);
        }
        if digits == 0 || rest.get(behind).is_some_and(|&byte| is_word(byte)) {
            return self.hexadecimal();
        }
        Some(behind)
    }

    fn hexadecimal(&self) -> Option<usize> {
        let digits = self.rest().strip_prefix("0x").or_else(|| self.rest().strip_prefix("0X"))?;
        let word = digits.bytes().take_while(|&byte| is_word(byte)).count();
        let is_number = word > 0 && digits[..word].bytes().all(|byte| byte.is_ascii_hexdigit());
        is_number.then_some(word + 2)
    }

    /// An address and its length. What looks like a sequence (`1:1001`) is none.
    fn address(&self) -> Option<(IpAddr, usize)> {
        let run = |more: fn(u8) -> bool| {
            let length = self.rest().bytes().take_while(|&byte| more(byte)).count();
            &self.rest()[..length]
        };
        let dotted = run(|byte| byte.is_ascii_digit() || byte == b'.').trim_end_matches('.');
        if let Ok(address) = dotted.parse::<Ipv4Addr>() {
            return Some((IpAddr::V4(address), dotted.len()));
        }
        let colons = run(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'));
        if !colons.contains("::") && colons.matches(':').count() < 7 {
            return None;
        }
        [colons, colons.trim_end_matches('.'), colons.strip_suffix(':').unwrap_or(colons)]
            .into_iter()
            .find_map(|text| Some((IpAddr::V6(text.parse::<Ipv6Addr>().ok()?), text.len())))
    }

    fn word(&mut self) -> Result<(), Mistake> {
        let length = self.rest().bytes().take_while(|&byte| is_word(byte)).count();
        let word = &self.rest()[..length];
        let value = self.definitions.get(word).filter(|value| !value.is_empty()).cloned();
        let Some(value) = value else {
            self.push(Kind::Word, None, length);
            return Ok(());
        };
        // What a name stands for is read as if it stood here, and is final.
        let first = self.tokens.len();
        let mut inner = Lexer {
            joined: self.joined,
            text: &value,
            at: 0,
            line: self.line,
            leads: self.leads,
            definitions: Definitions::new(),
            tokens: std::mem::take(&mut self.tokens),
        };
        inner.run()?;
        self.tokens = inner.tokens;
        let at = self.place();
        for token in &mut self.tokens[first..] {
            (token.start, token.end, token.at) = (self.at, self.at + length, at);
        }
        self.at += length;
        Ok(())
    }

    fn quoted(&mut self, quote: u8) -> Result<(), Mistake> {
        let bytes = self.rest().as_bytes();
        let mut length = 1;
        while bytes.get(length).is_some_and(|&byte| byte != quote) {
            length += if bytes[length] == b'\\' { 2 } else { 1 };
        }
        if length >= bytes.len() {
            return Err(self.mistake("a quotation does not end"));
        }
        let content = self.substituted(&self.rest()[1..length]);
        let (kind, text) =
            if quote == b'"' { (Kind::Str, unescaped(&content)) } else { (Kind::Shell, content) };
        self.push(kind, Some(text), length + 1);
        Ok(())
    }

    /// The text with what is defined in place of `${NAME}`.
    fn substituted(&self, text: &str) -> String {
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${") {
            result.push_str(before);
            let known = behind.split_once('}').and_then(|(name, after)| {
                let value = self.definitions.get(name)?;
                Some((value.trim_matches(['"', '`']), after))
            });
            if let Some((value, after)) = known {
                result.push_str(value);
                rest = after;
            } else {
                result.push_str("${");
                rest = behind;
            }
        }
        result + rest
    }

    fn starts_option(&self) -> bool {
        let rest = self.rest();
        rest.starts_with("--") && rest.as_bytes().get(2).is_some_and(u8::is_ascii_alphanumeric)
    }

    /// `--name=value`, its value up to a blank that is in no quotes.
    fn option(&mut self) -> Result<(), Mistake> {
        let line = self.rest().lines().next().unwrap_or_default();
        let name_length = line[2..]
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')))
            .unwrap_or(line.len() - 2);
        let name = line[2..2 + name_length].to_string();
        let behind = &line[2 + name_length..];
        let Some(rest) = behind.trim_start().strip_prefix('=') else {
            self.push(Kind::Option(String::new()), Some(name), 2 + name_length);
            return Ok(());
        };
        let rest = rest.trim_start_matches([' ', '\t']);
        let mut quote = None;
        let end = rest.char_indices().find(|&(index, c)| match quote {
            Some(open) => {
                quote = (c != open).then_some(open);
                false
            }
            None if matches!(c, '"' | '`') => {
                quote = Some(c);
                false
            }
            None => c.is_whitespace() || rest[index..].starts_with("//"),
        });
        if quote.is_some() {
            return Err(self.mistake("a quotation does not end"));
        }
        let value = &rest[..end.map_or(rest.len(), |(index, _)| index)];
        let length = line.len() - rest.len() + value.len();
        if name == "define"
            && let Some((name, value)) = value.split_once('=')
        {
            self.definitions.insert(name.to_string(), value.to_string());
        }
        let bare = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let value = self.substituted(bare.unwrap_or(value));
        self.push(Kind::Option(value), Some(name), length);
        Ok(())
    }

    /// How long something is that starts here and ends with `close`, both counted.
    fn closed(&self, open: &str, close: &str, message: &str) -> Result<usize, Mistake> {
        let inner = self.rest()[open.len()..].find(close);
        inner.map(|inner| open.len() + inner + close.len()).ok_or_else(|| self.mistake(message))
    }

    fn push(&mut self, kind: Kind, text: Option<String>, length: usize) {
        let text = text.unwrap_or_else(|| self.rest()[..length].to_string());
        let (start, end, at) = (self.at, self.at + length, self.place());
        self.tokens.push(Token { kind, text, start, end, at, leads: self.leads });
        self.skip(length);
    }

    fn skip(&mut self, length: usize) {
        self.line += self.rest()[..length].matches('\n').count();
        self.at += length;
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn place(&self) -> Place {
        self.joined.places.get(self.line).copied().unwrap_or_default()
    }

    fn mistake(&self, message: &str) -> Mistake {
        self.joined.sources.mistake(self.place(), message.to_string(), self.rest())
    }
}

/// What the characters of a number mean; what does not fit is the nearest that does.
fn number_of(text: &str) -> Kind {
    let (signless, sign) = text.strip_prefix('-').map_or((text, 1), |rest| (rest, -1));
    if let Some(digits) = signless.strip_prefix("0x").or_else(|| signless.strip_prefix("0X")) {
        Kind::Hex(u64::from_str_radix(digits, 16).map_or(i64::MAX, u64::cast_signed))
    } else if text.contains('.') {
        Kind::Decimal
    } else {
        Kind::Int(signless.parse().unwrap_or(i64::MAX) * sign)
    }
}

/// A string without the escapes of C; a byte above 127 is the character of that number.
fn unescaped(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            result.push(c);
            continue;
        }
        let ahead = rest.clone();
        result.push(match rest.next() {
            None => '\\',
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some('x') => byte_of(&mut rest, 16, 2),
            Some('0'..='7') => {
                rest = ahead;
                byte_of(&mut rest, 8, 3)
            }
            Some(other) => other,
        });
    }
    result
}

/// The byte that at most so many digits ahead say.
fn byte_of(rest: &mut Chars<'_>, radix: u32, most: usize) -> char {
    let mut value = 0;
    for _ in 0..most {
        let Some(digit) = rest.clone().next().and_then(|c| c.to_digit(radix)) else { break };
        value = (value * radix + digit) & 0xff;
        rest.next();
    }
    char::from_u32(value).unwrap_or('\0')
}
