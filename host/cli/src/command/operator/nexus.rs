//! `host operator nexus endpoint …`, by the names of the `temporal` CLI.

use anyhow::Context as _;
use bytes::Bytes;
use clap::{Args, Subcommand};
use host_client::RpcError;
use host_service::{RemoteOperator, operator_service_server::OperatorService as _};
use host_wire::temporal::api::{
    common::v1::Payload,
    nexus::v1::{
        Endpoint, EndpointSpec, EndpointTarget,
        endpoint_target::{External, Variant, Worker},
    },
    operatorservice::v1::{
        CreateNexusEndpointRequest, DeleteNexusEndpointRequest, ListNexusEndpointsRequest,
        UpdateNexusEndpointRequest,
    },
};
use tonic::Request;

use super::search_attribute::connect;
use crate::{
    exit::Usage,
    output::{Output, Payloads, card::Card},
    settings::connection::ConnectionArgs,
};

/// Looks after Nexus.
#[derive(Args, Debug)]
pub(crate) struct NexusArgs {
    #[command(subcommand)]
    command: Nexus,
}

#[derive(Subcommand, Debug)]
enum Nexus {
    Endpoint(EndpointArgs),
}

/// Creates Nexus endpoints, shows, changes, lists and deletes them. Workflows call operations under the name of an endpoint,
/// which says whose workers handle them.
#[derive(Args, Debug)]
struct EndpointArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Create(Create),
    Get(Get),
    Update(Update),
    List(List),
    Delete(Delete),
}

/// Creates a Nexus endpoint.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host operator nexus endpoint create --name payments --target-namespace default --target-task-queue payments")]
struct Create {
    /// Name: letters, digits and hyphens.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What it is for, in Markdown.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    description: String,
    #[command(flatten)]
    target: TargetArgs,
}

/// Who handles the operations of an endpoint.
#[derive(Args, Debug)]
struct TargetArgs {
    /// Namespace of the workers that handle operations.
    #[arg(long, value_name = "NAMESPACE", requires = "target_task_queue")]
    target_namespace: Option<String>,
    /// Task queue of these workers.
    #[arg(long, value_name = "QUEUE", requires = "target_namespace")]
    target_task_queue: Option<String>,
    /// URL of a handler outside of Temporal, instead. The embedded service keeps such an endpoint, and calls none.
    #[arg(long, value_name = "URL", conflicts_with_all = ["target_namespace", "target_task_queue"])]
    target_url: Option<String>,
}

/// Prints a Nexus endpoint.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host operator nexus endpoint get --name payments")]
struct Get {
    /// Name of the endpoint.
    #[arg(long, value_name = "NAME")]
    name: String,
}

/// Changes a Nexus endpoint. What is not given stays.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host operator nexus endpoint update --name payments --target-namespace default --target-task-queue payments-2")]
struct Update {
    /// Name of the endpoint.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What it is for, in Markdown.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Takes the description away.
    #[arg(long, conflicts_with = "description")]
    unset_description: bool,
    #[command(flatten)]
    target: TargetArgs,
}

/// Prints all Nexus endpoints.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host operator nexus endpoint list --output jsonl | jq -r .spec.name")]
struct List {}

/// Deletes a Nexus endpoint. Operations that are scheduled under it fail.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host operator nexus endpoint delete --name payments")]
struct Delete {
    /// Name of the endpoint.
    #[arg(long, value_name = "NAME")]
    name: String,
}

impl NexusArgs {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let Nexus::Endpoint(EndpointArgs { command }) = self.command;
        match command {
            Command::Create(command) => command.run(connection, output).await,
            Command::Get(command) => command.run(connection, output).await,
            Command::Update(command) => command.run(connection, output).await,
            Command::List(List {}) => list(connection, output).await,
            Command::Delete(command) => command.run(connection, output).await,
        }
    }
}

impl TargetArgs {
    fn into_target(self) -> Option<EndpointTarget> {
        let variant = match (self.target_url, self.target_namespace, self.target_task_queue) {
            (Some(url), ..) => Variant::External(External { url }),
            (None, Some(namespace), Some(task_queue)) => Variant::Worker(Worker { namespace, task_queue }),
            (None, ..) => return None,
        };
        Some(EndpointTarget { variant: Some(variant) })
    }
}

/// Text as the JSON converter of SDKs encodes it; none if it is empty.
fn described(text: &str) -> anyhow::Result<Option<Payload>> {
    if text.is_empty() {
        return Ok(None);
    }
    Ok(Some(Payload {
        metadata: [("encoding".to_owned(), Bytes::from_static(b"json/plain"))].into(),
        data: serde_json::to_vec(text)?.into(),
        ..Payload::default()
    }))
}

