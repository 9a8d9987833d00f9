//! What does a `%{ ... }%` block say? Assertions and assignments over the state of a connection, in
//! the part of Python that scripts use: expressions, comparisons, a few functions.

use std::collections::BTreeMap;
use std::fmt;

use super::kernel::{Fault, File, Kernel};
use super::symbols;
use super::tcp_info;

/// What scripts have assigned.
pub(super) type Variables = BTreeMap<String, Value>;

/// A value of the language.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Int(i128),
    Float(f64),
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl Value {
    fn is_true(&self) -> bool {
        match self {
            Self::Int(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
        }
    }

    fn float(&self) -> Result<f64, Fault> {
        match self {
            Self::Int(number) => Ok(*number as f64),
            Self::Float(number) => Ok(*number),
            Self::Text(text) => Err(wrong(format!("{text:?} is no number"))),
        }
    }

    fn int(&self) -> Result<i128, Fault> {
        match self {
            Self::Int(number) => Ok(*number),
            other => Err(wrong(format!("{other} is no whole number"))),
        }
    }
}

fn wrong(why: impl Into<String>) -> Fault {
    Fault::Wrong(why.into())
}

impl Kernel {
    /// Runs a block about the connection of `fd`.
    pub(super) fn run_code(
        &mut self,
        code: &str,
        fd: Option<i64>,
        variables: &mut Variables,
    ) -> Result<(), Fault> {
        let info = match fd.and_then(|fd| self.files.get(&fd)) {
            Some(File::Socket(sock)) => sock.connection().map(|socket| socket.info(self.world.now)),
            _ => None,
        };
        let fields = tcp_info::fields(info.as_ref());
        for statement in statements(code) {
            run_statement(&statement, &fields, variables)?;
        }
        Ok(())
    }
}

/// Lines and parts between semicolons; brackets hold lines together.
fn statements(code: &str) -> Vec<String> {
    let (mut all, mut one) = (Vec::new(), String::new());
    let (mut depth, mut quote, mut comment) = (0, None, false);
    for letter in code.chars() {
        match (quote, letter) {
            _ if comment && letter != '\n' => continue,
            (Some(open), _) => quote = (letter != open).then_some(open),
            (None, '"' | '\'') => quote = Some(letter),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth -= 1,
            (None, '#') => {
                comment = true;
                continue;
            }
            (None, '\n' | ';') if depth == 0 && !one.ends_with('\\') => {
                comment = false;
                all.push(std::mem::take(&mut one));
                continue;
            }
            (None, '\n') => {
                comment = false;
                if one.ends_with('\\') {
                    one.pop();
                }
            }
            _ => {}
        }
        one.push(letter);
    }
    all.push(one);
    all.into_iter().map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect()
}

type Fields = BTreeMap<&'static str, i128>;

fn run_statement(text: &str, fields: &Fields, variables: &mut Variables) -> Result<(), Fault> {
    let tokens = tokens(text)?;
    let words: Vec<&str> = tokens.iter().map(String::as_str).collect();
    match &words[..] {
        [] | ["pass" | "import" | "from" | "print", ..] => Ok(()),
        ["if" | "for" | "while" | "def" | "class" | "try" | "with" | "return", ..] => {
            Err(Fault::Unsupported(format!("in a code block: {text}")))
        }
        ["assert", condition @ ..] => {
            let mut parser = Parser { words: condition, at: 0, fields, variables };
            let holds = parser.expression()?;
            let note = match parser.take(",") {
                true => Some(parser.expression()?),
                false => None,
            };
            parser.end()?;
            if holds.is_true() {
                return Ok(());
            }
            let note = note.map(|note| format!(": {note}")).unwrap_or_default();
            let shown = shown_names(condition, fields, variables);
            Err(wrong(format!("assertion failed{note}: {text}{shown}")))
        }
        [name, operator, value @ ..] if is_assignment(name, operator) => {
            let mut parser = Parser { words: value, at: 0, fields, variables };
            let mut value = parser.expression()?;
            parser.end()?;
            if let Some(operator) =
                operator.strip_suffix('=').filter(|operator| !operator.is_empty())
            {
                let parser = Parser { words: &[], at: 0, fields, variables };
                value = apply(operator, &parser.named(name)?, &value)?;
            }
            variables.insert((*name).to_owned(), value);
            Ok(())
        }
        _ => {
            let mut parser = Parser { words: &words, at: 0, fields, variables };
            parser.expression()?;
            parser.end()
        }
    }
}

fn is_assignment(name: &str, operator: &str) -> bool {
    let is_name = name.starts_with(|letter: char| letter.is_alphabetic() || letter == '_');
    is_name && matches!(operator, "=" | "+=" | "-=" | "*=" | "/=" | "|=" | "&=")
}

/// The values of the names in a condition.
fn shown_names(words: &[&str], fields: &Fields, variables: &Variables) -> String {
    let mut shown = String::new();
    for word in words {
        let value = match (variables.get(*word), fields.get(word)) {
            (Some(value), _) => value.clone(),
            (None, Some(field)) => Value::Int(*field),
            _ => continue,
        };
        let one = format!("\n  {word} = {value}");
        if !shown.contains(&one) {
            shown += &one;
        }
    }
    shown
}

fn tokens(text: &str) -> Result<Vec<String>, Fault> {
    const OPERATORS: &[&str] = &[
        "**", "//", "<<", ">>", "<=", ">=", "==", "!=", "+=", "-=", "*=", "/=", "|=", "&=", "+",
        "-", "*", "/", "%", "|", "&", "^", "~", "<", ">", "=", "(", ")", ",", "[", "]", ":", ".",
    ];
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if first.is_alphanumeric() || first == '_' {
            let number = first.is_ascii_digit();
            let belongs =
                |letter: char| letter.is_alphanumeric() || letter == '_' || number && letter == '.';
            rest.find(|letter| !belongs(letter)).unwrap_or(rest.len())
        } else if first == '"' || first == '\'' {
            let end = rest[1..].find(first).ok_or_else(|| wrong("a string is not closed"))?;
            end + 2
        } else if let Some(operator) = OPERATORS.iter().find(|of| rest.starts_with(**of)) {
            operator.len()
        } else {
            return Err(wrong(format!("in a code block: {first:?} means nothing")));
        };
        tokens.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// Operators from the loosest to the tightest, those of one row from left to right.
const LEVELS: &[&[&str]] =
    &[&["|"], &["^"], &["&"], &["<<", ">>"], &["+", "-"], &["*", "//", "/", "%"]];

/// How deep brackets may nest.
const DEEPEST: usize = 100;

struct Parser<'a> {
    words: &'a [&'a str],
    at: usize,
    fields: &'a Fields,
    variables: &'a Variables,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> &'a str {
        self.words.get(self.at).copied().unwrap_or("")
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.peek() == word;
        self.at += usize::from(found);
        found
    }

    fn end(&self) -> Result<(), Fault> {
        match self.words.get(self.at) {
            None => Ok(()),
            Some(word) => Err(wrong(format!("in a code block: {word:?} is not expected"))),
        }
    }

    fn expression(&mut self) -> Result<Value, Fault> {
        if self.words.iter().filter(|word| **word == "(").count() > DEEPEST {
            return Err(wrong("a code block nests too deep"));
        }
        let value = self.either()?;
        if !self.take("if") {
            return Ok(value);
        }
        let condition = self.either()?;
        if !self.take("else") {
            return Err(wrong("in a code block: `if` without `else`"));
        }
        let other = self.expression()?;
        Ok(if condition.is_true() { value } else { other })
    }

    fn either(&mut self) -> Result<Value, Fault> {
        let mut value = self.both()?;
        while self.take("or") {
            let right = self.both()?;
            if !value.is_true() {
                value = right;
            }
        }
        Ok(value)
    }

    fn both(&mut self) -> Result<Value, Fault> {
        let mut value = self.negated()?;
        while self.take("and") {
            let right = self.negated()?;
            if value.is_true() {
                value = right;
            }
        }
        Ok(value)
    }

    fn negated(&mut self) -> Result<Value, Fault> {
        let mut times = 0;
        while self.take("not") {
            times += 1;
        }
        let value = self.comparison()?;
        Ok(match times {
            0 => value,
            _ => Value::Int(i128::from(value.is_true() != (times % 2 == 1))),
        })
    }

    fn comparison(&mut self) -> Result<Value, Fault> {
        let mut left = self.level(0)?;
        let mut holds = None;
        while let operator @ ("==" | "!=" | "<" | ">" | "<=" | ">=") = self.peek() {
            self.at += 1;
            let right = self.level(0)?;
            let one = compare(operator, &left, &right)?;
            holds = Some(holds.unwrap_or(true) && one);
            left = right;
        }
        Ok(holds.map_or(left, |holds| Value::Int(i128::from(holds))))
    }

    fn level(&mut self, level: usize) -> Result<Value, Fault> {
        let Some(operators) = LEVELS.get(level) else { return self.signed() };
        let mut value = self.level(level + 1)?;
        while operators.contains(&self.peek()) {
            let operator = self.peek();
            self.at += 1;
            let right = self.level(level + 1)?;
            value = apply(operator, &value, &right)?;
        }
        Ok(value)
    }

    fn signed(&mut self) -> Result<Value, Fault> {
        let mut signs = Vec::new();
        while let sign @ ("-" | "+" | "~") = self.peek() {
            self.at += 1;
            signs.push(sign);
        }
        let mut value = self.atom()?;
        if self.take("**") {
            let power = u32::try_from(self.signed_int()?).map_err(|_| wrong("a bad power"))?;
            let base = value.int()?;
            value = Value::Int(base.checked_pow(power).ok_or_else(too_large)?);
        }
        for sign in signs.iter().rev() {
            value = match (*sign, value) {
                ("-", Value::Float(number)) => Value::Float(-number),
                ("-", value) => Value::Int(value.int()?.checked_neg().ok_or_else(too_large)?),
                ("~", value) => Value::Int(!value.int()?),
                (_, value) => value,
            };
        }
        Ok(value)
    }

    fn signed_int(&mut self) -> Result<i128, Fault> {
        self.atom()?.int()
    }

    fn atom(&mut self) -> Result<Value, Fault> {
        let word = self.peek();
        self.at += 1;
        let first = word.chars().next().ok_or_else(|| wrong("a code block breaks off"))?;
        match first {
            '(' => {
                let value = self.expression()?;
                if self.take(")") { Ok(value) } else { Err(wrong("a bracket is not closed")) }
            }
            '"' | '\'' => Ok(Value::Text(word[1..word.len() - 1].to_owned())),
            '0'..='9' => number(word),
            _ if first.is_alphabetic() || first == '_' => {
                if self.peek() == "(" {
                    self.function(word)
                } else {
                    self.named(word)
                }
            }
            _ => Err(wrong(format!("in a code block: {word:?} is not expected"))),
        }
    }

    fn named(&self, name: &str) -> Result<Value, Fault> {
        match name {
            "True" => return Ok(Value::Int(1)),
            "False" | "None" => return Ok(Value::Int(0)),
            _ => {}
        }
        if let Some(value) = self.variables.get(name) {
            return Ok(value.clone());
        }
        if let Some(field) = self.fields.get(name) {
            return Ok(Value::Int(*field));
        }
        if let Some(value) = symbols::value(name) {
            return Ok(Value::Int(i128::from(value)));
        }
        match name.starts_with("tcpi_") {
            true => Err(Fault::Unsupported(format!("the field {name}"))),
            false => Err(wrong(format!("in a code block: there is no {name}"))),
        }
    }

    fn function(&mut self, name: &str) -> Result<Value, Fault> {
        self.at += 1;
        let mut arguments = Vec::new();
        while !self.take(")") {
            arguments.push(self.expression()?);
            if !self.take(",") && self.peek() != ")" {
                return Err(wrong("a bracket is not closed"));
            }
        }
        let smaller = |a: &Value, b: &Value| compare("<", a, b);
        match (name, &arguments[..]) {
            ("abs", [Value::Float(number)]) => Ok(Value::Float(number.abs())),
            ("abs", [value]) => Ok(Value::Int(value.int()?.checked_abs().ok_or_else(too_large)?)),
            ("int", [value]) => Ok(Value::Int(value.float()? as i128)),
            ("float", [value]) => Ok(Value::Float(value.float()?)),
            ("round", [value]) => Ok(Value::Int(value.float()?.round() as i128)),
            ("str", [value]) => Ok(Value::Text(value.to_string())),
            ("bool", [value]) => Ok(Value::Int(i128::from(value.is_true()))),
            ("min" | "max", [first, rest @ ..]) => {
                let mut best = first;
                for other in rest {
                    if smaller(other, best)? == (name == "min") {
                        best = other;
                    }
                }
                Ok(best.clone())
            }
            _ => Err(Fault::Unsupported(format!("the function {name}"))),
        }
    }
}

