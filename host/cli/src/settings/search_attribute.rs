//! Search attributes and their types on the command line.

use anyhow::Context as _;
use host_wire::temporal::api::enums::v1::IndexedValueType as Kind;

/// The types, by the names that the `temporal` CLI has for them.
pub(crate) const KINDS: [(&str, Kind); 7] = [
    ("Text", Kind::Text),
    ("Keyword", Kind::Keyword),
    ("Int", Kind::Int),
    ("Double", Kind::Double),
    ("Bool", Kind::Bool),
    ("Datetime", Kind::Datetime),
    ("KeywordList", Kind::KeywordList),
];

/// A search attribute and its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SearchAttribute {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// Reads `NAME=TYPE`. For clap.
pub(crate) fn parse(text: &str) -> anyhow::Result<SearchAttribute> {
    let (name, kind) = text.split_once('=').context("expected NAME=TYPE")?;
    anyhow::ensure!(!name.is_empty(), "the name before `=` is empty");
    Ok(SearchAttribute { name: name.to_owned(), kind: parse_kind(kind)? })
}

/// Reads the name of a type, in any case. For clap.
pub(crate) fn parse_kind(text: &str) -> anyhow::Result<Kind> {
    let found = KINDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    let (_, kind) =
        found.with_context(|| format!("`{text}` is none of {}", KINDS.map(|(name, _)| name).join(", ")))?;
    Ok(*kind)
}

/// The name of a type.
pub(crate) fn kind_name(kind: Kind) -> &'static str {
    KINDS.iter().find(|(_, known)| *known == kind).map_or("Unspecified", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_types() {
        let said = |text: &str| match parse(text) {
            Ok(SearchAttribute { name, kind }) => format!("{name} {}", kind_name(kind)),
            Err(error) => error.to_string(),
        };
        assert_eq!(said("Colour=Keyword"), "Colour Keyword");
        assert_eq!(said("Colours=keywordlist"), "Colours KeywordList");
        assert_eq!(said("Colour"), "expected NAME=TYPE");
        assert_eq!(said("=Int"), "the name before `=` is empty");
        assert!(said("Colour=Red").starts_with("`Red` is none of Text, Keyword"));
    }
}
