//! Nexus endpoints: what is refused, what is kept of them, and lists.

use std::fmt::Write as _;

use host_wire::temporal::api::{
    common::v1::Payload,
    nexus::v1::{
        Endpoint, EndpointSpec, EndpointTarget,
        endpoint_target::{External, Variant, Worker},
    },
    operatorservice::v1::*,
    workflowservice::v1::RegisterNamespaceRequest,
};
use tonic::Status;

use crate::client::{Client, json, new_id, refusal, seconds};

pub(crate) async fn answers(mut client: Client) -> String {
    let mut lines = String::new();
    for (what, spec) in specs() {
        let answer = client.operator.create_nexus_endpoint(CreateNexusEndpointRequest { spec }).await;
        let said = said(answer.map(|answer| answer.into_inner().endpoint));
        writeln!(lines, "create; {what}: {said}").unwrap();
    }
    changes(&mut client, &mut lines).await;
    lists(&mut client, &mut lines).await;
    targets(&mut client, &mut lines).await;
    lines
}

fn worker(namespace: &str, task_queue: &str) -> Option<EndpointTarget> {
    let worker = Worker { namespace: namespace.to_owned(), task_queue: task_queue.to_owned() };
    Some(EndpointTarget { variant: Some(Variant::Worker(worker)) })
}

fn spec(name: &str) -> EndpointSpec {
    EndpointSpec { name: name.to_owned(), description: None, target: worker("default", "queue") }
}

fn specs() -> Vec<(&'static str, Option<EndpointSpec>)> {
    let url = |url: &str| {
        let variant = Some(Variant::External(External { url: url.to_owned() }));
        Some(EndpointSpec { target: Some(EndpointTarget { variant }), ..spec("endpoint-of-url") })
    };
    let named = |name: &str| Some(spec(name));
    let to = |target| Some(EndpointSpec { target, ..spec("refused") });
    let described = |bytes: usize| {
        let description = Some(Payload { data: vec![b'd'; bytes].into(), ..Payload::default() });
        Some(EndpointSpec { description, ..spec("described") })
    };
    vec![
        ("nothing", None),
        ("no name", named("")),
        ("a long name", named(&"n".repeat(201))),
        ("a name of one letter", named("n")),
        ("a name of two letters", named("nn")),
        ("a name with a digit first", named("1name")),
        ("a name with a hyphen last", named("name-")),
        ("a name with an underscore", named("my_name")),
        ("a name with a dot", named("my.name")),
        ("no target", to(None)),
        ("no name and no target", Some(EndpointSpec::default())),
        ("an empty target", to(Some(EndpointTarget::default()))),
        ("no namespace", to(worker("", "queue"))),
        ("a namespace that is not there", to(worker("nowhere", "queue"))),
        ("no task queue", to(worker("default", ""))),
        ("a long task queue", to(worker("default", &"q".repeat(1_001)))),
        ("a reserved task queue", to(worker("default", "/_sys/queue/1"))),
        ("nothing of a worker", to(worker("", ""))),
        ("an empty URL", url("")),
        ("a URL of another scheme", url("ftp://a.example")),
        ("no URL", url("a.example")),
        ("a long URL", url(&format!("http://a.example/{}", "u".repeat(4 * 1024)))),
        ("a URL", url("https://a.example/nexus")),
        ("a long description", described(20_001)),
        ("a description", Some(EndpointSpec { description: Some(json("\"what\"")), ..spec("described") })),
        ("the same once more", Some(EndpointSpec { description: None, ..spec("described") })),
    ]
}

fn said(answer: Result<Option<Endpoint>, Status>) -> String {
    answer.map_or_else(|status| refusal(&status), |endpoint| shown(&endpoint.unwrap()))
}

fn shown(endpoint: &Endpoint) -> String {
    let spec = endpoint.spec.clone().unwrap();
    let description = spec.description.map(|payload| String::from_utf8_lossy(&payload.data).into_owned());
    let target = match spec.target.unwrap().variant.unwrap() {
        Variant::Worker(worker) => format!("{}/{}", worker.namespace, worker.task_queue),
        Variant::External(external) => external.url,
    };
    let prefix = endpoint.url_prefix.replace(&endpoint.id, "<id>");
    format!(
        "{} at {target}, version {}, description {description:?}, created {}, modified {}, {prefix}",
        spec.name,
        endpoint.version,
        endpoint.created_time.is_some(),
        endpoint.last_modified_time.is_some(),
    )
}

