//! A place among the tokens of a filter.

use crate::{
    error::Error,
    visibility::filter::{
        lexer::{Token, tokens},
        operator::{OPERATORS, Operator},
    },
};

/// The tokens that are not read yet.
#[derive(Debug)]
pub(crate) struct Cursor {
    tokens: Vec<Token>,
    at: usize,
}

impl Cursor {
    /// Splits a filter into tokens.
    ///
    /// # Errors
    ///
    /// Says what is no token.
    pub(crate) fn new(query: &str) -> Result<Self, Error> {
        Ok(Self { tokens: tokens(query)?, at: 0 })
    }

    /// The next token; nothing at the end.
    pub(crate) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    /// Goes behind the next token.
    pub(crate) fn advance(&mut self) {
        self.at += 1;
    }

    /// Goes behind this symbol if it comes next.
    pub(crate) fn symbol(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Symbol(own)) if *own == symbol);
        self.at += usize::from(found);
        found
    }

    /// Goes behind this keyword if it comes next, in upper or lower case.
    pub(crate) fn keyword(&mut self, keyword: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        self.at += usize::from(found);
        found
    }

    /// Goes behind the operator that comes next, if one does; answers it and its symbol.
    pub(crate) fn operator(&mut self) -> Option<(&'static str, Operator)> {
        OPERATORS.into_iter().find(|(symbol, _)| self.symbol(symbol))
    }
}
