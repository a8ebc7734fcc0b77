//! Names, words, quoted texts, numbers and symbols of a filter.

use crate::{error::Error, visibility::filter::refusal::malformed};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// A keyword, or the name of a field.
    Word(String),
    /// The name of a field, in backquotes.
    Name(String),
    Text(String),
    Number(String),
    Symbol(&'static str),
}

const SYMBOLS: [&str; 12] = ["<=>", "!=", "<>", ">=", "<=", "=", ">", "<", "(", ")", ",", ";"];

/// Splits a filter into tokens.
///
/// # Errors
///
/// Says what is no token.
pub(super) fn tokens(query: &str) -> Result<Vec<Token>, Error> {
    let mut tokens = Vec::new();
    let mut rest = query.trim_start();
    while let Some(first) = rest.chars().next() {
        let token;
        (token, rest) = match first {
            '\'' | '"' => quoted(rest, first).map(|(text, rest)| (Token::Text(text), rest))?,
            '`' => backquoted(rest)?,
            _ => plain(rest, first)?,
        };
        tokens.push(token);
        rest = rest.trim_start();
    }
    Ok(tokens)
}

/// A text in quotes. A quote is doubled in it or escaped by a backslash, as in MySQL, whose rules the parser of
/// Temporal's server follows.
fn quoted(query: &str, quote: char) -> Result<(String, &str), Error> {
    let mut text = String::new();
    let mut characters = query.char_indices().skip(1).peekable();
    while let Some((index, character)) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some((_, escaped)) => text.push(unescaped(escaped)),
                None => break,
            },
            _ if character == quote && characters.peek().is_some_and(|(_, next)| *next == quote) => {
                characters.next();
                text.push(quote);
            }
            _ if character == quote => return Ok((text, &query[index + quote.len_utf8()..])),
            _ => text.push(character),
        }
    }
    Err(malformed("text without an end"))
}

/// What a character after a backslash stands for.
fn unescaped(character: char) -> char {
    match character {
        '0' => '\0',
        'b' => '\u{8}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'Z' => '\u{1a}',
        other => other,
    }
}

fn backquoted(query: &str) -> Result<(Token, &str), Error> {
    let (name, rest) = query[1..].split_once('`').ok_or_else(|| malformed("name without an end"))?;
    Ok((Token::Name(name.to_owned()), rest))
}

fn plain(query: &str, first: char) -> Result<(Token, &str), Error> {
    if let Some(symbol) = SYMBOLS.iter().find(|symbol| query.starts_with(**symbol)) {
        return Ok((Token::Symbol(symbol), &query[symbol.len()..]));
    }
    let signed = query.strip_prefix(['-', '+']).unwrap_or(query);
    let is_number = signed.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let is_part = |c: char| match is_number {
        true => c.is_ascii_alphanumeric() || c == '.',
        false => c.is_alphanumeric() || "_@$.".contains(c),
    };
    let start = if is_number { query.len() - signed.len() } else { 0 };
    let end = query[start..].find(|c| !is_part(c)).map_or(query.len(), |end| start + end);
    if end == 0 {
        return Err(malformed(&format!("unexpected '{first}'")));
    }
    let word = query[..end].to_owned();
    Ok((if is_number { Token::Number(word) } else { Token::Word(word) }, &query[end..]))
}
