//! Reads the imports, definitions and paths of a module. Items under `#[cfg(test)]` are ignored.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::path::Path;
use std::str::FromStr as _;

use proc_macro2::token_stream::IntoIter;
use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};

/// The name of a glob import.
pub(crate) const GLOB: &str = "*";

/// A name that a `use` item imports.
#[derive(Debug)]
pub(crate) struct Import {
    /// The name in this module, or [`GLOB`].
    pub(crate) name: String,
    pub(crate) path: Vec<String>,
    /// Whether the `use` item has a visibility, so that it is a re-export.
    pub(crate) is_public: bool,
}

/// The items of a module.
#[derive(Debug, Default)]
pub(crate) struct Items {
    pub(crate) imports: Vec<Import>,
    /// The names of the items that it defines.
    pub(crate) defined: BTreeSet<String>,
    /// Paths in its code that begin with `crate`, `self` or `super`.
    pub(crate) paths: Vec<Vec<String>>,
    /// All identifiers outside of its `use` items.
    pub(crate) mentioned: BTreeSet<String>,
    /// The modules that are declared with `mod name;`.
    pub(crate) child_files: Vec<String>,
    /// The modules that are declared with `mod name { … }`.
    pub(crate) child_blocks: Vec<(String, Items)>,
}

type Tokens = Peekable<IntoIter>;

impl Items {
    /// Reads a file.
    pub(crate) fn read(file: &Path) -> Self {
        let text =
            std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let tokens =
            TokenStream::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        Self::of(tokens)
    }

    fn of(tokens: TokenStream) -> Self {
        let mut items = Self::default();
        let mut tokens = tokens.into_iter().peekable();
        let (mut is_test, mut is_public) = (false, false);
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    is_test |= attribute_is_test(&mut tokens)
                }
                TokenTree::Ident(word) => {
                    let word = word.to_string();
                    match word.as_str() {
                        "pub" => {
                            is_public = true;
                            // `pub(crate)`
                            tokens.next_if(|next| matches!(next, TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis));
                            continue;
                        }
                        _ if is_test => skip_item(&word, &mut tokens),
                        "use" => items.use_item(&mut tokens, is_public),
                        "mod" => items.module(&mut tokens),
                        _ => items.code(word, &mut tokens, true),
                    }
                    (is_test, is_public) = (false, false);
                }
                TokenTree::Group(group) => items.nested(&group),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
        items
    }

    fn module(&mut self, tokens: &mut Tokens) {
        let Some(name) = word(tokens) else { return };
        match tokens.next() {
            Some(TokenTree::Group(group)) => self.child_blocks.push((name, Self::of(group.stream()))),
            _ => self.child_files.push(name),
        }
    }

    fn use_item(&mut self, tokens: &mut Tokens, is_public: bool) {
        let tree = tokens.by_ref().take_while(|token| !is_punct(token, ';')).collect();
        self.use_tree(tree, &[], is_public);
    }

    /// Adds the imports of use trees that are separated by commas and share a prefix.
    fn use_tree(&mut self, tree: TokenStream, prefix: &[String], is_public: bool) {
        let mut path = prefix.to_vec();
        let mut name = None;
        // A trailing comma is no import of the prefix; `self` is one.
        let mut is_self = false;
        let mut tokens = tree.into_iter().peekable();
        loop {
            match tokens.next() {
                Some(TokenTree::Ident(ident)) if ident == "as" => name = word(&mut tokens),
                Some(TokenTree::Ident(ident)) if ident == "self" && path.len() > prefix.len() => {}
                Some(TokenTree::Ident(ident)) if ident == "self" && !prefix.is_empty() => is_self = true,
                Some(TokenTree::Ident(ident)) => path.push(ident.to_string()),
                Some(TokenTree::Punct(punct)) if punct.as_char() == '*' => path.push(GLOB.to_owned()),
                Some(TokenTree::Group(group)) => {
                    self.use_tree(group.stream(), &path, is_public);
                    path.clear();
                }
                Some(TokenTree::Punct(punct)) if punct.as_char() == ':' => {}
                end => {
                    if let Some(last) = path.last().filter(|_| is_self || path.len() > prefix.len()) {
                        let name = name.take().unwrap_or_else(|| last.clone());
                        self.imports.push(Import { name, path: path.clone(), is_public });
                    }
                    path = prefix.to_vec();
                    is_self = false;
                    if end.is_none() {
                        return;
                    }
                }
            }
        }
    }

    /// Adds the definition, the path or the identifier that begins with `first`.
    fn code(&mut self, first: String, tokens: &mut Tokens, at_item_level: bool) {
        const DEFINING: &[&str] = &["struct", "enum", "union", "trait", "type", "fn", "const", "static"];
        if at_item_level && first == "macro_rules" {
            tokens.next();
        }
        if at_item_level
            && (DEFINING.contains(&first.as_str()) || first == "macro_rules")
            && let Some(TokenTree::Ident(name)) = tokens.peek()
        {
            self.defined.insert(name.to_string());
        }
        if matches!(first.as_str(), "crate" | "self" | "super") {
            let mut path = vec![first.clone()];
            while let Some(name) = path_segment(tokens) {
                path.push(name);
            }
            if path.len() > 1 {
                self.paths.push(path);
            }
        }
        self.mentioned.insert(first);
    }

    fn nested(&mut self, group: &Group) {
        let mut tokens = group.stream().into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Ident(word) => self.code(word.to_string(), &mut tokens, false),
                TokenTree::Group(group) => self.nested(&group),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
}

/// Consumes `::name`, if it is next.
fn path_segment(tokens: &mut Tokens) -> Option<String> {
    let mut ahead = tokens.clone();
    let colons = [ahead.next(), ahead.next()];
    if !colons.iter().flatten().all(|token| is_punct(token, ':')) {
        return None;
    }
    let name = word(&mut ahead)?;
    *tokens = ahead;
    Some(name)
}

fn word(tokens: &mut Tokens) -> Option<String> {
    match tokens.peek()? {
        TokenTree::Ident(ident) => {
            let name = Ident::to_string(ident);
            tokens.next();
            Some(name)
        }
        _ => None,
    }
}

/// Consumes the rest of an attribute. Returns whether it is `#[cfg(test)]`.
fn attribute_is_test(tokens: &mut Tokens) -> bool {
    tokens.next_if(|token| is_punct(token, '!'));
    match tokens.next() {
        Some(TokenTree::Group(group)) => {
            let text = group.stream().to_string();
            text.replace(' ', "").starts_with("cfg(test") || text.replace(' ', "").starts_with("cfg(all(test")
        }
        _ => false,
    }
}

/// Consumes the rest of an item that begins with `first`.
fn skip_item(first: &str, tokens: &mut Tokens) {
    for token in tokens {
        let is_block = matches!(&token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
        if is_punct(&token, ';') || (is_block && first != "use") {
            return;
        }
    }
}

fn is_punct(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}