impl Create {
    async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let description = described(&self.description)?;
        let Some(target) = self.target.into_target() else {
            let message = "--target-namespace with --target-task-queue, or --target-url, is needed";
            return Err(Usage(message.to_owned()).into());
        };
        let (operator, _) = connect(connection).await?;
        let spec = EndpointSpec { name: self.name, description, target: Some(target) };
        let request = CreateNexusEndpointRequest { spec: Some(spec) };
        let answer = operator.create_nexus_endpoint(Request::new(request)).await;
        let created = answer.map_err(RpcError::from).context("failed to create the endpoint")?.into_inner();
        output.changed(&created, Payloads::Raw, "Endpoint created")
    }
}

/// All endpoints, or the one with a name.
async fn all(operator: &RemoteOperator, name: &str) -> anyhow::Result<Vec<Endpoint>> {
    let mut all = Vec::new();
    let mut next_page_token = Bytes::new();
    loop {
        let request = ListNexusEndpointsRequest { next_page_token, name: name.to_owned(), page_size: 0 };
        let answer = operator.list_nexus_endpoints(Request::new(request)).await;
        let page = answer.map_err(RpcError::from).context("failed to list endpoints")?.into_inner();
        all.extend(page.endpoints);
        next_page_token = page.next_page_token;
        if next_page_token.is_empty() {
            return Ok(all);
        }
    }
}

async fn by_name(operator: &RemoteOperator, name: &str) -> anyhow::Result<Endpoint> {
    let found = all(operator, name).await?.into_iter().next();
    found.with_context(|| format!("no Nexus endpoint is named {name}: `host operator nexus endpoint list`"))
}

impl Get {
    async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let (operator, _) = connect(connection).await?;
        let endpoint = by_name(&operator, &self.name).await?;
        if !output.is_text() {
            return output.message(&endpoint, Payloads::Raw);
        }
        Ok(output.lines(card(endpoint).text())?)
    }
}

impl Update {
    async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let (operator, _) = connect(connection).await?;
        let endpoint = by_name(&operator, &self.name).await?;
        let mut spec = endpoint.spec.unwrap_or_default();
        if self.unset_description {
            spec.description = None;
        } else if let Some(text) = &self.description {
            spec.description = described(text)?;
        }
        if let Some(target) = self.target.into_target() {
            spec.target = Some(target);
        }
        let request =
            UpdateNexusEndpointRequest { id: endpoint.id, version: endpoint.version, spec: Some(spec) };
        let answer = operator.update_nexus_endpoint(Request::new(request)).await;
        let updated = answer.map_err(RpcError::from).context("failed to update the endpoint")?.into_inner();
        output.changed(&updated, Payloads::Raw, "Endpoint updated")
    }
}

async fn list(connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
    let (operator, _) = connect(connection).await?;
    let all = all(&operator, "").await?;
    if !output.is_text() {
        return output.list(&all, Payloads::Raw);
    }
    let cards: Vec<String> = all.into_iter().map(|endpoint| card(endpoint).text()).collect();
    Ok(output.lines(cards.join("\n"))?)
}

impl Delete {
    async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let (operator, _) = connect(connection).await?;
        let Endpoint { id, version, .. } = by_name(&operator, &self.name).await?;
        let request = DeleteNexusEndpointRequest { id, version };
        let answer = operator.delete_nexus_endpoint(Request::new(request)).await;
        let deleted = answer.map_err(RpcError::from).context("failed to delete the endpoint")?.into_inner();
        output.changed(&deleted, Payloads::Raw, "Endpoint deleted")
    }
}

fn card(endpoint: Endpoint) -> Card {
    let spec = endpoint.spec.unwrap_or_default();
    let description = spec.description.unwrap_or_default().data;
    let description: String = serde_json::from_slice(&description).unwrap_or_default();
    let card = Card::new("Endpoint")
        .row("Name", &spec.name)
        .row("Id", &endpoint.id)
        .row("Version", endpoint.version)
        .row_unless_empty("Description", description);
    match spec.target.and_then(|target| target.variant) {
        Some(Variant::Worker(worker)) => {
            card.row("TargetNamespace", worker.namespace).row("TargetTaskQueue", worker.task_queue)
        }
        Some(Variant::External(external)) => card.row("TargetUrl", external.url),
        None => card,
    }
}
