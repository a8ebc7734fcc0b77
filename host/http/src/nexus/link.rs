//! Links of the Nexus protocol as headers: `Nexus-Link: <URL>; type="TYPE"`, several with commas between them.

use host_wire::temporal::api::nexus::v1::Link;
use http::{HeaderMap, HeaderName, HeaderValue};

pub(super) const LINK: HeaderName = HeaderName::from_static("nexus-link");

/// Links as values of the header; those that cannot be in one are left out.
pub(super) fn write(links: &[Link]) -> impl Iterator<Item = HeaderValue> {
    links
        .iter()
        .filter_map(|link| HeaderValue::from_str(&format!("<{}>; type=\"{}\"", link.url, link.r#type)).ok())
}

/// The links of an answer. What is none is passed over.
pub(super) fn read(headers: &HeaderMap) -> Vec<Link> {
    let values = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    // No URL has a bare `<` in it.
    let links = values.flat_map(|value| value.split('<').skip(1));
    links.filter_map(parse).collect()
}

fn parse(link: &str) -> Option<Link> {
    let (url, parameters) = link.split_once('>')?;
    let mut parameters = parameters.trim_end_matches([',', ' ']).split(';').map(str::trim);
    let of = parameters.find_map(|parameter| parameter.strip_prefix("type="))?.trim_matches('"');
    let is_link = !url.is_empty() && !of.is_empty();
    is_link.then(|| Link { url: url.to_owned(), r#type: of.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(url: &str, of: &str) -> Link {
        Link { url: url.to_owned(), r#type: of.to_owned() }
    }

    #[test]
    fn links_are_read_as_they_are_written() {
        let links = [link("temporal:///namespaces/n/a?b=c%2Cd", "a.B"), link("https://a.example/", "other")];
        let headers: HeaderMap = write(&links).map(|value| (LINK, value)).collect();
        assert_eq!(headers.get_all(LINK).iter().count(), 2);
        assert_eq!(read(&headers), links);
        let joined = "<a,b>; type=\"x\", <c>; rel=y; type=z, <d>, <>; type=q, e";
        let headers = [(LINK, HeaderValue::from_static(joined))].into_iter().collect();
        assert_eq!(read(&headers), [link("a,b", "x"), link("c", "z")]);
    }
}
