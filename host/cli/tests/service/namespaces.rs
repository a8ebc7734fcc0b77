//! `host operator namespace …` on the embedded service.

use crate::service::{Service, answered, host_on, succeed};

const OPERATOR: &[&str] = &["operator", "namespace"];

fn on(service: &str, command: &[&str]) -> String {
    succeed(service, &[OPERATOR, command, &["--namespace", "shop"]].concat())
}

pub(crate) fn a_namespace_lives_and_ends() {
    let service = Service::start();
    let service = service.address();
    let create = ["create", "--retention", "2h", "--description", "orders", "--data", "team=one"];
    on(service, &create);
    let again = host_on(service, &[OPERATOR, &create[..], &["--namespace", "shop"]].concat());
    assert!(again.code == 1 && again.stderr.contains("already exists"), "{}", again.stderr);
    let described = on(service, &["describe"]);
    for row in ["shop", "Registered", "orders", "team=one", "2h"] {
        assert!(described.contains(row), "{row}: {described}");
    }
    on(service, &["update", "--retention", "3h", "--email", "a@b.example", "--data", "team=two"]);
    let described = on(service, &["describe", "-o", "json"]);
    let described: serde_json::Value = serde_json::from_str(&described).unwrap();
    assert_eq!(described["config"]["workflowExecutionRetentionTtl"], "10800s", "{described}");
    assert_eq!(described["namespaceInfo"]["data"]["team"], "two", "{described}");
    assert_eq!(described["namespaceInfo"]["ownerEmail"], "a@b.example", "{described}");
    let id = described["namespaceInfo"]["id"].as_str().unwrap();
    let by_id = succeed(service, &[OPERATOR, &["describe", "--namespace-id", id]].concat());
    assert!(by_id.contains("shop"), "{by_id}");
    let listed = succeed(service, &[OPERATOR, &["list", "-o", "jsonl"]].concat());
    assert_eq!(listed.lines().count(), 2, "{listed}");

    let start = ["workflow", "start", "-w", "w", "--type", "Order", "-t", "orders", "--namespace", "shop"];
    succeed(service, &start);
    assert_eq!(succeed(service, &["workflow", "count", "--namespace", "shop"]), "Total: 1\n");
    assert_eq!(succeed(service, &["workflow", "count"]), "Total: 0\n");

    let delete = [OPERATOR, &["delete", "--namespace", "shop"]].concat();
    for (answer, code) in [("shopp\n", 1), ("", 1), ("shop\n", 0)] {
        let ended = answered(service, &delete, answer);
        let said = ended.stderr;
        assert_eq!(ended.code, code, "{answer:?}: {said}");
        assert!(said.contains("Type shop to confirm"), "{said}");
    }
    let gone = host_on(service, &["workflow", "count", "--namespace", "shop"]);
    assert!(gone.code == 1 && gone.stderr.contains("shop"), "{}", gone.stderr);
    let asked = host_on(service, &[&delete[..], &["-o", "json"]].concat());
    assert!(asked.code == 2 && asked.stderr.contains("--yes"), "{}: {}", asked.code, asked.stderr);
    let gone = host_on(service, &[&delete[..], &["--yes"]].concat());
    assert!(gone.code == 1 && gone.stderr.contains("shop"), "{}", gone.stderr);
    // The name is free again, and nothing is left.
    on(service, &["create"]);
    assert_eq!(succeed(service, &["workflow", "count", "--namespace", "shop"]), "Total: 0\n");
    let short = [OPERATOR, &["create", "--namespace", "short", "--retention", "10m"]].concat();
    let short = host_on(service, &short);
    assert!(short.code == 1 && short.stderr.contains("retention"), "{}", short.stderr);
}
