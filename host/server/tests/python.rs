//! The official Python SDK, client and worker, on the service.
//!
//! Needs a Python with the package `temporalio`, named by `HOST_TEST_PYTHON`.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use host_server::{Listener, Options, Server};

const SUITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/suite.py");

fn main() -> ExitCode {
    let python = test_harness::test_needing(
        "the_python_sdk_runs_on_the_service",
        test_harness::python,
        the_python_sdk_runs_on_the_service,
    );
    test_harness::run_tests(vec![python])
}

fn the_python_sdk_runs_on_the_service(python: PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let address = runtime.block_on(async {
        let server = Arc::new(Server::open(folder.path(), Options::default()).unwrap());
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.address();
        tokio::spawn(async move { server.serve(listener, std::future::pending()).await });
        address
    });
    let output =
        test_harness::python_script(&python, Path::new(SUITE)).arg(address.to_string()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let warned = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{warned}");
}
