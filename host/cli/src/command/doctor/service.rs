//! The service that flags, variables or the profile name.

use std::time::{Duration, SystemTime};

use host_client::Client;
use host_service::ConnectOptions;
use host_wire::temporal::api::workflowservice::v1::{
    DescribeNamespaceRequest, GetSystemInfoRequest, GetSystemInfoResponse,
};
use tonic::{Code, Request, Status};

use super::finding::Finding;
use crate::{exit::chain, output::one_line, settings::connection::ConnectionArgs};

const SERVICE: &str = "service";
const SERVER: &str = "server";
const NAMESPACE: &str = "namespace";
const CLOCK: &str = "clock";

/// Header with the time of the service, where its HTTP server or a proxy before it sends one (RFC 9110, 6.6.1).
const DATE: &str = "date";

/// What a date in a header leaves out.
const DATE_RESOLUTION: Duration = Duration::from_secs(1);

/// Clocks that are further apart make times in histories, and what tokens and certificates are valid for, surprising.
const TOLERANCE: Duration = Duration::from_secs(2);

/// Connects, and asks the service for what it is. Starts and changes nothing there.
pub(super) async fn look(connection: &ConnectionArgs) -> Vec<Finding> {
    let named = match connection.names_service() {
        Ok(named) => named,
        Err(error) => return vec![unusable(&error)],
    };
    let Some((by, _)) = named else {
        let found = "none is named, so `host run` is one itself, and other commands take localhost:7233";
        return vec![Finding::ok(SERVICE, found)];
    };
    let options = match connection.options(None) {
        Ok(options) => options,
        Err(error) => return vec![unusable(&error)],
    };
    let client = match connection.connect_with(&options).await {
        Ok(client) => client,
        Err(error) => return vec![unreached(&chain(&error))],
    };
    let mut findings = vec![connected(&options, by)];
    findings.extend(server(&client).await);
    findings.push(namespace(&client).await);
    findings
}

fn unusable(error: &anyhow::Error) -> Finding {
    Finding::failed(
        SERVICE,
        chain(error),
        "`host config get` shows the profile, `host doctor --help` the flags",
    )
}

/// What to try is in the further lines of such an error.
fn unreached(error: &str) -> Finding {
    let (found, cure) = error.split_once('\n').unwrap_or((error, "look at --address and the TLS options"));
    Finding::failed(SERVICE, found, cure.replace('\n', " "))
}

fn connected(options: &ConnectOptions, by: &str) -> Finding {
    let url = options.url().unwrap_or_else(|_| options.address.clone());
    let encrypted = if url.starts_with("https:") { "with TLS" } else { "without TLS" };
    let key = if options.api_key.is_some() { " and an API key" } else { "" };
    Finding::ok(SERVICE, format!("connected to {url} {encrypted}{key}, as {by} says"))
}

/// Its version with what it can do, and its clock.
async fn server(client: &Client) -> Vec<Finding> {
    let before = SystemTime::now();
    let answer = client.service().get_system_info(Request::new(GetSystemInfoRequest {})).await;
    let after = SystemTime::now();
    let answer = match answer {
        Ok(answer) => answer,
        Err(status) if status.code() == Code::Unimplemented => {
            return vec![Finding::ok(SERVER, "does not tell its version, so it is an old one")];
        }
        Err(status) => return vec![refused(SERVER, &status, "try again")],
    };
    let date = answer.metadata().get(DATE).and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
    vec![version(answer.get_ref()), clock(before, date, after)]
}

fn version(info: &GetSystemInfoResponse) -> Finding {
    let capabilities = info.capabilities.as_ref().and_then(|capabilities| one_line(capabilities).ok());
    // What is false is left out.
    let capabilities: Option<serde_json::Map<String, serde_json::Value>> =
        capabilities.and_then(|json| serde_json::from_str(&json).ok());
    let names: Vec<String> = capabilities.into_iter().flatten().map(|(name, _)| name).collect();
    let names = if names.is_empty() { "no capabilities".to_owned() } else { names.join(", ") };
    Finding::ok(SERVER, format!("{} with {names}", info.server_version))
}

