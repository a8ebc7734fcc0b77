//! What browsers may do here: nothing on behalf of other sites.
//!
//! A browser sends requests of any site to any address, such as 127.0.0.1; many of them without asking that address before.
//! Other programs send neither `Origin` nor `Sec-Fetch-Site`.

use host_service::is_this_machine;
use http::{
    HeaderMap,
    header::{HOST, HeaderName, ORIGIN},
};
use tonic::Status;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Under which names requests reach the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Under names of this machine: the address is of this machine alone, and nothing else says who is meant. A site whose
    /// name was resolved to this machine has another name.
    ThisMachine,
    /// Under any: other machines reach it, or a certificate says who it is.
    AnyName,
}

impl Guard {
    /// # Errors
    ///
    /// PERMISSION_DENIED, when the request came by another name or from another site.
    pub(crate) fn check(self, headers: &HeaderMap) -> Result<(), Status> {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let host = text(&HOST).unwrap_or_default();
        if self == Self::ThisMachine && !is_this_machine(host) {
            return Err(Status::permission_denied(
                "Host not allowed: use a name of this machine, such as 127.0.0.1 or localhost",
            ));
        }
        let is_own = |origin: &str| {
            let name = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
            name.is_some_and(|name| name.eq_ignore_ascii_case(host))
        };
        let from_elsewhere = text(&ORIGIN).is_some_and(|origin| !is_own(origin))
            || !matches!(text(&FETCH_SITE), None | Some("same-origin" | "none"));
        if from_elsewhere {
            return Err(Status::permission_denied("another site made this request"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Headers are a line each, as in a request.
    #[track_caller]
    fn check(guard: Guard, lines: &str, allowed: bool) {
        let mut headers = HeaderMap::new();
        for line in lines.lines() {
            let (name, value) = line.split_once(": ").unwrap();
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        assert_eq!(guard.check(&headers).is_ok(), allowed, "{lines}");
    }

    #[test]
    fn names() {
        for (host, of_this_machine) in
            [("127.0.0.1:7243", true), ("localhost", true), ("evil.example", false)]
        {
            check(Guard::ThisMachine, &format!("host: {host}"), of_this_machine);
            check(Guard::AnyName, &format!("host: {host}"), true);
        }
        check(Guard::ThisMachine, "accept: */*", false);
    }

    #[test]
    fn sites() {
        for guard in [Guard::ThisMachine, Guard::AnyName] {
            let from = |more: &str| format!("host: localhost:7243\n{more}");
            check(guard, &from("origin: http://localhost:7243"), true);
            check(guard, &from("origin: https://localhost:7243\nsec-fetch-site: same-origin"), true);
            check(guard, &from("sec-fetch-site: none"), true);
            for elsewhere in [
                "origin: http://localhost:8233",
                "origin: http://evil.example",
                "origin: null",
                "sec-fetch-site: cross-site",
                "sec-fetch-site: same-site",
            ] {
                check(guard, &from(elsewhere), false);
            }
        }
    }
}
