//! The forms of JSON that a client may ask for: indented or not, payloads short or long.

use host_wire::protojson::WriteOptions;
use http::{
    HeaderMap, HeaderValue,
    header::{ACCEPT, CONTENT_TYPE},
};

const JSON: &str = "application/json";
const PRETTY: &str = "pretty";
const LONG_PAYLOADS: &str = "no-payload-shorthand";
/// The same as a parameter of the query.
const LONG_PAYLOADS_PARAMETER: &str = "noPayloadShorthand";

/// A form of JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) pretty: bool,
    pub(crate) long_payloads: bool,
}

impl Form {
    /// That of the body of a request, by its content type.
    pub(crate) fn of_request(headers: &HeaderMap) -> Self {
        Self::named(headers, &CONTENT_TYPE).unwrap_or_default()
    }

    /// That of the answer: what the query asks for, what the client accepts, or that of the request.
    pub(crate) fn of_answer(headers: &HeaderMap, query: &str) -> Self {
        let asked =
            |parameter: &str| form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == parameter);
        let asked = Self { pretty: asked(PRETTY), long_payloads: asked(LONG_PAYLOADS_PARAMETER) };
        if asked != Self::default() {
            return asked;
        }
        Self::named(headers, &ACCEPT).unwrap_or_else(|| Self::of_request(headers))
    }

    /// The first of the media types in a header that is one of JSON.
    fn named(headers: &HeaderMap, name: &http::HeaderName) -> Option<Self> {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        let mut types = values.flat_map(|value| value.split(',')).filter_map(|each| each.split(';').next());
        types.find_map(|each| Self::parse(each.trim()))
    }

    fn parse(media_type: &str) -> Option<Self> {
        let mut parts = media_type.split('+');
        if !parts.next()?.eq_ignore_ascii_case(JSON) {
            return None;
        }
        let mut form = Self::default();
        for part in parts {
            match part {
                PRETTY => form.pretty = true,
                LONG_PAYLOADS => form.long_payloads = true,
                _ => return None,
            }
        }
        Some(form)
    }

    /// The content type of an answer in this form.
    pub(crate) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match (self.pretty, self.long_payloads) {
            (false, false) => "application/json",
            (true, false) => "application/json+pretty",
            (false, true) => "application/json+no-payload-shorthand",
            (true, true) => "application/json+pretty+no-payload-shorthand",
        })
    }

    pub(crate) fn write_options(self) -> WriteOptions {
        WriteOptions { one_line: !self.pretty, shorthand_payloads: !self.long_payloads }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `expected` is the content type of the answer.
    #[track_caller]
    fn check(accept: Option<&'static str>, content_type: Option<&'static str>, query: &str, expected: &str) {
        let mut headers = HeaderMap::new();
        for (name, value) in [(ACCEPT, accept), (CONTENT_TYPE, content_type)] {
            if let Some(value) = value {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
        assert_eq!(Form::of_answer(&headers, query).content_type(), expected);
    }

    #[test]
    fn what_clients_ask_for() {
        check(None, None, "", "application/json");
        check(Some("*/*"), Some("application/x-www-form-urlencoded"), "a=pretty", "application/json");
        check(Some("text/html, application/json+pretty;q=0.9"), None, "", "application/json+pretty");
        check(Some("application/json"), Some("application/json+pretty"), "", "application/json");
        check(Some("application/json+odd"), Some("application/json+pretty"), "", "application/json+pretty");
        check(None, None, "x=1&pretty", "application/json+pretty");
        let long = "application/json+no-payload-shorthand";
        check(Some(long), None, "", long);
        check(None, None, "noPayloadShorthand=", long);
        let both = "application/json+pretty+no-payload-shorthand";
        check(Some("application/json"), None, "noPayloadShorthand&pretty", both);
        check(Some("application/json+no-payload-shorthand+pretty"), None, "", both);
    }

    #[test]
    fn bodies_are_read_as_they_say() {
        let mut headers = HeaderMap::new();
        assert_eq!(Form::of_request(&headers), Form::default());
        let value = "application/json+no-payload-shorthand; charset=utf-8";
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
        assert!(Form::of_request(&headers).long_payloads);
    }
}
