//! `OperatorService.ListNexusEndpoints`: by id, in pages; or the one with a name.

use bytes::Bytes;
use host_wire::temporal::api::operatorservice::v1::{ListNexusEndpointsRequest, ListNexusEndpointsResponse};
use tonic::Status;

use crate::{api::context::Context, error::Error, limits};

pub(crate) async fn handle(
    context: &Context,
    request: ListNexusEndpointsRequest,
) -> Result<ListNexusEndpointsResponse, Status> {
    let (response, position) = {
        let shard = context.lock();
        let endpoints = &shard.executions.endpoints;
        let response = if request.name.is_empty() {
            let size = page_size(request.page_size)?;
            // The id of the last one of the page before.
            let after = String::from_utf8(request.next_page_token.to_vec())
                .map_err(|_| Error::invalid("Invalid NextPageToken."))?;
            let page: Vec<_> = endpoints.after(&after).take(size).collect();
            let last = page.last().filter(|_| page.len() == size);
            ListNexusEndpointsResponse {
                next_page_token: last.map_or_else(Bytes::new, |it| it.id().to_owned().into()),
                endpoints: page.into_iter().filter_map(|it| it.shown.clone()).collect(),
            }
        } else {
            let found = endpoints.by_name(&request.name).and_then(|it| it.shown.clone());
            ListNexusEndpointsResponse {
                endpoints: found.into_iter().collect(),
                ..ListNexusEndpointsResponse::default()
            }
        };
        (response, shard.position())
    };
    context.on_disk(position).await?;
    Ok(response)
}

fn page_size(asked: i32) -> Result<usize, Error> {
    let most = limits::ENDPOINTS_OF_PAGE;
    match usize::try_from(asked) {
        Ok(0) => Ok(limits::DEFAULT_ENDPOINTS_OF_PAGE),
        Ok(size) if size <= most => Ok(size),
        Ok(_) => Err(Error::invalid(format!("page_size exceeds limit of {most}"))),
        Err(_) => Err(Error::invalid("page_size is negative")),
    }
}
