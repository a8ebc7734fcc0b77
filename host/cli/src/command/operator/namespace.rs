//! `host operator namespace …`. The namespace is that of `--namespace`, as with the `temporal` CLI.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context as _;
use bytes::Bytes;
use clap::{Args, Subcommand};
use host_client::{Client, RpcError};
use host_service::operator_service_server::OperatorService as _;
use host_wire::{
    duration_from_proto, duration_to_proto,
    temporal::api::{
        namespace::v1::{NamespaceConfig, UpdateNamespaceInfo},
        operatorservice::v1::DeleteNamespaceRequest,
        workflowservice::v1::{
            DescribeNamespaceRequest, DescribeNamespaceResponse, ListNamespacesRequest,
            RegisterNamespaceRequest, UpdateNamespaceRequest,
        },
    },
};
use tonic::Request;

use super::search_attribute::connect;
use crate::{
    output::{Output, Payloads, card::Card, question::ask},
    settings::{
        connection::ConnectionArgs,
        duration,
        pairs::{self, Pair},
    },
};

/// Registers namespaces, describes, changes, lists and deletes them. Which one, `--namespace` says.
#[derive(Args, Debug)]
pub(crate) struct NamespaceArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Create(Create),
    Describe(Describe),
    Update(Update),
    List(List),
    Delete(Delete),
}

/// Registers a namespace.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host operator namespace create --namespace shop --retention 7d --description 'orders and refunds'")]
struct Create {
    #[command(flatten)]
    info: InfoArgs,
    /// How long closed workflows are kept.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "72h")]
    retention: Duration,
}

/// What is known of a namespace for people.
#[derive(Args, Debug)]
struct InfoArgs {
    /// What it is for, as text.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    description: String,
    /// E-mail address of the owner.
    #[arg(long, value_name = "ADDRESS", default_value = "", hide_default_value = true)]
    email: String,
    /// Anything more. Repeat it for more.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pairs::parse)]
    data: Vec<Pair>,
}

/// Prints a namespace.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host operator namespace describe --namespace shop")]
struct Describe {
    /// Id of the namespace, instead of its name.
    #[arg(long, value_name = "ID")]
    namespace_id: Option<String>,
}

/// Changes a namespace. What is not given stays.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host operator namespace update --namespace shop --retention 14d --data team=checkout")]
struct Update {
    #[command(flatten)]
    info: InfoArgs,
    /// How long closed workflows are kept.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    retention: Option<Duration>,
}

/// Prints all namespaces.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host operator namespace list --output jsonl | jq -r .namespaceInfo.name")]
struct List {}

/// Deletes a namespace with all its workflows, their histories, schedules and search attributes.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host operator namespace delete --namespace shop")]
struct Delete {
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

impl NamespaceArgs {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        match self.command {
            Command::Create(command) => command.run(connection, output).await,
            Command::Describe(command) => command.run(connection, output).await,
            Command::Update(command) => command.run(connection, output).await,
            Command::List(command) => command.run(connection, output).await,
            Command::Delete(command) => command.run(connection, output).await,
        }
    }
}

fn map(data: Vec<Pair>) -> BTreeMap<String, String> {
    data.into_iter().map(|pair| (pair.key, pair.value)).collect()
}

impl Create {
    async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let request = RegisterNamespaceRequest {
            namespace: client.namespace().to_owned(),
            description: self.info.description,
            owner_email: self.info.email,
            data: map(self.info.data),
            workflow_execution_retention_period: Some(duration_to_proto(self.retention)),
            ..RegisterNamespaceRequest::default()
        };
        let answer = client.service().register_namespace(Request::new(request)).await;
        answer.map_err(RpcError::from).context("failed to create the namespace")?;
        output.note(format!("Namespace {} created", client.namespace()));
        Ok(())
    }
}

async fn describe(client: &Client, id: Option<String>) -> anyhow::Result<DescribeNamespaceResponse> {
    let namespace = if id.is_some() { String::new() } else { client.namespace().to_owned() };
    let request = DescribeNamespaceRequest { namespace, id: id.unwrap_or_default(), ..Default::default() };
    let answer = client.service().describe_namespace(Request::new(request)).await;
    Ok(answer.map_err(RpcError::from).context("failed to describe the namespace")?.into_inner())
}

impl Describe {
    async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let described = describe(&client, self.namespace_id).await?;
        if !output.is_text() {
            return output.message(&described, Payloads::Raw);
        }
        Ok(output.lines(card(described).text())?)
    }
}

impl Update {
    async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let config = self.retention.map(|retention| NamespaceConfig {
            workflow_execution_retention_ttl: Some(duration_to_proto(retention)),
            ..NamespaceConfig::default()
        });
        let request = UpdateNamespaceRequest {
            namespace: client.namespace().to_owned(),
            update_info: Some(UpdateNamespaceInfo {
                description: self.info.description,
                owner_email: self.info.email,
                data: map(self.info.data),
                ..UpdateNamespaceInfo::default()
            }),
            config,
            ..UpdateNamespaceRequest::default()
        };
        let answer = client.service().update_namespace(Request::new(request)).await;
        answer.map_err(RpcError::from).context("failed to update the namespace")?;
        output.note(format!("Namespace {} updated", client.namespace()));
        Ok(())
    }
}

impl List {
    async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let mut all = Vec::new();
        let mut next_page_token = Bytes::new();
        loop {
            let request = ListNamespacesRequest { next_page_token, ..ListNamespacesRequest::default() };
            let answer = client.service().list_namespaces(Request::new(request)).await;
            let page = answer.map_err(RpcError::from).context("failed to list namespaces")?.into_inner();
            all.extend(page.namespaces);
            next_page_token = page.next_page_token;
            if next_page_token.is_empty() {
                break;
            }
        }
        if !output.is_text() {
            return output.list(&all, Payloads::Raw);
        }
        let cards: Vec<String> = all.into_iter().map(|described| card(described).text()).collect();
        Ok(output.lines(cards.join("\n"))?)
    }
}

impl Delete {
    async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let (operator, namespace) = connect(connection).await?;
        if !self.yes {
            confirm(&namespace, output).await?;
        }
        let request = DeleteNamespaceRequest { namespace, ..DeleteNamespaceRequest::default() };
        let answer = operator.delete_namespace(Request::new(request)).await;
        let deleted = answer.map_err(RpcError::from).context("failed to delete the namespace")?.into_inner();
        output.changed(&deleted, Payloads::Raw, "Namespace deleted")
    }
}

async fn confirm(namespace: &str, output: Output) -> anyhow::Result<()> {
    let question = format!("Delete the namespace and all that it has? Type {namespace} to confirm: ");
    if ask(&question, output).await? == namespace {
        return Ok(());
    }
    Err(anyhow::anyhow!("nothing was deleted: the answer was not the name (--yes deletes without asking)"))
}

fn card(described: DescribeNamespaceResponse) -> Card {
    let info = described.namespace_info.unwrap_or_default();
    let config = described.config.unwrap_or_default();
    let state = format!("{:?}", info.state());
    let data: Vec<String> = info.data.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let retention = config.workflow_execution_retention_ttl.map(duration_from_proto).unwrap_or_default();
    Card::new("Namespace")
        .row("Name", &info.name)
        .row("Id", &info.id)
        .row("State", state)
        .row_unless_empty("Description", &info.description)
        .row_unless_empty("OwnerEmail", &info.owner_email)
        .row_unless_empty("Data", data.join(", "))
        .row("Retention", format!("{}h", retention.as_secs() / 3_600))
}
