//! What does a TCP segment's line say?

use super::super::lex::Kind;
use super::super::script::TcpSpec;
use super::super::source::Mistake;
use super::cursor::Cursor;
use super::options;

/// A flag's letter and its bits. A digit is the three of them that accurate ECN counts with.
const FLAGS: [(char, u16); 9] = [
    ('F', 0x01),
    ('S', 0x02),
    ('R', 0x04),
    ('P', 0x08),
    ('.', 0x10),
    ('U', 0x20),
    ('E', 0x40),
    ('W', 0x80),
    ('A', 0x100),
];

/// Fields of the header that a script may set and that this runner only keeps as they stand.
const EXTRAS: [&str; 3] = ["source_port", "destination_port", "checksum"];

/// From the flags on.
pub(super) fn tcp(cursor: &mut Cursor) -> Result<TcpSpec, Mistake> {
    let mut tcp = TcpSpec { any_flags: cursor.eat_ellipsis(), ..TcpSpec::default() };
    if !tcp.any_flags {
        tcp.flags = flags(cursor)?;
    }
    // `...` alone leaves the sequence number open, too.
    let has_sequence = !tcp.any_flags
        || (matches!(cursor.kind(), Kind::Int(_) | Kind::Ellipsis) && !cursor.token().leads);
    let sequence =
        if has_sequence { sequence(cursor)? } else { Sequence { any: true, ..Default::default() } };
    (tcp.seq, tcp.len) = (sequence.first, sequence.len);
    (tcp.any_seq, tcp.absolute_seq) = (sequence.any, sequence.absolute);
    loop {
        let start = cursor.position();
        if cursor.eat_word("ack") {
            tcp.ack = Some(cursor.number("an acknowledgment number")?);
            if cursor.eat('!') {
                tcp.extras.push("ack!".to_string());
            }
        } else if cursor.eat_word("win") {
            tcp.window = Some(cursor.number("a window")?);
        } else if cursor.eat_word("urg") {
            tcp.urgent = Some(cursor.number("an urgent pointer")?);
        } else if cursor.is('<') {
            options::options(cursor, &mut tcp)?;
        } else if cursor.is('{') {
            cursor.skip_balanced()?;
            tcp.extras.push(cursor.raw(start, cursor.position()));
        } else if cursor.eat('/') {
            cursor.advance();
            if cursor.is('(') {
                cursor.skip_balanced()?;
            }
            tcp.extras.push(cursor.raw(start, cursor.position()));
        } else if EXTRAS.contains(&cursor.token().text.as_str()) {
            cursor.advance();
            cursor.number::<u16>("a field's value")?;
            tcp.extras.push(cursor.raw(start, cursor.position()));
        } else {
            return Ok(tcp);
        }
    }
}

/// `S.`, `.`, `-`, `P.5`, `5.`: tokens that stand together are one word of flags.
fn flags(cursor: &mut Cursor) -> Result<u16, Mistake> {
    let start = cursor.position();
    let can_begin =
        matches!(cursor.kind(), Kind::Word | Kind::Int(_) | Kind::Decimal | Kind::Punct('.' | '-'));
    if !can_begin {
        return Err(cursor.mistake("the flags are missing"));
    }
    let mut text = cursor.advance().text;
    while cursor.touches()
        && matches!(cursor.kind(), Kind::Word | Kind::Int(_) | Kind::Decimal | Kind::Punct('.'))
    {
        text.push_str(&cursor.advance().text);
    }
    if text != "." && cursor.eat('.') {
        text.push('.');
    }
    let mut bits = 0;
    for c in text.chars() {
        bits |= match c {
            '-' if text == "-" => 0,
            '0'..='7' => (c.to_digit(8).map_or(0, |ace| ace as u16)) << 6,
            c => match FLAGS.iter().find(|(letter, _)| *letter == c) {
                Some((_, bit)) => *bit,
                None => {
                    let message = format!("'{c}' is no TCP flag");
                    return Err(cursor.mistake_at(start, &message));
                }
            },
        };
    }
    Ok(bits)
}

/// What a sequence says.
#[derive(Default)]
pub(super) struct Sequence {
    pub(super) first: u32,
    pub(super) len: u32,
    pub(super) any: bool,
    pub(super) absolute: bool,
}

/// `1:1001(1000)`, `1:1(0)!`, `...(1000)`
pub(super) fn sequence(cursor: &mut Cursor) -> Result<Sequence, Mistake> {
    let start = cursor.position();
    let mut sequence = Sequence::default();
    if cursor.eat_ellipsis() {
        sequence.any = true;
        if cursor.is('(') {
            sequence.len = length(cursor)?;
        }
        return Ok(sequence);
    }
    sequence.first = cursor.number("a sequence number")?;
    let last: Option<u32> =
        if cursor.eat(':') { Some(cursor.number("a sequence number")?) } else { None };
    sequence.len = match last {
        Some(last) if !cursor.is('(') => last.wrapping_sub(sequence.first),
        _ => length(cursor)?,
    };
    if last.is_some_and(|last| last != sequence.first.wrapping_add(sequence.len)) {
        return Err(cursor.mistake_at(start, "the sequence numbers and the length disagree"));
    }
    sequence.absolute = cursor.eat('!');
    Ok(sequence)
}

fn length(cursor: &mut Cursor) -> Result<u32, Mistake> {
    cursor.expect('(')?;
    let length = cursor.number("a length")?;
    cursor.expect(')')?;
    Ok(length)
}
