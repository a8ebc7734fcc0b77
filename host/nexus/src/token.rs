//! Tokens of operations that are runs of workflows, as Temporal's SDKs write them: JSON as unpadded base64url.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

/// The operation is the run of a workflow.
const WORKFLOW: u8 = 1;

#[derive(Debug, Serialize, Deserialize, PartialEq)]
struct Token {
    t: u8,
    #[serde(default)]
    ns: String,
    #[serde(default)]
    wid: String,
}

/// The token of an operation that is the run of a workflow.
pub(crate) fn of_workflow(namespace: &str, workflow_id: &str) -> Result<String, serde_json::Error> {
    let token = Token { t: WORKFLOW, ns: namespace.to_owned(), wid: workflow_id.to_owned() };
    Ok(URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token)?))
}

/// The workflow id in a token; none if it is that of no workflow of the namespace.
pub(crate) fn workflow_id(token: &str, namespace: &str) -> Option<String> {
    let json = URL_SAFE_NO_PAD.decode(token.trim_end_matches('=')).ok()?;
    let token: Token = serde_json::from_slice(&json).ok()?;
    (token.t == WORKFLOW && token.ns == namespace && !token.wid.is_empty()).then_some(token.wid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_those_of_temporals_sdks() {
        // Of `OperationToken(type=WORKFLOW, namespace="default", workflow_id="w").encode()` of its Python SDK.
        let of_python = "eyJ0IjoxLCJucyI6ImRlZmF1bHQiLCJ3aWQiOiJ3In0";
        assert_eq!(of_workflow("default", "w").unwrap(), of_python);
        assert_eq!(workflow_id(of_python, "default").unwrap(), "w");
        for (token, namespace) in
            [(of_python, "other"), ("", "default"), ("e30", "default"), ("?", "default")]
        {
            assert_eq!(workflow_id(token, namespace), None, "{token}");
        }
    }
}
