//! Serves the embedded service alone: `cargo run -p host-server --example serve -- FOLDER [ADDRESS]`.

use std::{net::SocketAddr, path::PathBuf};

use host_server::{Listener, Options, Server};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("usage: serve FOLDER [ADDRESS]")?);
    let address: SocketAddr = match arguments.next() {
        Some(address) => address.to_str().ok_or("the address is not text")?.parse()?,
        None => ([127, 0, 0, 1], 7233).into(),
    };
    let server = Server::open(&folder, Options::default())?;
    let listener = Listener::bind(address).await?;
    #[expect(clippy::print_stdout, reason = "tells who started it where it listens")]
    {
        println!("{}", listener.address());
    }
    server.serve(listener, async { drop(tokio::signal::ctrl_c().await) }).await?;
    Ok(())
}
