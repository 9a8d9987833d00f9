//! When does a statement happen?

use super::super::lex::Kind;
use super::super::script::When;
use super::super::source::Mistake;
use super::cursor::Cursor;

/// The time in front of an event.
pub(super) fn when(cursor: &mut Cursor) -> Result<When, Mistake> {
    if cursor.eat('*') {
        return Ok(When::Any);
    }
    let position = cursor.position();
    let relative = cursor.eat('+');
    let first = moment(cursor)?;
    if !cursor.eat('~') {
        return Ok(if relative { When::Relative(first) } else { When::Absolute(first) });
    }
    if cursor.is('+') && !relative {
        return Err(cursor.mistake("this range is not relative"));
    }
    cursor.eat('+');
    let last = moment(cursor)?;
    if last < first {
        return Err(cursor.mistake_at(position, "this range goes backwards"));
    }
    Ok(if relative { When::RelativeRange(first, last) } else { When::AbsoluteRange(first, last) })
}

/// `...0.3` behind it.
pub(super) fn until(cursor: &mut Cursor) -> Result<Option<i64>, Mistake> {
    if !cursor.eat_ellipsis() {
        return Ok(None);
    }
    cursor.eat('+');
    moment(cursor).map(Some)
}

fn moment(cursor: &mut Cursor) -> Result<i64, Mistake> {
    if !matches!(cursor.kind(), Kind::Int(_) | Kind::Decimal) {
        return Err(cursor.mistake("a time is missing"));
    }
    let text = &cursor.token().text;
    if text.starts_with('-') {
        return Err(cursor.mistake("a time is negative"));
    }
    let Some(moment) = micros(text) else {
        return Err(cursor.mistake("a time is out of range"));
    };
    cursor.advance();
    Ok(moment)
}

/// The microseconds in a decimal number of seconds; finer digits are cut off.
fn micros(text: &str) -> Option<i64> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = if seconds.is_empty() { 0 } else { seconds.parse().ok()? };
    let digits = fraction.bytes().map(|digit| i64::from(digit - b'0')).chain([0; 6]);
    let fraction = digits.take(6).fold(0, |value, digit| value * 10 + digit);
    seconds.checked_mul(1_000_000)?.checked_add(fraction)
}
