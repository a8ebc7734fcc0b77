//! Temporal's side of the service benchmark: a worker on its Rust SDK, with the SDK's own defaults.
//!
//! `bench-sdk-worker ADDRESS QUEUE`

use std::env;

use anyhow::{Context, Result};
use oracle::native::{Chain, Echo, Fan, Hello};
use temporalio_client::{Client, ClientOptions, Connection, ConnectionOptions, Url};
use temporalio_sdk::{Runtime, Worker, WorkerOptions};

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().context("which address?")?;
    let queue = arguments.next().context("which task queue?")?;

    let runtime = Runtime::from_current_tokio(Default::default())?;
    let url = Url::parse(&format!("http://{address}"))?;
    let connection = Connection::connect(ConnectionOptions::new(url).build()).await?;
    let client = Client::new(connection, ClientOptions::new("default").build())?;
    let options = WorkerOptions::new(queue)
        .register_workflow::<Hello>()?
        .register_workflow::<Chain>()?
        .register_workflow::<Fan>()?
        .register_activities(Echo)
        .build();
    Worker::new(&runtime, client, options)?.run().await?;
    Ok(())
}