/// Whether the clocks agree, as far as a date tells: at some moment between `before` and `after` here it was at least
/// `date` there, and less than the resolution more.
fn clock(before: SystemTime, date: Option<SystemTime>, after: SystemTime) -> Finding {
    let Some(date) = date else {
        return Finding::ok(CLOCK, "the service does not tell its time");
    };
    let ahead = date.duration_since(after).unwrap_or_default();
    let behind = before.duration_since(date + DATE_RESOLUTION).unwrap_or_default();
    let (difference, direction) = if ahead > behind { (ahead, "behind") } else { (behind, "ahead of") };
    if difference <= TOLERANCE {
        return Finding::ok(CLOCK, "agrees with that of the service, to a second or two");
    }
    let found = format!("this machine's is {} s {direction} that of the service", difference.as_secs());
    Finding::warning(CLOCK, found, "synchronize both with NTP (here: `timedatectl set-ntp true`)")
}

async fn namespace(client: &Client) -> Finding {
    let name = client.namespace();
    let request =
        DescribeNamespaceRequest { namespace: name.to_owned(), ..DescribeNamespaceRequest::default() };
    match client.service().describe_namespace(Request::new(request)).await {
        Ok(_) => Finding::ok(NAMESPACE, format!("{name} is there")),
        Err(status) if status.code() == Code::NotFound => Finding::failed(
            NAMESPACE,
            format!("{name} is not there"),
            format!("name another with --namespace, or `host operator namespace create --namespace {name}`"),
        ),
        Err(status) if matches!(status.code(), Code::PermissionDenied | Code::Unauthenticated) => {
            refused(NAMESPACE, &status, "use an API key or certificate that may use this namespace")
        }
        Err(status) => refused(NAMESPACE, &status, "look at the log of the service"),
    }
}

fn refused(name: &'static str, status: &Status, cure: &str) -> Finding {
    Finding::failed(name, format!("{} ({:?})", status.message(), status.code()), cure)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// Milliseconds since the epoch before and after the call, and the seconds that the service told.
    fn check(before: u64, date: Option<u64>, after: u64, expected: Expect) {
        let at = |ms: u64| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
        expected.assert_eq(&clock(at(before), date.map(|seconds| at(seconds * 1_000)), at(after)).line());
    }

    #[test]
    fn clocks_differ_by_more_than_a_date_leaves_open() {
        check(100_000, None, 100_010, expect!["ok       clock          the service does not tell its time"]);
        for (before, after) in [(100_900, 100_950), (102_999, 103_500), (90_000, 98_000)] {
            let agrees =
                expect!["ok       clock          agrees with that of the service, to a second or two"];
            check(before, Some(100), after, agrees);
        }
        check(
            104_000,
            Some(100),
            104_500,
            expect![
                "warning  clock          this machine's is 3 s ahead of that of the service: synchronize both with NTP (here: `timedatectl set-ntp true`)"
            ],
        );
        check(
            90_000,
            Some(100),
            90_500,
            expect![
                "warning  clock          this machine's is 9 s behind that of the service: synchronize both with NTP (here: `timedatectl set-ntp true`)"
            ],
        );
    }

    #[test]
    fn what_to_try_is_the_cure() {
        let line = unreached("cannot reach Temporal Service at http://x:1: refused\nIs it running?").line();
        assert_eq!(
            line,
            "failed   service        cannot reach Temporal Service at http://x:1: refused: Is it running?"
        );
    }

    #[test]
    fn a_version_is_told_with_what_the_service_can_do() {
        use host_wire::temporal::api::workflowservice::v1::get_system_info_response::Capabilities;
        let capabilities = Capabilities { upsert_memo: true, nexus: true, ..Capabilities::default() };
        let info =
            GetSystemInfoResponse { server_version: "1.29.1".to_owned(), capabilities: Some(capabilities) };
        assert_eq!(version(&info).found, "1.29.1 with nexus, upsertMemo");
    }
}
