//! What a check found.

use crate::output::{
    escape::{Place, escape},
    json::Object,
};

/// Columns of the longest name, `wasm32-wasip2`.
const NAME_COLUMNS: usize = 13;

/// How a check ended, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Status {
    /// As it should be.
    Ok,
    /// It works, with a drawback; or something is not there that only some need.
    Warning,
    /// Something would not work.
    Failed,
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) name: &'static str,
    pub(super) status: Status,
    /// What was found.
    pub(super) found: String,
    /// What to do about it; empty where there is nothing to do.
    pub(super) cure: String,
}

impl Status {
    fn text(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }

    /// The name in JSON, where constants are in capitals as in the protocol.
    pub(super) fn json(self) -> String {
        self.text().to_uppercase()
    }
}

impl Finding {
    pub(super) fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, status: Status::Ok, found: found.into(), cure: String::new() }
    }

    pub(super) fn warning(name: &'static str, found: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { name, status: Status::Warning, found: found.into(), cure: cure.into() }
    }

    pub(super) fn failed(name: &'static str, found: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { name, status: Status::Failed, found: found.into(), cure: cure.into() }
    }

    /// For people.
    pub(super) fn line(&self) -> String {
        let Self { name, status, found, cure } = self;
        let separator = if cure.is_empty() { "" } else { ": " };
        let line = format!("{:7}  {name:NAME_COLUMNS$}  {found}{separator}{cure}", status.text());
        escape(line.trim_end(), Place::Line).into_owned()
    }

    /// For programs, on one line.
    pub(super) fn json(&self) -> String {
        let Self { name, status, found, cure } = self;
        let object = Object::new().field("name", name).field("status", status.json()).field("found", found);
        if cure.is_empty() { object.finish() } else { object.field("cure", cure).finish() }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(finding: &Finding, line: Expect, json: Expect) {
        line.assert_eq(&finding.line());
        json.assert_eq(&finding.json());
    }

    #[test]
    fn a_finding_is_one_line() {
        check(
            &Finding::ok("rustc", "1.95.0"),
            expect!["ok       rustc          1.95.0"],
            expect![[r#"{"name":"rustc","status":"OK","found":"1.95.0"}"#]],
        );
        check(
            &Finding::failed("service", "a\nb", "--address"),
            expect![[r"failed   service        a\nb: --address"]],
            expect![[r#"{"name":"service","status":"FAILED","found":"a\nb","cure":"--address"}"#]],
        );
    }

    #[test]
    fn the_worst_status_counts() {
        assert!(Status::Ok < Status::Warning && Status::Warning < Status::Failed);
    }
}
