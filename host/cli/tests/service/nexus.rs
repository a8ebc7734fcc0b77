//! `host operator nexus endpoint …` on the embedded service.

use crate::service::{Service, host_on, succeed};

const ENDPOINT: &[&str] = &["operator", "nexus", "endpoint"];

fn on(service: &str, command: &[&str]) -> String {
    succeed(service, &[ENDPOINT, command].concat())
}

pub(crate) fn an_endpoint_lives_and_ends() {
    let service = Service::start();
    let service = service.address();
    let target = ["--target-namespace", "default", "--target-task-queue", "payments"];
    let create = [&["create", "--name", "payments", "--description", "cards"], &target[..]].concat();
    on(service, &create);
    let again = host_on(service, &[ENDPOINT, &create].concat());
    assert!(again.code == 1 && again.stderr.contains("already registered"), "{}", again.stderr);
    let shown = on(service, &["get", "--name", "payments"]);
    for row in ["payments", "cards", "default", "Version"] {
        assert!(shown.contains(row), "{row}: {shown}");
    }
    on(service, &["update", "--name", "payments", "--unset-description"]);
    let shown: serde_json::Value =
        serde_json::from_str(&on(service, &["get", "--name", "payments", "-o", "json"])).unwrap();
    assert_eq!(shown["version"], "2", "{shown}");
    assert_eq!(shown["spec"]["target"]["worker"]["taskQueue"], "payments", "{shown}");
    assert!(shown["spec"]["description"].is_null(), "{shown}");
    on(service, &["create", "--name", "outside", "--target-url", "https://a.example/nexus"]);
    assert_eq!(on(service, &["list", "-o", "jsonl"]).lines().count(), 2);

    let gone = host_on(service, &[ENDPOINT, &["get", "--name", "refunds"]].concat());
    assert!(gone.code == 1 && gone.stderr.contains("no Nexus endpoint is named refunds"), "{}", gone.stderr);
    let missing = host_on(service, &[ENDPOINT, &["create", "--name", "refunds"]].concat());
    assert!(missing.code == 2 && missing.stderr.contains("--target-url"), "{}", missing.stderr);
    on(service, &["delete", "--name", "payments"]);
    assert_eq!(on(service, &["list", "-o", "jsonl"]).lines().count(), 1);
}
