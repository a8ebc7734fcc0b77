//! From the path of a request to the rule that it follows.

use std::{borrow::Cow, collections::BTreeMap};

use http::Method;
use percent_encoding::percent_decode_str;

use crate::{
    rules::Rule,
    template::{Segment, Template},
};

/// The rules as a tree of segments. Where a word and a variable both stand for a segment, the word goes first.
#[derive(Debug)]
pub(crate) struct Routes<R = Rule> {
    root: Node<R>,
}

#[derive(Debug)]
struct Node<R> {
    literals: BTreeMap<String, Node<R>>,
    variable: Option<Box<Node<R>>>,
    /// What ends here, by method.
    rules: BTreeMap<String, R>,
}

/// A rule, and what the path says: a text for each variable, in the order of the template.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found<'a, R = Rule> {
    pub(crate) rule: &'a R,
    pub(crate) variables: Vec<String>,
}

/// Why no rule fits a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// No rule has such a path.
    Path,
    /// Rules for this path have other methods.
    Method,
    /// The path is no text in percent encoding.
    Encoding,
}

impl<R> Default for Node<R> {
    fn default() -> Self {
        Self { literals: BTreeMap::new(), variable: None, rules: BTreeMap::new() }
    }
}

impl<R> Routes<R> {
    /// A tree of rules. Of two with the same method and paths, the later one stays.
    pub(crate) fn new(rules: impl IntoIterator<Item = (Method, Template, R)>) -> Self {
        let mut root = Node::default();
        for (method, Template(segments), rule) in rules {
            let mut node = &mut root;
            for segment in segments {
                node = match segment {
                    Segment::Literal(text) => node.literals.entry(text).or_default(),
                    Segment::Variable(_) => node.variable.get_or_insert_default(),
                };
            }
            node.rules.insert(method.to_string(), rule);
        }
        Self { root }
    }

    /// The rule for a request. A segment is decoded by itself, so that one with `%2F` has a slash in it.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Result<Found<'_, R>, Missing> {
        let segments = path.strip_prefix('/').ok_or(Missing::Path)?.split('/');
        let segments: Vec<Cow<'_, str>> = segments.map(decode).collect::<Result<_, _>>()?;
        let mut variables = Vec::new();
        let mut other_methods = false;
        let rule = self.root.find(method, &segments, &mut variables, &mut other_methods);
        match rule {
            Some(rule) => Ok(Found { rule, variables }),
            None if other_methods => Err(Missing::Method),
            None => Err(Missing::Path),
        }
    }
}

impl<R> Node<R> {
    fn find(
        &self,
        method: &Method,
        segments: &[Cow<'_, str>],
        variables: &mut Vec<String>,
        other_methods: &mut bool,
    ) -> Option<&R> {
        let Some((first, rest)) = segments.split_first() else {
            let rule = self.rules.get(method.as_str());
            *other_methods |= rule.is_none() && !self.rules.is_empty();
            return rule;
        };
        if let Some(node) = self.literals.get(first.as_ref())
            && let Some(rule) = node.find(method, rest, variables, other_methods)
        {
            return Some(rule);
        }
        let node = self.variable.as_ref()?;
        variables.push(first.clone().into_owned());
        let rule = node.find(method, rest, variables, other_methods);
        if rule.is_none() {
            variables.pop();
        }
        rule
    }
}

fn decode(segment: &str) -> Result<Cow<'_, str>, Missing> {
    let mut escapes = segment.split('%').skip(1);
    let is_escape =
        |text: &str| text.len() >= 2 && text.bytes().take(2).all(|digit| digit.is_ascii_hexdigit());
    if !escapes.all(is_escape) {
        return Err(Missing::Encoding);
    }
    percent_decode_str(segment).decode_utf8().map_err(|_| Missing::Encoding)
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::rules::rules;

