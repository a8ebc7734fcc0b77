//! Words, quoted texts and symbols of a filter.

use crate::error::Error;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Word(String),
    Text(String),
    Symbol(&'static str),
}

/// Splits a filter into tokens. Backquotes around field names are left out.
pub(super) fn tokens(query: &str) -> Result<Vec<Token>, Error> {
    const SYMBOLS: [&str; 9] = ["!=", ">=", "<=", "=", ">", "<", "(", ")", ","];
    let mut tokens = Vec::new();
    let mut rest = query.trim_start();
    while let Some(first) = rest.chars().next() {
        if matches!(first, '\'' | '"') {
            let inside = &rest[1..];
            let end =
                inside.find(first).ok_or_else(|| Error::invalid("invalid query: text without an end"))?;
            tokens.push(Token::Text(inside[..end].to_owned()));
            rest = &inside[end + 1..];
        } else if first == '`' {
            rest = &rest[1..];
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            tokens.push(Token::Symbol(symbol));
            rest = &rest[symbol.len()..];
        } else {
            let is_word = |c: char| c.is_alphanumeric() || "_-.:+".contains(c);
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            if end == 0 {
                return Err(Error::invalid(format!("invalid query: unexpected '{first}'")));
            }
            tokens.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}
