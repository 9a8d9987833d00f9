//! Which TCP options stand between `<` and `>`?

use super::super::lex::Kind;
use super::super::script::{OptionsSpec, TcpOption, TcpSpec};
use super::super::source::Mistake;
use super::cursor::Cursor;

/// `<...>`, `<>` or a list.
pub(super) fn options(cursor: &mut Cursor, tcp: &mut TcpSpec) -> Result<(), Mistake> {
    cursor.expect('<')?;
    if *cursor.kind() == Kind::Ellipsis && cursor.ahead(1).kind == Kind::Punct('>') {
        cursor.advance();
        cursor.advance();
        tcp.options = OptionsSpec::Any;
        return Ok(());
    }
    let mut list = Vec::new();
    while !cursor.is('>') {
        list.push(option(cursor, tcp)?);
        if !cursor.is('>') && !cursor.eat(',') {
            return Err(cursor.mistake("',' or '>' is missing"));
        }
    }
    cursor.advance();
    tcp.options = OptionsSpec::List(list);
    Ok(())
}

fn option(cursor: &mut Cursor, tcp: &mut TcpSpec) -> Result<TcpOption, Mistake> {
    if cursor.is_number() {
        let kind = cursor.number("an option's kind")?;
        return Ok(TcpOption::Other { kind, data: bytes(cursor)? });
    }
    if *cursor.kind() != Kind::Word {
        return Err(cursor.mistake("a TCP option is missing"));
    }
    let start = cursor.position();
    let name = name(cursor);
    Ok(match name.as_str() {
        "nop" | "NOP" => TcpOption::Nop,
        "eol" | "EOL" => TcpOption::Eol,
        "mss" => TcpOption::Mss(cursor.number("a segment size")?),
        "wscale" => TcpOption::WindowScale(cursor.number("a window's scale")?),
        "sackOK" => TcpOption::SackPermitted,
        "sack" => TcpOption::Sack(blocks(cursor)?),
        "TS" => timestamps(cursor, tcp)?,
        "FO" => TcpOption::FastOpen(cookie(cursor)?),
        "FOEXP" | "exp-FO" => TcpOption::FastOpenExperimental(cookie(cursor)?),
        "md5" if cursor.eat_word("valid") || cursor.eat_word("invalid") => {
            TcpOption::Md5(Vec::new())
        }
        "md5" => TcpOption::Md5(cookie(cursor)?),
        _ => {
            while !cursor.is(',') && !cursor.is('>') {
                if matches!(cursor.kind(), Kind::Punct(')' | ']' | '}')) {
                    return Err(cursor.mistake("',' or '>' is missing"));
                }
                cursor.skip_balanced()?;
            }
            TcpOption::Unknown(cursor.raw(start, cursor.position()))
        }
    })
}

/// An option's name; hyphens are part of it.
fn name(cursor: &mut Cursor) -> String {
    let mut name = cursor.advance().text;
    while cursor.touches()
        && cursor.is('-')
        && cursor.ahead(1).kind == Kind::Word
        && cursor.ahead(1).start == cursor.token().end
    {
        cursor.advance();
        name = format!("{name}-{}", cursor.advance().text);
    }
    name
}

/// `1001:2001 3001:4001`
fn blocks(cursor: &mut Cursor) -> Result<Vec<(u32, u32)>, Mistake> {
    let mut blocks = Vec::new();
    loop {
        let left = cursor.number("a block's left edge")?;
        cursor.expect(':')?;
        blocks.push((left, cursor.number("a block's right edge")?));
        let goes_on = cursor.is(',')
            && matches!(cursor.ahead(1).kind, Kind::Int(_))
            && cursor.ahead(2).kind == Kind::Punct(':');
        if goes_on {
            cursor.advance();
        } else if !matches!(cursor.kind(), Kind::Int(_)) {
            return Ok(blocks);
        }
    }
}

/// `val 100 ecr 50`, where `...` leaves open and `!` is absolute.
fn timestamps(cursor: &mut Cursor, tcp: &mut TcpSpec) -> Result<TcpOption, Mistake> {
    if !cursor.eat_word("val") {
        return Err(cursor.mistake("'val' is missing"));
    }
    tcp.any_timestamp = cursor.eat_ellipsis();
    let value = if tcp.any_timestamp { 0 } else { cursor.number("a timestamp")? };
    if !cursor.eat_word("ecr") {
        return Err(cursor.mistake("'ecr' is missing"));
    }
    tcp.any_echo = cursor.eat_ellipsis();
    let echo = if tcp.any_echo { 0 } else { cursor.number("a timestamp")? };
    tcp.absolute_echo = cursor.eat('!');
    Ok(TcpOption::Timestamps { value, echo })
}

/// Bytes as hexadecimal digits, or none.
fn cookie(cursor: &mut Cursor) -> Result<Vec<u8>, Mistake> {
    let mut digits = match cursor.kind() {
        Kind::Word | Kind::Int(_) | Kind::Hex(_) | Kind::Str => cursor.token().text.as_str(),
        _ => return Ok(Vec::new()),
    };
    if matches!(cursor.kind(), Kind::Hex(_)) {
        digits = &digits[2..];
    }
    let pairs = digits.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            Some((digit(*high)? * 16 + digit(*low)?) as u8)
        }
        _ => None,
    });
    let bytes: Option<Vec<u8>> = pairs.collect();
    let bytes = bytes.ok_or_else(|| cursor.mistake("these are no pairs of hexadecimal digits"))?;
    cursor.advance();
    Ok(bytes)
}

/// The bytes of an option by number: hexadecimal digits, or `[1, 0x2]`.
fn bytes(cursor: &mut Cursor) -> Result<Vec<u8>, Mistake> {
    if !cursor.eat('[') {
        return cookie(cursor);
    }
    let mut bytes = Vec::new();
    while !cursor.eat(']') {
        bytes.push(cursor.number("a byte")?);
        if !cursor.is(']') {
            cursor.expect(',')?;
        }
    }
    Ok(bytes)
}
