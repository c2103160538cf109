//! The guard against other sites: a page of theirs must not read this one.
//!
//! A browser refuses to let another origin read an answer. DNS rebinding goes around that: the other site gives its own name this
//! host's address, and the browser then takes both for one origin. Such a request has the other site's name in `Host`. A name is
//! therefore refused, unless it is `localhost`, which is no site's; an address cannot be rebound.
//!
//! Another site can still send a request, whose answer it cannot read. Events are refused to it, because they take the place of a browser.
//! Ports are no part of a site: for a browser, another server on `localhost` is of the same site, and may have a link to the page.

use std::net::{IpAddr, Ipv6Addr};

use hyper::{Request, header};

/// Path of the events.
pub(super) const EVENTS: &str = "/events";

/// Returns the words that refuse a request. `None` if it is for an address or for `localhost`, and no other site made it.
pub(super) fn refusal<B>(request: &Request<B>) -> Option<&'static str> {
    if !is_named_well(request) {
        return Some(
            "the page has no name: open it by `localhost` or by an address, such as http://127.0.0.1:8081/\n",
        );
    }
    // Browsers tell `localhost` and loopback addresses where a request comes from, and no others without TLS (Fetch Metadata).
    let sites = request.headers().get_all("sec-fetch-site");
    let is_of_another_site = sites
        .iter()
        .any(|site| site == "cross-site" || site == "same-site" && request.uri().path() == EVENTS);
    is_of_another_site.then_some("another site led here: type the page's address\n")
}

/// Returns true if a request is for an address or for `localhost`.
fn is_named_well<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    let mut hosts = headers.get_all(header::HOST).iter().peekable();
    let has_host = hosts.peek().is_some();
    let authority = request.uri().authority();
    has_host
        && hosts.all(|host| host.to_str().is_ok_and(is_local))
        && authority.is_none_or(|it| is_local(it.as_str()))
}

/// Returns true if a host, with or without a port, is an address or `localhost`.
fn is_local(host: &str) -> bool {
    if let Some(rest) = host.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else {
            return false;
        };
        return address.parse::<Ipv6Addr>().is_ok()
            && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
    }
    let name = match host.split_once(':') {
        Some((name, port)) if is_port(port) => name,
        Some(_) => return false,
        None => host,
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_localhost_are_own() {
        for host in [
            "localhost",
            "LOCALHOST:8081",
            "127.0.0.1",
            "127.0.0.1:8081",
            "192.0.2.7:80",
            "[::1]",
            "[2001:db8::1]:8081",
        ] {
            assert!(is_local(host), "{host}");
        }
        for host in [
            "",
            ":8081",
            "example.com",
            "example.com:8081",
            "localhost.example.com",
            "127.0.0.1.example.com",
            "localhost:8081:1",
            "localhost:",
            "localhost@example.com",
            "[::1",
            "[::1]x",
            "[example.com]",
            "::1",
        ] {
            assert!(!is_local(host), "{host}");
        }
    }

    #[test]
    fn requests_of_other_sites_are_not() {
        let refused = |headers: &[(&'static str, &str)], uri: &str| {
            let builder = headers
                .iter()
                .fold(Request::builder().uri(uri), |builder, (name, value)| {
                    builder.header(*name, *value)
                });
            refusal(&builder.body(()).unwrap())
        };
        let own = ("host", "localhost:8081");
        let from = |site| [own, ("sec-fetch-site", site)];
        assert_eq!(refused(&[own], "/events"), None);
        for path in ["/", "/page.js", "/events"] {
            assert_eq!(refused(&from("same-origin"), path), None);
            assert_eq!(refused(&from("none"), path), None);
            let words = refused(&from("cross-site"), path).unwrap();
            assert!(words.starts_with("another site led here"), "{words}");
        }
        // Another port of the same host.
        assert_eq!(refused(&from("same-site"), "/"), None);
        assert!(refused(&from("same-site"), "/events").is_some());
        for (headers, uri) in [
            (&[][..], "/"),
            (&[own, ("host", "example.com")], "/"),
            (&[own], "http://example.com/"),
        ] {
            let words = refused(headers, uri).unwrap();
            assert!(words.starts_with("the page has no name"), "{words}");
        }
    }
}