async fn changes(client: &mut Client, lines: &mut String) {
    let request = CreateNexusEndpointRequest { spec: Some(spec("changed")) };
    let made = client.operator.create_nexus_endpoint(request).await.unwrap().into_inner().endpoint.unwrap();
    let update = |id: &str, version, spec| UpdateNexusEndpointRequest { id: id.to_owned(), version, spec };
    let other = || Some(EndpointSpec { target: worker("default", "other"), ..spec("changed") });
    for (what, request) in [
        ("no id", update("", 1, other())),
        ("an id that is none", update("none", 1, other())),
        ("one that is not there", update(&new_id(), 1, other())),
        ("no version", update(&made.id, 0, other())),
        ("another version", update(&made.id, 7, other())),
        ("no spec", update(&made.id, 1, None)),
        ("another target", update(&made.id, 1, other())),
        ("the same version again", update(&made.id, 1, other())),
        ("another name", update(&made.id, 2, Some(spec("renamed")))),
    ] {
        let answer = client.operator.update_nexus_endpoint(request).await;
        let said = said(answer.map(|answer| answer.into_inner().endpoint));
        writeln!(lines, "update; {what}: {}", said.replace("created false", "created true")).unwrap();
    }
    for (what, id) in [
        ("no id", String::new()),
        ("an id that is none", "none".to_owned()),
        ("an id of the wrong letters", "x".repeat(36)),
        ("one that is not there", "00000000-0000-4000-8000-000000000000".to_owned()),
        ("one that is there", made.id.clone()),
    ] {
        let answer = client.operator.get_nexus_endpoint(GetNexusEndpointRequest { id }).await;
        let said = said(answer.map(|answer| answer.into_inner().endpoint));
        writeln!(lines, "get; {what}: {}", said.replace("created false", "created true")).unwrap();
    }
    for (what, id, version) in [
        ("no id", String::new(), 1),
        ("an id that is none", "none".to_owned(), 0),
        ("one that is not there", new_id(), 1),
        ("no version", made.id.clone(), 0),
        ("another version", made.id.clone(), 1),
        ("once more", made.id.clone(), 1),
    ] {
        let answer = client.operator.delete_nexus_endpoint(DeleteNexusEndpointRequest { id, version }).await;
        let said = answer.map_or_else(|status| refusal(&status), |_| "ok".to_owned());
        writeln!(lines, "delete; {what}: {said}").unwrap();
    }
}

async fn lists(client: &mut Client, lines: &mut String) {
    for (what, page_size, name) in [
        ("a negative page", -1, ""),
        ("a large page", 1_001, ""),
        ("by name", 0, "described"),
        ("by a name that is not there", 0, "missing"),
    ] {
        let request = ListNexusEndpointsRequest { page_size, name: name.to_owned(), ..Default::default() };
        let answer = client.operator.list_nexus_endpoints(request).await;
        let said = answer.map_or_else(
            |status| refusal(&status),
            |answer| {
                let answer = answer.into_inner();
                let names: Vec<_> = answer.endpoints.iter().map(|it| it.spec.clone().unwrap().name).collect();
                format!("{names:?}, more: {}", !answer.next_page_token.is_empty())
            },
        );
        writeln!(lines, "list; {what}: {said}").unwrap();
    }
    // In pages of one, each is there once, in the order of ids.
    let mut ids = Vec::new();
    let mut next_page_token = Default::default();
    loop {
        let request = ListNexusEndpointsRequest { page_size: 1, next_page_token, ..Default::default() };
        let page = client.operator.list_nexus_endpoints(request).await.unwrap().into_inner();
        ids.extend(page.endpoints.into_iter().map(|endpoint| endpoint.id));
        next_page_token = page.next_page_token;
        if next_page_token.is_empty() {
            break;
        }
    }
    writeln!(lines, "list; pages of one: in order: {}", ids.is_sorted()).unwrap();
}

/// A namespace that is the target of an endpoint.
async fn targets(client: &mut Client, lines: &mut String) {
    let register = RegisterNamespaceRequest {
        namespace: "nexus-target".to_owned(),
        workflow_execution_retention_period: seconds(86_400),
        ..Default::default()
    };
    client.service.register_namespace(register).await.unwrap();
    let spec = EndpointSpec { target: worker("nexus-target", "queue"), ..spec("targets") };
    let made = loop {
        // Temporal's server finds a namespace some time after it was registered.
        let request = CreateNexusEndpointRequest { spec: Some(spec.clone()) };
        match client.operator.create_nexus_endpoint(request).await {
            Ok(answer) => break answer.into_inner().endpoint.unwrap(),
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(200)).await,
        }
    };
    let delete = || DeleteNamespaceRequest {
        namespace: "nexus-target".to_owned(),
        ..DeleteNamespaceRequest::default()
    };
    let answer = client.operator.delete_namespace(delete()).await;
    let said = answer.map_or_else(|status| refusal(&status), |_| "ok".to_owned());
    writeln!(lines, "delete a namespace that is a target: {said}").unwrap();
    let request = DeleteNexusEndpointRequest { id: made.id, version: made.version };
    client.operator.delete_nexus_endpoint(request).await.unwrap();
    let answer = client.operator.delete_namespace(delete()).await;
    let said = answer.map_or_else(|status| refusal(&status), |_| "ok".to_owned());
    writeln!(lines, "delete it without the endpoint: {said}").unwrap();
}
