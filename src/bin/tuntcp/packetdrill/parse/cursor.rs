//! Where in its tokens is the parser, and what stands there?

use super::super::lex::{Kind, Token};
use super::super::script::Place;
use super::super::source::{Joined, Mistake};

/// What nests in itself, at most so many deep.
const DEEPEST: usize = 64;

pub(super) struct Cursor {
    /// The last one is an `End`, which is never gone beyond.
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    pub(super) joined: Joined,
}

impl Cursor {
    pub(super) fn new(tokens: Vec<Token>, joined: Joined) -> Self {
        Self { tokens, at: 0, depth: 0, joined }
    }

    pub(super) fn token(&self) -> &Token {
        self.ahead(0)
    }

    pub(super) fn ahead(&self, count: usize) -> &Token {
        &self.tokens[(self.at + count).min(self.tokens.len() - 1)]
    }

    pub(super) fn kind(&self) -> &Kind {
        &self.token().kind
    }

    /// Whether the token ahead stands right behind the one before it.
    pub(super) fn touches(&self) -> bool {
        self.at > 0 && self.tokens[self.at - 1].end == self.token().start && !self.is_end()
    }

    pub(super) fn here(&self) -> Place {
        self.token().at
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn go_back(&mut self, position: usize) {
        self.at = position;
    }

    pub(super) fn is_end(&self) -> bool {
        matches!(self.kind(), Kind::End)
    }

    /// The token, gone past.
    pub(super) fn advance(&mut self) -> Token {
        let token = self.token().clone();
        if !self.is_end() {
            self.at += 1;
        }
        token
    }

    pub(super) fn is(&self, c: char) -> bool {
        *self.kind() == Kind::Punct(c)
    }

    pub(super) fn eat(&mut self, c: char) -> bool {
        let found = self.is(c);
        if found {
            self.at += 1;
        }
        found
    }

    pub(super) fn expect(&mut self, c: char) -> Result<(), Mistake> {
        if self.eat(c) { Ok(()) } else { Err(self.mistake(&format!("'{c}' is missing"))) }
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        *self.kind() == Kind::Word && self.token().text == word
    }

    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.at += 1;
        }
        found
    }

    pub(super) fn eat_ellipsis(&mut self) -> bool {
        let found = *self.kind() == Kind::Ellipsis;
        if found {
            self.at += 1;
        }
        found
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self.kind(), Kind::Int(_) | Kind::Hex(_))
    }

    /// A whole number that fits.
    pub(super) fn number<T: TryFrom<i64>>(&mut self, what: &str) -> Result<T, Mistake> {
        let (Kind::Int(value) | Kind::Hex(value)) = *self.kind() else {
            return Err(self.mistake(&format!("{what} is missing")));
        };
        let number =
            T::try_from(value).map_err(|_| self.mistake(&format!("{what} is out of range")))?;
        self.at += 1;
        Ok(number)
    }

    /// Goes past a bracket and all that it holds, or past one token that is none.
    pub(super) fn skip_balanced(&mut self) -> Result<(), Mistake> {
        let start = self.at;
        let mut open = 0;
        loop {
            match self.kind() {
                Kind::End => return Err(self.mistake_at(start, "a bracket is not closed")),
                Kind::Punct('(' | '[' | '{') => open += 1,
                Kind::Punct(')' | ']' | '}') => open -= 1,
                _ => {}
            }
            self.at += 1;
            if open <= 0 {
                return Ok(());
            }
        }
    }

    /// Goes to the end of the statement, wherever that is: to what stands first on its line, looks
    /// like a beginning, and is in no brackets.
    pub(super) fn skip_statement(&mut self) -> Result<(), Mistake> {
        while !self.begins_statement() {
            self.skip_balanced()?;
        }
        Ok(())
    }

    fn begins_statement(&self) -> bool {
        let token = self.token();
        let begins = matches!(
            token.kind,
            Kind::Int(_)
                | Kind::Decimal
                | Kind::Option(_)
                | Kind::Shell
                | Kind::Code
                | Kind::Punct('+' | '*')
        );
        (begins && token.leads) || self.is_end()
    }

    /// Carries out what may nest in itself.
    pub(super) fn nested<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, Mistake>,
    ) -> Result<T, Mistake> {
        if self.depth == DEEPEST {
            return Err(self.mistake("this nests too deeply"));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// What stands from one token to before another, as it is written, white space folded.
    pub(super) fn raw(&self, from: usize, to: usize) -> String {
        let mut text = String::new();
        let mut end = None;
        for token in &self.tokens[from..to.max(from)] {
            if end.is_some_and(|end| token.end <= end) {
                // One of several that stand for one word.
                continue;
            }
            if end.is_some_and(|end| end < token.start) {
                text.push(' ');
            }
            end = Some(token.end);
            let written = &self.joined.text[token.start..token.end];
            if matches!(token.kind, Kind::Shell | Kind::Code) {
                let words: Vec<&str> = written.split_whitespace().collect();
                text.push_str(&words.join(" "));
            } else {
                text.push_str(written);
            }
        }
        text
    }

    /// A mistake at the token ahead.
    pub(super) fn mistake(&self, message: &str) -> Mistake {
        self.mistake_at(self.at, message)
    }

    /// A mistake at a token.
    pub(super) fn mistake_at(&self, position: usize, message: &str) -> Mistake {
        let token = &self.tokens[position.min(self.tokens.len() - 1)];
        let written = &self.joined.text[token.start..token.end];
        let near = if token.kind == Kind::End { "end of the script" } else { written };
        self.joined.sources.mistake(token.at, message.to_string(), near)
    }
}
