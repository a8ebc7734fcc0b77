//! From a request of HTTP to a call with its message, and from the call's answer to JSON. Without I/O.

use bytes::Bytes;
use host_wire::protojson::{JsonError, ReadOptions, dynamic_from_json, dynamic_to_json};
use http::{HeaderMap, Method, Uri};
use prost::Message as _;
use prost_reflect::DynamicMessage;
use serde_json::{Value, json};
use tonic::Status;

use crate::{
    form::Form,
    parameters,
    routes::{Missing, Routes},
    rules::{BodyOf, Call, Rule, RuleError, rules},
};

/// All that there is to know about the calls of the protocol.
#[derive(Debug)]
pub(crate) struct Transcoder {
    routes: Routes,
}

/// A call with its message.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) call: &'a Call,
    pub(crate) message: DynamicMessage,
}

impl Transcoder {
    /// # Errors
    ///
    /// When annotations cannot be followed.
    pub(crate) fn new() -> Result<Self, RuleError> {
        let rules = rules()?.into_iter();
        Ok(Self { routes: Routes::new(rules.map(|rule| (rule.method.clone(), rule.template.clone(), rule))) })
    }

    /// The call that a request asks for.
    ///
    /// # Errors
    ///
    /// NOT_FOUND or UNIMPLEMENTED when it asks for none, as Temporal's server answers; INVALID_ARGUMENT when path, query or
    /// body do not fit its message.
    pub(crate) fn outgoing(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Outgoing<'_>, Status> {
        let found = self.routes.find(method, uri.path()).map_err(|missing| match missing {
            Missing::Path => Status::not_found("Not Found"),
            Missing::Method => Status::unimplemented("Method Not Allowed"),
            Missing::Encoding => Status::invalid_argument("the path is no UTF-8 text in percent encoding"),
        })?;
        let rule = found.rule;
        let mut message = rule.body(body, Form::of_request(headers))?;
        for (field, text) in rule.variables().zip(&found.variables) {
            let set = parameters::set(&mut message, field, text);
            set.map_err(|wrong| {
                Status::invalid_argument(format!("type mismatch, parameter: {field}, error: {wrong}"))
            })?;
        }
        if rule.body != BodyOf::Message {
            let mut said: Vec<&str> = rule.variables().collect();
            if let BodyOf::Field(field) = &rule.body {
                said.push(field);
            }
            let set = parameters::set_query(&mut message, uri.query().unwrap_or_default(), &said);
            set.map_err(Status::invalid_argument)?;
        }
        Ok(Outgoing { call: &rule.call, message })
    }
}

impl Rule {
    /// The message, as far as the body says it.
    fn body(&self, body: &[u8], form: Form) -> Result<DynamicMessage, Status> {
        let is_empty = body.trim_ascii().is_empty();
        if is_empty || self.body == BodyOf::Nothing {
            return Ok(DynamicMessage::new(self.call.request.clone()));
        }
        let json: Value = serde_json::from_slice(body).map_err(|error| mistake(&JsonError::Syntax(error)))?;
        let json = match &self.body {
            BodyOf::Field(field) => json!({ field.as_str(): json }),
            _ => json,
        };
        let options = ReadOptions { shorthand_payloads: !form.long_payloads, deny_unknown_fields: true };
        dynamic_from_json(&self.call.request, json, options).map_err(|error| mistake(&error))
    }
}

impl Outgoing<'_> {
    /// The message as gRPC has it.
    pub(crate) fn encoded(&self) -> Bytes {
        self.message.encode_to_vec().into()
    }
}

/// The answer of a call as JSON.
///
/// # Errors
///
/// INTERNAL, when it has no JSON form.
pub(crate) fn answered(call: &Call, answer: Bytes, form: Form) -> Result<String, Status> {
    let unwritable = |error: &dyn std::error::Error| {
        Status::internal(format!("the answer has no form in JSON: {}", with_sources(error)))
    };
    let message =
        DynamicMessage::decode(call.response.clone(), answer).map_err(|error| unwritable(&error))?;
    dynamic_to_json(&message, form.write_options()).map_err(|error| unwritable(&error))
}

fn mistake(error: &JsonError) -> Status {
    Status::invalid_argument(with_sources(error))
}

fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use host_wire::protojson::WriteOptions;
    use http::header::CONTENT_TYPE;

    use super::*;

    /// What a request, such as `GET /path?query`, becomes: a call and its message in long JSON, or a refusal.
    fn check(request: &str, body: &str, expected: Expect) {
        check_as("application/json", request, body, expected);
    }

    fn check_as(content_type: &'static str, request: &str, body: &str, expected: Expect) {
        let (method, uri) = request.split_once(' ').unwrap();
        let headers = [(CONTENT_TYPE, content_type.parse().unwrap())].into_iter().collect();
        let transcoder = Transcoder::new().unwrap();
        let made =
            transcoder.outgoing(&method.parse().unwrap(), &uri.parse().unwrap(), &headers, body.as_bytes());
        expected.assert_eq(&match made {
            Ok(made) => {
                let options = WriteOptions { one_line: true, ..WriteOptions::default() };
                let call = made.call.path.path().rsplit('/').next().unwrap();
                format!("{call} {}", dynamic_to_json(&made.message, options).unwrap())
            }
            Err(status) => format!("{:?}: {}", status.code(), status.message()),
        });
    }

    #[test]
    fn a_start() {
        let body = r#"{"workflowType": {"name": "T"}, "task_queue": {"name": "q"}, "input": ["World"],
                       "workflowId": "of the body", "workflowIdReusePolicy": "RejectDuplicate"}"#;
        check(
            "POST /api/v1/namespaces/default/workflows/a%2Fb?requestId=not%20read",
            body,
            expect![[
                r#"StartWorkflowExecution {"namespace":"default","workflowId":"a/b","workflowType":{"name":"T"},"taskQueue":{"name":"q"},"input":{"payloads":[{"metadata":{"encoding":"anNvbi9wbGFpbg=="},"data":"IldvcmxkIg=="}]},"workflowIdReusePolicy":"WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE"}"#
            ]],
        );
    }

    #[test]
    fn payloads_in_long_form_only() {
        let uri = "POST /namespaces/n/workflows/w/signal/s";
        check_as(
            "application/json+no-payload-shorthand",
            uri,
            r#"{"input": ["World"]}"#,
            expect!["InvalidArgument: unexpected value at `input`: invalid type: sequence, expected a map"],
        );
        check_as(
            "application/json+no-payload-shorthand",
            uri,
            r#"{"input": {"payloads": []}}"#,
            expect![[
                r#"SignalWorkflowExecution {"namespace":"n","workflowExecution":{"workflowId":"w"},"signalName":"s","input":{}}"#
            ]],
        );
    }

    #[test]
    fn paths_and_queries() {
        check(
            "GET /api/v1/namespaces/default/workflows/w/history?execution.runId=r&waitNewEvent=true&namespace=other",
            "",
            expect![[
                r#"GetWorkflowExecutionHistory {"namespace":"default","execution":{"workflowId":"w","runId":"r"},"waitNewEvent":true}"#
            ]],
        );
        check(
            "GET /cluster/namespaces/default?id=7&pretty",
            "not read",
            expect![[r#"DescribeNamespace {"namespace":"default","id":"7"}"#]],
        );
        check(
            "POST /namespaces/n/workflows/w/query/q",
            "",
            expect![[
                r#"QueryWorkflow {"namespace":"n","execution":{"workflowId":"w"},"query":{"queryType":"q"}}"#
            ]],
        );
        check(
            "DELETE /api/v1/nexus/endpoints/e?version=3",
            "",
            expect![[r#"DeleteNexusEndpoint {"id":"e","version":"3"}"#]],
        );
        check("GET /system-info", "", expect!["GetSystemInfo {}"]);
    }

    #[test]
    fn mistakes() {
        let uri = "POST /namespaces/n/workflows/w";
        check(
            uri,
            "{",
            expect!["InvalidArgument: malformed JSON: EOF while parsing an object at line 1 column 1"],
        );
        check(
            uri,
            "[]",
            expect!["InvalidArgument: unexpected value at `.`: invalid type: sequence, expected a map"],
        );
        check(
            uri,
            r#"{"input": 7}"#,
            expect![
                "InvalidArgument: unexpected value at `input`: invalid type: integer `7`, expected a map"
            ],
        );
        check(
            uri,
            r#"{"inputs": []}"#,
            expect!["InvalidArgument: unexpected value at `.`: unrecognized field name 'inputs'"],
        );
        check(
            uri,
            r#"{"taskQueue": {"kind": "Quick"}}"#,
            expect!["InvalidArgument: unexpected value at `taskQueue.kind`: unrecognized enum value 'Quick'"],
        );
        check(
            "GET /namespaces/n/workflows?pageSize=x",
            "",
            expect![[r#"InvalidArgument: parsing field "page_size": "x" is not a valid value"#]],
        );
        check(
            "GET /namespaces/%ff/workflows",
            "",
            expect!["InvalidArgument: the path is no UTF-8 text in percent encoding"],
        );
        check("GET /api/v2/namespaces", "", expect!["NotFound: Not Found"]);
        check("PUT /api/v1/namespaces", "", expect!["Unimplemented: Method Not Allowed"]);
    }
}