fn too_large() -> Fault {
    wrong("a number is too large")
}

fn number(word: &str) -> Result<Value, Fault> {
    let plain = word.trim_end_matches(['L', 'l']);
    let value = match plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X")) {
        Some(hex) => i128::from_str_radix(hex, 16).ok().map(Value::Int),
        None if plain.contains('.') => plain.parse().ok().map(Value::Float),
        None => plain.parse().ok().map(Value::Int),
    };
    value.ok_or_else(|| wrong(format!("{word:?} is no number")))
}

fn compare(operator: &str, left: &Value, right: &Value) -> Result<bool, Fault> {
    let order = match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        (Value::Text(_), _) | (_, Value::Text(_)) if matches!(operator, "==" | "!=") => {
            return Ok(operator == "!=");
        }
        _ => left.float()?.partial_cmp(&right.float()?),
    };
    let Some(order) = order else { return Ok(operator == "!=") };
    Ok(match operator {
        "==" => order.is_eq(),
        "!=" => order.is_ne(),
        "<" => order.is_lt(),
        ">" => order.is_gt(),
        "<=" => order.is_le(),
        _ => order.is_ge(),
    })
}

fn apply(operator: &str, left: &Value, right: &Value) -> Result<Value, Fault> {
    if let (Value::Text(left), "+", Value::Text(right)) = (left, operator, right) {
        return Ok(Value::Text(format!("{left}{right}")));
    }
    if let (Value::Text(_), "%") = (left, operator) {
        return Ok(left.clone());
    }
    let (Value::Int(a), Value::Int(b)) = (left, right) else {
        let (a, b) = (left.float()?, right.float()?);
        return match operator {
            "+" => Ok(Value::Float(a + b)),
            "-" => Ok(Value::Float(a - b)),
            "*" => Ok(Value::Float(a * b)),
            "/" => Ok(Value::Float(a / b)),
            "//" => Ok(Value::Float((a / b).floor())),
            _ => Err(wrong(format!("{operator} wants whole numbers"))),
        };
    };
    let shift = || u32::try_from(*b).map_err(|_| wrong("a bad shift"));
    let result = match operator {
        "+" => a.checked_add(*b),
        "-" => a.checked_sub(*b),
        "*" => a.checked_mul(*b),
        // Scripts are written for the Python in which this is a whole number.
        "/" | "//" => a.checked_div_euclid(*b),
        "%" => a.checked_rem_euclid(*b),
        "|" => Some(a | b),
        "&" => Some(a & b),
        "^" => Some(a ^ b),
        "<<" => a.checked_shl(shift()?),
        _ => a.checked_shr(shift()?),
    };
    result.map(Value::Int).ok_or_else(|| wrong(format!("{a} {operator} {b} has no result")))
}
