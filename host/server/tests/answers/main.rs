//! What the service answers, beside what Temporal's server answers: tables of whole kinds of requests, each with the
//! answers in a file. Both services have to give the same.
//!
//! The second half needs the `temporal` binary, see `tests/README.md`.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

mod attributes;
mod batch;
mod client;
mod cron;
mod delays;
mod deployments;
mod durations;
mod external;
mod failures;
mod filters;
mod http;
mod namespaces;
mod nexus;
mod nexus_client;
mod nexus_endpoints;
mod policies;
mod task_queues;

use std::{path::PathBuf, pin::Pin, process::ExitCode, sync::Arc};

use client::Client;
use expect_test::expect_file;
use host_http::{Guard, HttpApi};
use host_server::{Listener, Options, Server};
use host_service::serve_http_on;
use host_wire::temporal::api::enums::v1::IndexedValueType;
use test_harness::Temporal;

type Make = fn(Client) -> Answers;
type Answers = Pin<Box<dyn Future<Output = String> + Send>>;

/// The name of a table and of its file, and what makes it.
const TABLES: [(&str, Make); 15] = [
    ("policies", |client| Box::pin(policies::answers(client))),
    ("durations", |client| Box::pin(durations::answers(client))),
    ("failures", |client| Box::pin(failures::answers(client))),
    ("external", |client| Box::pin(external::answers(client))),
    ("cron", |client| Box::pin(cron::answers(client))),
    ("delays", |client| Box::pin(delays::answers(client))),
    ("attributes", |client| Box::pin(attributes::answers(client))),
    ("batch", |client| Box::pin(batch::answers(client))),
    ("filters", |client| Box::pin(filters::answers(client))),
    ("namespaces", |client| Box::pin(namespaces::answers(client))),
    ("task_queues", |client| Box::pin(task_queues::answers(client))),
    ("nexus_endpoints", |client| Box::pin(nexus_endpoints::answers(client))),
    ("nexus", |client| Box::pin(nexus::answers(client))),
    ("deployments", |client| Box::pin(deployments::answers(client))),
    ("http", |client| Box::pin(http::answers(client))),
];

fn main() -> ExitCode {
    let embedded = test_harness::test("answers_of_the_embedded_service", answers_of_the_embedded_service);
    let temporal = test_harness::test_needing(
        "answers_of_temporals_server",
        Temporal::binary,
        answers_of_temporals_server,
    );
    test_harness::run_tests(vec![embedded, temporal])
}

fn answers_of_the_embedded_service() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let search_attributes = [("CustomKeyword".to_owned(), IndexedValueType::Keyword)].into();
        let options = Options { search_attributes, ..Options::default() };
        let server = Arc::new(Server::open(folder.path(), options).unwrap());
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.address().to_string();
        let http_address = serve_http(&server).await;
        tokio::spawn(async move { server.serve(listener, std::future::pending()).await });
        compare(&address, &http_address).await;
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
}

/// Serves the HTTP API, and answers where.
async fn serve_http(server: &Server) -> String {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = listener.address().to_string();
    let api = HttpApi::new(server.grpc_calls(), Guard::ThisMachine).unwrap();
    let answer = move |request| {
        let api = api.clone();
        async move { api.answer(request).await }
    };
    let (connections, at_most) = listener.into_http();
    tokio::spawn(serve_http_on(connections, at_most, answer, std::future::pending()));
    address
}

fn answers_of_temporals_server(binary: PathBuf) {
    let temporal = Temporal::start(binary).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(compare(temporal.address(), temporal.http_address()));
}

/// Makes all tables, at the same time, and compares them with their files.
async fn compare(address: &str, http_address: &str) {
    let only = std::env::var("HOST_TEST_TABLES").unwrap_or_default();
    let mut made = Vec::new();
    for (name, answers) in TABLES {
        if only.is_empty() || only.split(' ').any(|it| it == name) {
            let client = Client::connect(address, http_address, name).await;
            made.push((name, tokio::spawn(answers(client))));
        }
    }
    for (name, answers) in made {
        let answers = answers.await.unwrap();
        expect_file![format!("{}/tests/answers/{name}.txt", env!("CARGO_MANIFEST_DIR"))].assert_eq(&answers);
    }
}
