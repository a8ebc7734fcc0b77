//! Templates of paths, such as `/namespaces/{namespace}/workflows/{execution.workflow_id}`: of the grammar in
//! `google/api/http.proto`, what the protocol uses. A variable stands for one segment.

/// A template of paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(pub(crate) Vec<Segment>);

/// What stands between two slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// This text.
    Literal(String),
    /// Any text: the value of the field at this path.
    Variable(String),
}

/// A template that is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{template}: a path is segments that are words or `{{field.path}}`, each behind a slash")]
pub(crate) struct TemplateError {
    template: String,
}

impl Template {
    /// # Errors
    ///
    /// When it has something else than words and variables, such as wildcards.
    pub(crate) fn parse(template: &str) -> Result<Self, TemplateError> {
        let wrong = || TemplateError { template: template.to_owned() };
        let segments = template.strip_prefix('/').ok_or_else(wrong)?.split('/');
        segments.map(|segment| Segment::parse(segment).ok_or_else(wrong)).collect::<Result<_, _>>().map(Self)
    }
}

impl Segment {
    fn parse(segment: &str) -> Option<Self> {
        let is_word = |text: &str, more: &[u8]| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
        };
        if is_word(segment, b"-_") {
            return Some(Self::Literal(segment.to_owned()));
        }
        let variable = segment.strip_prefix('{')?.strip_suffix('}')?;
        let is_path = variable.split('.').all(|field| is_word(field, b"_"));
        is_path.then(|| Self::Variable(variable.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `expected` is the template in words: literals as they are, variables with an equals sign before them.
    #[track_caller]
    fn check(template: &str, expected: Option<&str>) {
        let parsed = Template::parse(template).ok().map(|Template(segments)| {
            let words = segments.into_iter().map(|segment| match segment {
                Segment::Literal(text) => text,
                Segment::Variable(field) => format!("={field}"),
            });
            words.collect::<Vec<_>>().join(" ")
        });
        assert_eq!(parsed.as_deref(), expected, "{template}");
    }

    #[test]
    fn templates() {
        check("/system-info", Some("system-info"));
        check("/api/v1/namespaces/{namespace}", Some("api v1 namespaces =namespace"));
        check("/a/{execution.workflow_id}/b_c", Some("a =execution.workflow_id b_c"));
        for wrong in [
            "",
            "a",
            "/",
            "/a/",
            "//a",
            "/a/{}",
            "/{a",
            "/a}",
            "/{a.}",
            "/{a=*}",
            "/*",
            "/**",
            "/a:verb",
            "/{a}:verb",
        ] {
            check(wrong, None);
        }
    }
}
