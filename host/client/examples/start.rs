//! Runs the `greetings` sample's workflow on the service at `localhost:7233` and prints its result.

#![expect(clippy::print_stdout, reason = "an example shows its result")]

use host_client::{Client, ConnectOptions, NamedWorkflow, StartOptions};

const GREETINGS: NamedWorkflow<(String,), String> = NamedWorkflow::new("Greetings");

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::connect(&ConnectOptions::to("localhost:7233")).await?;
    let options = StartOptions::new("greetings").workflow_id("greet-ada");
    let greeting = client.execute_workflow(GREETINGS, ("Ada".to_owned(),), options).await?;
    println!("{greeting}");
    Ok(())
}
