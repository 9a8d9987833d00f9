//! Which system call is it, with what, and what does it give?

use super::super::lex::Kind;
use super::super::script::{Call, Expr};
use super::super::source::Mistake;
use super::cursor::Cursor;

/// `name(arguments) = result ERRNO (note)`
pub(super) fn call(cursor: &mut Cursor, until: Option<i64>) -> Result<Call, Mistake> {
    let name = cursor.advance().text;
    cursor.expect('(')?;
    let arguments = list(cursor, ')')?;
    let mut call = Call { name, arguments, result: None, errno: None, note: None, until };
    if !cursor.eat('=') {
        return Ok(call);
    }
    call.result = Some(if cursor.eat('?') { Expr::Ellipsis } else { expression(cursor)? });
    if *cursor.kind() == Kind::Word {
        call.errno = Some(cursor.advance().text);
    }
    while cursor.is('(') {
        let start = cursor.position();
        cursor.skip_balanced()?;
        call.note = Some(cursor.raw(start + 1, cursor.position() - 1));
    }
    Ok(call)
}

/// Expressions with commas between them, up to a bracket that is gone past.
fn list(cursor: &mut Cursor, close: char) -> Result<Vec<Expr>, Mistake> {
    let mut items = Vec::new();
    if cursor.eat(close) {
        return Ok(items);
    }
    loop {
        items.push(expression(cursor)?);
        if cursor.eat(close) {
            return Ok(items);
        }
        if !cursor.eat(',') {
            return Err(cursor.mistake(&format!("',' or '{close}' is missing")));
        }
    }
}

/// `a | b`, or `name = value`, which is a struct of one member.
fn expression(cursor: &mut Cursor) -> Result<Expr, Mistake> {
    cursor.nested(|cursor| {
        let first = operand(cursor)?;
        if let Expr::Word(name) = &first
            && cursor.eat('=')
        {
            return Ok(Expr::Struct(vec![(name.clone(), expression(cursor)?)]));
        }
        if !cursor.is('|') {
            return Ok(first);
        }
        let mut items = vec![first];
        while cursor.eat('|') {
            items.push(operand(cursor)?);
        }
        Ok(Expr::Or(items))
    })
}

fn operand(cursor: &mut Cursor) -> Result<Expr, Mistake> {
    match *cursor.kind() {
        Kind::Ellipsis => {
            cursor.advance();
            Ok(Expr::Ellipsis)
        }
        Kind::Int(value) | Kind::Hex(value) => {
            cursor.advance();
            Ok(Expr::Int(value))
        }
        Kind::Decimal | Kind::Address(_) => Ok(Expr::Word(cursor.advance().text)),
        Kind::Str => Ok(string(cursor)),
        Kind::Word => {
            let name = cursor.advance().text;
            if cursor.eat('(') {
                return cursor.nested(|cursor| Ok(Expr::Apply(name, list(cursor, ')')?)));
            }
            Ok(Expr::Word(name))
        }
        Kind::Punct('~') => cursor.nested(|cursor| {
            cursor.advance();
            Ok(Expr::Not(Box::new(operand(cursor)?)))
        }),
        Kind::Punct('-') if cursor.ahead(1).kind == Kind::Word => {
            cursor.advance();
            Ok(Expr::Word(format!("-{}", cursor.advance().text)))
        }
        Kind::Punct('-') => {
            cursor.advance();
            Ok(Expr::Int(cursor.number::<i64>("a value")?.wrapping_neg()))
        }
        // `&x` and the like are what they point at.
        Kind::Punct('&' | '*') => cursor.nested(|cursor| {
            cursor.advance();
            operand(cursor)
        }),
        Kind::Punct('[') => cursor.nested(|cursor| {
            cursor.advance();
            Ok(Expr::List(list(cursor, ']')?))
        }),
        Kind::Punct('(') => cursor.nested(|cursor| {
            cursor.advance();
            let inner = expression(cursor)?;
            cursor.expect(')')?;
            Ok(inner)
        }),
        Kind::Punct('{') => cursor.nested(structure),
        _ => Err(cursor.mistake("a value is missing")),
    }
}

/// Strings in a row are one; an ellipsis behind them says that more follows.
fn string(cursor: &mut Cursor) -> Expr {
    let mut text = String::new();
    while *cursor.kind() == Kind::Str {
        text.push_str(&cursor.advance().text);
    }
    cursor.eat_ellipsis();
    Expr::Str(text)
}

/// `{a=1, b(2)=3, 4}`
fn structure(cursor: &mut Cursor) -> Result<Expr, Mistake> {
    let start = cursor.position();
    cursor.expect('{')?;
    if describes_header(cursor) {
        cursor.go_back(start);
        cursor.skip_balanced()?;
        let text = cursor.raw(start + 1, cursor.position() - 1);
        return Ok(Expr::Struct(vec![(String::new(), Expr::Word(text))]));
    }
    let mut members = Vec::new();
    if cursor.eat('}') {
        return Ok(Expr::Struct(members));
    }
    loop {
        members.push(member(cursor)?);
        if cursor.eat('}') {
            return Ok(Expr::Struct(members));
        }
        if !cursor.eat(',') {
            return Err(cursor.mistake("',' or '}' is missing"));
        }
    }
}

/// Whether MPLS labels or a GRE header follow, which have a grammar of their own: they are kept as
/// they stand.
fn describes_header(cursor: &Cursor) -> bool {
    match cursor.token().text.as_str() {
        "(" => cursor.ahead(1).text == "label",
        "flags" | "Flags" => cursor.ahead(1).text != "=",
        _ => false,
    }
}

fn member(cursor: &mut Cursor) -> Result<(String, Expr), Mistake> {
    let start = cursor.position();
    if *cursor.kind() == Kind::Word {
        let name = cursor.advance().text;
        if cursor.is('(') {
            cursor.skip_balanced()?;
        }
        if cursor.eat('=') {
            // A key is digits, not a number.
            if name == "psk" && cursor.is_number() {
                return Ok((name, Expr::Word(cursor.advance().text)));
            }
            return Ok((name, expression(cursor)?));
        }
        cursor.go_back(start);
    }
    Ok((String::new(), expression(cursor)?))
}
