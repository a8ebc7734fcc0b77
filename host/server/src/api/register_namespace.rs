//! RegisterNamespace.

use std::time::Duration;

use host_wire::temporal::api::workflowservice::v1::{RegisterNamespaceRequest, RegisterNamespaceResponse};
use tokio::time::{Instant, sleep};
use tonic::Status;

use crate::{
    api::context::Context, error::Error, execution::request::check_length, limits,
    namespace::request::registered,
};

/// How long a call waits for the end of a namespace that has the name and is being deleted.
const LEAVING_PATIENCE: Duration = Duration::from_secs(20);
const LEAVING_POLL: Duration = Duration::from_millis(100);

pub(crate) async fn handle(
    context: &Context,
    request: RegisterNamespaceRequest,
) -> Result<RegisterNamespaceResponse, Status> {
    if request.namespace.is_empty() {
        return Err(Error::invalid("Namespace not set on request.").into());
    }
    check_length("Namespace", &request.namespace)?;
    let namespace = registered(request)?;
    let until = Instant::now() + LEAVING_PATIENCE;
    loop {
        let name = &namespace.info.name;
        let change = context.change_with(
            namespace.clone(),
            |executions, _| {
                let namespaces = &executions.namespaces;
                match namespaces.get(name) {
                    Some((_, known)) if known.is_leaving() => Ok(None),
                    Some(_) => Err(Error::NamespaceExists(name.clone()).into()),
                    None if namespaces.count() >= limits::NAMESPACES => {
                        Err(Error::invalid(format!("there are {} namespaces", limits::NAMESPACES)).into())
                    }
                    None => Ok(Some(namespaces.next_number())),
                }
            },
            |transition, namespace, number| {
                if let Some(number) = number {
                    transition.put_namespace(number, namespace);
                }
                Ok(number.is_some())
            },
            |shard, done| {
                if matches!(done, Ok(true)) {
                    context.add_search_attributes(shard, name);
                }
            },
        );
        if change.await? {
            return Ok(RegisterNamespaceResponse {});
        }
        if Instant::now() >= until {
            let message = format!("what the deleted namespace {name} had is being removed: try again");
            return Err(Error::Unavailable(message).into());
        }
        sleep(LEAVING_POLL).await;
    }
}
