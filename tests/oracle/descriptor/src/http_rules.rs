//! The annotations `google.api.http` of the proto files, one a line: which requests of Temporal's HTTP API are which calls.
//!
//! They are options of methods that an extension declares, which a descriptor in prost's types does not carry: the proto files
//! are compiled again, and decoded with what the extension adds.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail, ensure};
use prost::Message;

pub(crate) const TARGET: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../../host/wire/descriptor/http-rules.txt");

/// The services that Temporal's server has over HTTP.
const SERVICES: [&str; 2] =
    ["temporal/api/workflowservice/v1/service.proto", "temporal/api/operatorservice/v1/service.proto"];

#[derive(Clone, PartialEq, Message)]
struct FileSet {
    #[prost(message, repeated, tag = "1")]
    file: Vec<File>,
}

#[derive(Clone, PartialEq, Message)]
struct File {
    #[prost(string, tag = "2")]
    package: String,
    #[prost(message, repeated, tag = "6")]
    service: Vec<Service>,
}

#[derive(Clone, PartialEq, Message)]
struct Service {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    method: Vec<Method>,
}

#[derive(Clone, PartialEq, Message)]
struct Method {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "4")]
    options: Option<MethodOptions>,
}

#[derive(Clone, PartialEq, Message)]
struct MethodOptions {
    /// `google/api/annotations.proto` declares it.
    #[prost(message, optional, tag = "72295728")]
    http: Option<HttpRule>,
}

/// `google/api/http.proto`.
#[derive(Clone, PartialEq, Message)]
struct HttpRule {
    #[prost(oneof = "Pattern", tags = "2, 3, 4, 5, 6, 8")]
    pattern: Option<Pattern>,
    #[prost(string, tag = "7")]
    body: String,
    #[prost(message, repeated, tag = "11")]
    additional_bindings: Vec<HttpRule>,
    #[prost(string, tag = "12")]
    response_body: String,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Pattern {
    #[prost(string, tag = "2")]
    Get(String),
    #[prost(string, tag = "3")]
    Put(String),
    #[prost(string, tag = "4")]
    Post(String),
    #[prost(string, tag = "5")]
    Delete(String),
    #[prost(string, tag = "6")]
    Patch(String),
    #[prost(bytes = "vec", tag = "8")]
    Custom(Vec<u8>),
}

/// The lines, in the order of the proto files.
pub(crate) fn rules() -> anyhow::Result<String> {
    let root = protos()?;
    let mut compiler = protox::Compiler::new([root.join("api_upstream"), root])?;
    let compiled = compiler.open_files(SERVICES)?.encode_file_descriptor_set();
    let files = FileSet::decode(compiled.as_slice())?.file;
    let files: BTreeMap<&str, &File> = files.iter().map(|file| (file.package.as_str(), file)).collect();
    let mut lines = String::new();
    for name in SERVICES {
        let package = name.trim_end_matches("/service.proto").replace('/', ".");
        let file = files.get(package.as_str()).with_context(|| format!("there is no package {package}"))?;
        for service in &file.service {
            for method in &service.method {
                let call = format!("{package}.{}/{}", service.name, method.name);
                let rule = method.options.iter().filter_map(|options| options.http.as_ref());
                rule.into_iter().try_for_each(|rule| write(&mut lines, &call, rule))?;
            }
        }
    }
    Ok(lines)
}

fn write(lines: &mut String, call: &str, rule: &HttpRule) -> anyhow::Result<()> {
    ensure!(rule.response_body.is_empty(), "{call}: an answer that is one field is not understood");
    let (method, path) = match &rule.pattern {
        Some(Pattern::Get(path)) => ("GET", path),
        Some(Pattern::Put(path)) => ("PUT", path),
        Some(Pattern::Post(path)) => ("POST", path),
        Some(Pattern::Delete(path)) => ("DELETE", path),
        Some(Pattern::Patch(path)) => ("PATCH", path),
        Some(Pattern::Custom(_)) | None => bail!("{call}: a rule without a method that is understood"),
    };
    let body = if rule.body.is_empty() { String::new() } else { format!(" {}", rule.body) };
    writeln!(lines, "{call} {method} {path}{body}")?;
    rule.additional_bindings.iter().try_for_each(|binding| write(lines, call, binding))
}

/// The folder of the proto files in the package `temporalio-protos`.
fn protos() -> anyhow::Result<PathBuf> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let arguments =
        ["metadata", "--format-version", "1", "--offline", "--locked", "--manifest-path", manifest];
    let output = Command::new(env!("CARGO")).args(arguments).output().context("failed to run cargo")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().context("cargo metadata has no packages")?;
    let package = packages.iter().find(|package| package["name"] == "temporalio-protos");
    let manifest = package.and_then(|package| package["manifest_path"].as_str());
    let folder = manifest.and_then(|manifest| Path::new(manifest).parent());
    Ok(folder.context("there is no package temporalio-protos")?.join("protos"))
}
