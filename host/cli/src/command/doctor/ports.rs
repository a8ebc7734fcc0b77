//! Addresses on which a host is to listen.

use std::{io, net::SocketAddr, time::Duration};

use host_service::{ConnectOptions, RemoteService};

use super::finding::Finding;

const LISTEN: &str = "listen";
const METRICS: &str = "metrics";
const PAGE: &str = "page";

/// Longest wait for what listens already to say whether it is a service.
const PATIENCE: Duration = Duration::from_secs(2);

/// The address of the embedded service. A service that is there already is no mistake: others join it.
pub(super) async fn listen(address: SocketAddr) -> Finding {
    let Err(error) = free(address) else { return Finding::ok(LISTEN, format!("{address} is free")) };
    if error.kind() == io::ErrorKind::AddrInUse {
        let options = ConnectOptions::to(address.to_string());
        let answer = tokio::time::timeout(PATIENCE, RemoteService::connect(&options)).await;
        if matches!(answer, Ok(Ok(_))) {
            let found = format!("a Temporal Service listens on {address} already");
            return Finding::warning(LISTEN, found, format!("join it with --address {address}"));
        }
    }
    refused(LISTEN, address, &error)
}

/// The address of metrics.
pub(super) fn metrics(address: SocketAddr) -> Finding {
    match free(address) {
        Ok(()) => Finding::ok(METRICS, format!("{address} is free")),
        Err(error) => refused(METRICS, address, &error),
    }
}

/// The address of the page. The host goes on without it.
pub(super) fn page(address: SocketAddr) -> Finding {
    match free(address) {
        Ok(()) => Finding::ok(PAGE, format!("{address} is free")),
        Err(error) => {
            let Finding { name, found, cure, .. } = refused(PAGE, address, &error);
            Finding::warning(name, found, format!("{cure}; or give --no-ui for none"))
        }
    }
}

/// Whether this process could listen there: it does for a moment.
fn free(address: SocketAddr) -> io::Result<()> {
    std::net::TcpListener::bind(address).map(drop)
}

fn refused(name: &'static str, address: SocketAddr, error: &io::Error) -> Finding {
    let flag = match name {
        METRICS => "--metrics-listen",
        PAGE => "--ui",
        _ => "--listen",
    };
    let (found, cure) = match error.kind() {
        io::ErrorKind::AddrInUse => {
            ("is taken by another process", format!("end that one, or take another port with {flag}"))
        }
        io::ErrorKind::AddrNotAvailable => {
            ("is no address of this machine", format!("give one that it has to {flag}"))
        }
        io::ErrorKind::PermissionDenied => {
            ("is not for this user", format!("take a port of 1024 or above with {flag}"))
        }
        _ => return Finding::failed(name, format!("{address} cannot be used ({error})"), flag),
    };
    Finding::failed(name, format!("{address} {found}"), cure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_free_taken_or_elsewhere() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let check = |address: SocketAddr, expected: &str| {
            let line = metrics(address).line();
            assert!(line.contains(expected), "{line}");
        };
        let line = page(address).line();
        assert!(line.starts_with("warning  page "), "{line}");
        assert!(line.ends_with("or take another port with --ui; or give --no-ui for none"), "{line}");
        check(
            address,
            "is taken by another process: end that one, or take another port with --metrics-listen",
        );
        // TEST-NET-1 of RFC 5737, which no machine has.
        check("192.0.2.1:80".parse().unwrap(), "is no address of this machine");
        drop(taken);
        check(address, "is free");
    }
}
