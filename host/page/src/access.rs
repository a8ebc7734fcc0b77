//! Who may do what: the Host and Origin of a request, and the token.
//!
//! The page is for browsers on this machine. Other sites in such a browser can make it ask here as well: under another
//! host name that they had resolved to this machine, by forms, or by images. So the name must be one of this machine, what
//! changes something must come from the page itself and with the token, and what other sites embed is refused.

use axum::http::{
    HeaderMap, Method, StatusCode,
    header::{COOKIE, HOST, HeaderName, ORIGIN},
};
use host_service::is_this_machine;

use crate::token::Token;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// What a request may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// It may read: it came without the token.
    Reads,
    /// It may change something, too.
    Acts,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Its host name is not one of this machine.
    Host,
    /// Another site made it.
    Origin,
    /// It would change something, and has no token.
    Token,
}

impl Refusal {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::Origin | Self::Token => StatusCode::FORBIDDEN,
        }
    }

    /// What was wrong, and what helps.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::Host => {
                "This page answers to names of this machine only: use http://127.0.0.1 or http://localhost, with its port."
            }
            Self::Origin => "Another site made this request. Open the page itself, and do it there.",
            Self::Token => {
                "Without the token this page only reads. Open it with the address that the host prints when it starts; \
                 the token is in the file page.token of the data folder."
            }
        }
    }
}

/// Name of the cookie with the token. Cookies do not know ports, so that of each listener has its own.
pub(crate) fn cookie_name(port: u16) -> String {
    format!("host-page-{port}")
}

/// What a request may do, by its method and headers.
pub(crate) fn check(
    method: &Method,
    headers: &HeaderMap,
    port: u16,
    token: &Token,
) -> Result<Access, Refusal> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(&HOST).filter(|host| is_this_machine(host)).ok_or(Refusal::Host)?;
    if let Some(origin) = text(&ORIGIN)
        && origin != format!("http://{host}")
    {
        return Err(Refusal::Origin);
    }
    let is_own = matches!(text(&FETCH_SITE), None | Some("same-origin" | "none"));
    let is_link = text(&FETCH_MODE) == Some("navigate");
    let reads = *method == Method::GET || *method == Method::HEAD;
    if !(is_own || reads && is_link) {
        return Err(Refusal::Origin);
    }
    let access = if has_token(headers, port, token) { Access::Acts } else { Access::Reads };
    if reads {
        return Ok(access);
    }
    // A browser says where a form comes from.
    if headers.get(ORIGIN).is_none() {
        return Err(Refusal::Origin);
    }
    if access == Access::Acts { Ok(access) } else { Err(Refusal::Token) }
}

fn has_token(headers: &HeaderMap, port: u16, token: &Token) -> bool {
    let name = cookie_name(port);
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .any(|(key, value)| key == name && token.is(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    /// Headers are a line each, as in a request.
    #[track_caller]
    fn check_request(method: &Method, lines: &str, expected: Result<Access, Refusal>) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("page.token"), SECRET).unwrap();
        let token = Token::of_folder(folder.path()).unwrap();
        let mut headers = HeaderMap::new();
        for line in lines.lines() {
            let (name, value) = line.trim().split_once(": ").unwrap();
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        assert_eq!(check(method, &headers, 8233, &token), expected, "{lines}");
    }

    #[test]
    fn reading_needs_a_name_of_this_machine() {
        let get = Method::GET;
        check_request(&get, "host: 127.0.0.1:8233", Ok(Access::Reads));
        check_request(&get, "accept: */*", Err(Refusal::Host));
        check_request(&get, "host: evil.example", Err(Refusal::Host));
        check_request(&get, "host: localhost:8233\ncookie: a=b; host-page-8233=wrong", Ok(Access::Reads));
        let cookie = format!("host: localhost:8233\ncookie: a=b; host-page-8233={SECRET}");
        check_request(&get, &cookie, Ok(Access::Acts));
        let other = format!("host: localhost:8233\ncookie: host-page-8234={SECRET}");
        check_request(&get, &other, Ok(Access::Reads));
    }

    #[test]
    fn other_sites_may_link_here_and_no_more() {
        let from = |more: &str| format!("host: localhost:8233\n{more}");
        for site in ["cross-site", "same-site"] {
            let link = from(&format!("sec-fetch-site: {site}\nsec-fetch-mode: navigate"));
            check_request(&Method::GET, &link, Ok(Access::Reads));
            check_request(&Method::POST, &link, Err(Refusal::Origin));
            let embedded = from(&format!("sec-fetch-site: {site}\nsec-fetch-mode: no-cors"));
            check_request(&Method::GET, &embedded, Err(Refusal::Origin));
        }
        check_request(&Method::GET, &from("origin: http://evil.example"), Err(Refusal::Origin));
    }

    #[test]
    fn acting_needs_origin_and_token() {
        let post = Method::POST;
        let with = |more: &str| format!("host: 127.0.0.1:8233\ncookie: host-page-8233={SECRET}\n{more}");
        check_request(&post, &with("origin: http://127.0.0.1:8233"), Ok(Access::Acts));
        check_request(&post, &with("origin: http://localhost:8233"), Err(Refusal::Origin));
        check_request(&post, &with("origin: http://127.0.0.1:9000"), Err(Refusal::Origin));
        check_request(&post, &with("origin: null"), Err(Refusal::Origin));
        check_request(&post, &with("accept: */*"), Err(Refusal::Origin));
        check_request(&post, "host: 127.0.0.1:8233\norigin: http://127.0.0.1:8233", Err(Refusal::Token));
    }
}
