//! `host worker deployment …` on the embedded service.

use serde_json::Value;

use crate::service::{Service, answered, host_on, succeed};

const DEPLOYMENT: &[&str] = &["worker", "deployment"];
const NAME: &[&str] = &["--deployment-name", "shop"];

/// A command on the deployment `shop`.
fn on<'a>(command: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [DEPLOYMENT, command, NAME, more].concat()
}

pub(crate) fn a_deployment_lives_and_ends() {
    let service = Service::start();
    let service = service.address();
    let refused = |command: &[&str], says: &str| {
        let ended = host_on(service, command);
        assert!(ended.code != 0 && ended.stderr.contains(says), "{}: {}", ended.code, ended.stderr);
        ended.code
    };
    let current = |build: &'static str, more: &[&'static str]| {
        on(&["set-current-version"], &[&["--build-id", build], more].concat())
    };
    refused(&current("one", &["--yes"]), "no Worker Deployment found with name shop");
    let set = current("one", &["--allow-no-pollers", "--yes", "-o", "json"]);
    let set: Value = serde_json::from_str(&succeed(service, &set)).unwrap();
    assert!(set["conflictToken"].is_string(), "{set}");
    let ramp = ["--build-id", "two", "--percentage", "25", "--allow-no-pollers", "--yes"];
    succeed(service, &on(&["set-ramping-version"], &ramp));

    let table = succeed(service, &[DEPLOYMENT, &["list"]].concat());
    assert!(table.contains("shop") && table.contains("one") && table.contains("two (25%)"), "{table}");
    let listed = succeed(service, &[DEPLOYMENT, &["list", "-o", "jsonl"]].concat());
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["routingConfig"]["currentDeploymentVersion"]["buildId"], "one", "{listed}");
    let describe = [DEPLOYMENT, &["describe", "--name", "shop"]].concat();
    let card = succeed(service, &describe);
    assert!(card.contains("Current") && card.contains("Ramping") && card.contains("two (25%)"), "{card}");

    let version = ["--build-id", "two"];
    let metadata = [&version[..], &["--metadata", "team=\"checkout\"", "-o", "json"]].concat();
    let metadata = succeed(service, &on(&["update-metadata-version"], &metadata));
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    assert_eq!(metadata["metadata"]["entries"]["team"], "checkout", "{metadata}");
    let card = succeed(service, &on(&["describe-version"], &version));
    assert!(card.contains("team") && card.contains("Ramping") && card.contains("25"), "{card}");
    succeed(service, &on(&["update-metadata-version"], &["--build-id", "two", "--remove-entries", "team"]));
    let card = succeed(service, &on(&["describe-version"], &version));
    assert!(!card.contains("team"), "{card}");

    let manager = &["manager-identity", "set"];
    succeed(service, &on(manager, &["--manager-identity", "ci", "--yes"]));
    refused(&current("two", &["--yes"]), "ManagerIdentity 'ci' is set");
    succeed(service, &on(manager, &["--self", "--identity", "me", "--yes"]));
    assert!(succeed(service, &describe).contains("me"));
    succeed(service, &on(&["manager-identity", "unset"], &["--yes"]));

    refused(&on(&["delete-version"], &version), "current or ramping");
    succeed(service, &on(&["set-ramping-version"], &["--delete", "--yes"]));
    assert!(!succeed(service, &describe).contains("25%"));
    succeed(service, &on(&["delete-version"], &["--build-id", "two", "--skip-drainage"]));
    refused(&[DEPLOYMENT, &["delete", "--name", "shop"]].concat(), "has versions");

    for (answer, code) in [("n\n", 1), ("", 1), ("y\n", 0)] {
        let ended = answered(service, &on(&["set-current-version"], &["--unversioned"]), answer);
        let said = ended.stderr;
        assert_eq!(ended.code, code, "{answer:?}: {said}");
        assert!(said.contains("Set the current version of shop?") && said.contains("one"), "{said}");
    }
    assert_eq!(refused(&current("one", &["-o", "json"]), "--yes"), 2);
    assert_eq!(refused(&on(&["set-current-version"], &["--yes"]), "--build-id or --unversioned"), 2);
    succeed(service, &on(&["delete-version"], &["--build-id", "one", "--skip-drainage"]));
    succeed(service, &[DEPLOYMENT, &["delete", "--name", "shop"]].concat());
    refused(&describe, "not found");
}
