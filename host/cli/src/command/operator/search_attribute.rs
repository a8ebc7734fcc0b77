//! `host operator search-attribute …`.

use anyhow::Context as _;
use clap::{Args, Subcommand};
use host_client::RpcError;
use host_service::{RemoteOperator, operator_service_server::OperatorService as _};
use host_wire::temporal::api::{
    enums::v1::IndexedValueType as Kind,
    operatorservice::v1::{
        AddSearchAttributesRequest, ListSearchAttributesRequest, RemoveSearchAttributesRequest,
    },
};
use tonic::Request;

use crate::{
    exit::Usage,
    output::{Output, card::Table, json::Object},
    settings::{
        connection::ConnectionArgs,
        search_attribute::{kind_name, parse_kind},
    },
};

/// Registers the search attributes of a namespace, lists and removes them.
#[derive(Args, Debug)]
pub(crate) struct SearchAttributeArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Create(Create),
    List(List),
    Remove(Remove),
}

/// Registers search attributes.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host operator search-attribute create --name Customer --type Keyword
  host operator search-attribute create --name Customer --type Keyword --name Amount --type Double")]
struct Create {
    /// Name. Again for each search attribute.
    #[arg(long, value_name = "NAME", required = true)]
    name: Vec<String>,
    /// Type: Text, Keyword, Int, Double, Bool, Datetime or KeywordList. Again for each search attribute.
    #[arg(long = "type", value_name = "TYPE", required = true, value_parser = parse_kind)]
    kinds: Vec<Kind>,
}

/// Lists the search attributes that filters may name.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host operator search-attribute list")]
struct List {}

/// Removes search attributes. What workflows have of them stays in their histories.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host operator search-attribute remove --name Customer")]
struct Remove {
    /// Name. Again for each search attribute.
    #[arg(long, value_name = "NAME", required = true)]
    name: Vec<String>,
}

impl SearchAttributeArgs {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        match self.command {
            Command::Create(command) => command.run(connection, output).await,
            Command::List(command) => command.run(connection, output).await,
            Command::Remove(command) => command.run(connection, output).await,
        }
    }
}

pub(super) async fn connect(connection: &ConnectionArgs) -> anyhow::Result<(RemoteOperator, String)> {
    let options = connection.options(None)?;
    // A service that is not there is explained as everywhere.
    connection.connect_with(&options).await?;
    Ok((RemoteOperator::connect(&options).await?, options.namespace))
}

impl Create {
    async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        if self.name.len() != self.kinds.len() {
            return Err(Usage("every --name needs a --type".to_owned()).into());
        }
        let (operator, namespace) = connect(connection).await?;
        let kinds = self.kinds.into_iter().map(i32::from);
        let request = AddSearchAttributesRequest {
            namespace,
            search_attributes: self.name.into_iter().zip(kinds).collect(),
        };
        let answer = operator.add_search_attributes(Request::new(request)).await;
        answer.map_err(RpcError::from).context("failed to create search attributes")?;
        output.note("Search attributes created");
        Ok(())
    }
}

impl List {
    async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let (operator, namespace) = connect(connection).await?;
        let answer =
            operator.list_search_attributes(Request::new(ListSearchAttributesRequest { namespace })).await;
        let answer = answer.map_err(RpcError::from).context("failed to list search attributes")?.into_inner();
        let all = answer.custom_attributes.into_iter().chain(answer.system_attributes);
        let mut table = Table::new(["Name", "Type"]);
        for (name, kind) in all {
            let kind = Kind::try_from(kind).map_or("Unspecified", kind_name).to_owned();
            if output.is_text() {
                table.push([name, kind]);
            } else {
                output.object(Object::new().field("name", name).field("type", kind))?;
            }
        }
        Ok(output.lines(table.text())?)
    }
}

impl Remove {
    async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let (operator, namespace) = connect(connection).await?;
        let request = RemoveSearchAttributesRequest { namespace, search_attributes: self.name };
        let answer = operator.remove_search_attributes(Request::new(request)).await;
        answer.map_err(RpcError::from).context("failed to remove search attributes")?;
        output.note("Search attributes removed");
        Ok(())
    }
}