    fn routes(templates: &[&'static str]) -> Routes<String> {
        Routes::new(templates.iter().map(|line| {
            let (method, template) = line.split_once(' ').unwrap();
            (method.parse().unwrap(), Template::parse(template).unwrap(), (*line).to_owned())
        }))
    }

    /// Looks a request up; expects the template, and the variables behind it.
    #[track_caller]
    fn check(templates: &[&'static str], request: &str, expected: Result<&str, Missing>) {
        let (method, path) = request.split_once(' ').unwrap();
        let routes = routes(templates);
        let found = routes.find(&method.parse().unwrap(), path);
        let found =
            found.map(|found| [std::slice::from_ref(found.rule), &found.variables].concat().join(" "));
        assert_eq!(found, expected.map(str::to_owned), "{request}");
    }

    const SOME: &[&str] = &[
        "GET /a",
        "POST /a",
        "GET /a/{x}",
        "GET /a/b",
        "POST /a/{x}/c",
        "GET /a/b/{x}",
        "DELETE /{x}/{y}/c",
    ];

    #[test]
    fn words_go_before_variables() {
        check(SOME, "GET /a", Ok("GET /a"));
        check(SOME, "POST /a", Ok("POST /a"));
        check(SOME, "GET /a/b", Ok("GET /a/b"));
        check(SOME, "GET /a/q", Ok("GET /a/{x} q"));
        check(SOME, "GET /a/b/c", Ok("GET /a/b/{x} c"));
        check(SOME, "POST /a/b/c", Ok("POST /a/{x}/c b"));
        check(SOME, "DELETE /a/b/c", Ok("DELETE /{x}/{y}/c a b"));
        check(SOME, "GET /a/", Ok("GET /a/{x} "));
    }

    #[test]
    fn segments_are_decoded_one_by_one() {
        check(SOME, "GET /a/q%2Fr%20%C3%A9", Ok("GET /a/{x} q/r é"));
        check(SOME, "GET /%61/%62", Ok("GET /a/b"));
        for malformed in ["GET /a/%", "GET /a/%4", "GET /a/%zz", "GET /a/%ff"] {
            check(SOME, malformed, Err(Missing::Encoding));
        }
    }

    #[test]
    fn what_there_is_not() {
        check(SOME, "GET /", Err(Missing::Path));
        check(SOME, "GET /b", Err(Missing::Path));
        check(SOME, "GET /a/b/c/d", Err(Missing::Path));
        check(SOME, "PUT /a", Err(Missing::Method));
        check(SOME, "GET /z/z/c", Err(Missing::Method));
        check(SOME, "GET *", Err(Missing::Path));
    }

    #[test]
    fn each_rule_of_the_protocol_has_paths_of_its_own() {
        let lines = |rule: &Rule| format!("{} {:?}", rule.method, rule.template);
        let rules = rules().unwrap();
        let routes =
            Routes::new(rules.iter().map(|rule| (rule.method.clone(), rule.template.clone(), lines(rule))));
        for rule in &rules {
            let segments = rule.template.0.iter().map(|segment| match segment {
                Segment::Literal(text) => text.clone(),
                Segment::Variable(field) => format!("of%20{field}"),
            });
            let path: String = segments.map(|segment| format!("/{segment}")).collect();
            let found = routes.find(&rule.method, &path).unwrap();
            assert_eq!(found.rule, &lines(rule), "{path}");
            let expected: Vec<String> = rule.variables().map(|field| format!("of {field}")).collect();
            assert_eq!(found.variables, expected, "{path}");
        }
    }

    /// A word or a variable, and the text that stands for it in a path.
    fn segment() -> impl Strategy<Value = (Segment, String)> {
        prop_oneof![
            "[a-z][a-z0-9-]{0,6}".prop_map(|word: String| (Segment::Literal(word.clone()), word)),
            any::<String>().prop_map(|text| (Segment::Variable("field".to_owned()), text)),
        ]
    }

    proptest! {
        #[test]
        fn a_path_says_what_was_put_into_it(segments in vec(segment(), 1..8)) {
            let (template, texts): (Vec<_>, Vec<_>) = segments.into_iter().unzip();
            let path: String =
                texts.iter().map(|text| format!("/{}", utf8_percent_encode(text, NON_ALPHANUMERIC))).collect();
            let are_variables = template.iter().map(|segment| matches!(segment, Segment::Variable(_)));
            let expected: Vec<String> = texts
                .iter()
                .zip(are_variables)
                .filter(|(_, is_variable)| *is_variable)
                .map(|(text, _)| text.clone())
                .collect();
            let routes = Routes::new([(Method::GET, Template(template), ())]);
            prop_assert_eq!(routes.find(&Method::GET, &path), Ok(Found { rule: &(), variables: expected }));
            prop_assert_eq!(routes.find(&Method::POST, &path), Err(Missing::Method));
            prop_assert_eq!(routes.find(&Method::GET, &format!("{path}/more")), Err(Missing::Path));
        }
    }
}
