//! The annotations of the protocol, as rules: which request of HTTP is which call.

use host_wire::{HTTP_RULES, descriptor_pool};
use http::{Method, uri::PathAndQuery};
use prost_reflect::MessageDescriptor;

use crate::template::{Segment, Template, TemplateError};

/// A form of a call in HTTP. Most calls have two or more.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) method: Method,
    pub(crate) template: Template,
    pub(crate) body: BodyOf,
    pub(crate) call: Call,
}

/// What the body of a request says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BodyOf {
    /// Nothing: what the path does not say, the query does.
    Nothing,
    /// All that the path does not say; the query says nothing.
    Message,
    /// One field; the query says the rest.
    Field(String),
}

/// A call of a service.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Where gRPC has it: `/package.Service/Call`.
    pub(crate) path: PathAndQuery,
    pub(crate) request: MessageDescriptor,
    pub(crate) response: MessageDescriptor,
}

/// Annotations that do not fit the descriptor, or are not understood.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RuleError {
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error("{0}: a rule is a call, a method, a path, and perhaps a body")]
    Line(String),
    #[error("{0}: the descriptor has no such call")]
    Call(String),
    #[error("{message} has no field {field}")]
    Field { message: String, field: String },
}

/// The rules of the protocol.
///
/// # Errors
///
/// When one cannot be followed.
pub(crate) fn rules() -> Result<Vec<Rule>, RuleError> {
    HTTP_RULES.lines().map(Rule::parse).collect()
}

impl Rule {
    fn parse(line: &str) -> Result<Self, RuleError> {
        let wrong = || RuleError::Line(line.to_owned());
        let words: Vec<&str> = line.split_whitespace().collect();
        let (name, method, template, body) = match words[..] {
            [name, method, template] => (name, method, template, BodyOf::Nothing),
            [name, method, template, "*"] => (name, method, template, BodyOf::Message),
            [name, method, template, field] => (name, method, template, BodyOf::Field(field.to_owned())),
            _ => return Err(wrong()),
        };
        let rule = Self {
            method: method.parse().map_err(|_| wrong())?,
            template: Template::parse(template)?,
            body,
            call: Call::find(name)?,
        };
        rule.check_fields()?;
        Ok(rule)
    }

    /// The paths of the fields that the path of a request says.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.template.0.iter().filter_map(|segment| match segment {
            Segment::Literal(_) => None,
            Segment::Variable(field) => Some(field.as_str()),
        })
    }

    fn check_fields(&self) -> Result<(), RuleError> {
        let of_body = match &self.body {
            BodyOf::Field(field) => Some(field.as_str()),
            _ => None,
        };
        for path in self.variables().chain(of_body) {
            let mut message = Some(self.call.request.clone());
            for name in path.split('.') {
                let field = message.as_ref().and_then(|message| message.get_field_by_name(name));
                let Some(field) = field else {
                    let message = self.call.request.full_name().to_owned();
                    return Err(RuleError::Field { message, field: path.to_owned() });
                };
                message = field.kind().as_message().cloned();
            }
        }
        Ok(())
    }
}

impl Call {
    /// A call by its name, `package.Service/Call`.
    fn find(name: &str) -> Result<Self, RuleError> {
        let unknown = || RuleError::Call(name.to_owned());
        let (service, call) = name.split_once('/').ok_or_else(unknown)?;
        let service = descriptor_pool().get_service_by_name(service).ok_or_else(unknown)?;
        let method = service.methods().find(|method| method.name() == call).ok_or_else(unknown)?;
        let path = format!("/{name}").parse().map_err(|_| unknown())?;
        Ok(Self { path, request: method.input(), response: method.output() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_fit_the_descriptor() {
        let rules = rules().unwrap();
        assert!(rules.len() > 200);
        assert!(rules.iter().all(|rule| [Method::GET, Method::POST, Method::DELETE].contains(&rule.method)));
    }

    #[test]
    fn rules_that_do_not_fit() {
        const CALL: &str = "temporal.api.workflowservice.v1.WorkflowService/ListNamespaces";
        let check = |rest: &str, expected: Option<&str>| {
            let error = Rule::parse(&format!("{CALL}{rest}")).err().map(|error| error.to_string());
            assert_eq!(error.as_deref().map(|error| error.replace(CALL, "")).as_deref(), expected, "{rest}");
        };
        let message = "temporal.api.workflowservice.v1.ListNamespacesRequest";
        check(" GET /a/{namespace_filter.include_deleted}", None);
        check(" GET /a namespace_filter", None);
        check(" GET", Some(" GET: a rule is a call, a method, a path, and perhaps a body"));
        check("X GET /a", Some("X: the descriptor has no such call"));
        check(" GET /{id}", Some(&format!("{message} has no field id")));
        check(" GET /{page_size.id}", Some(&format!("{message} has no field page_size.id")));
        check(" POST /a id", Some(&format!("{message} has no field id")));
    }
}
