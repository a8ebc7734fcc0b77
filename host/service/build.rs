//! Generates clients and server traits from the descriptor of `host-wire`, over its messages.

use std::{env, error::Error, fs};

use prost::Message;
use prost_types::FileDescriptorSet;

/// Where the messages of a package are, which are not generated again.
const MESSAGES: [(&str, &str); 2] =
    [(".temporal.api", "::host_wire::temporal::api"), (".grpc.health", "::host_wire::grpc::health")];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let source = env::var("DEP_TEMPORAL_API_DESCRIPTOR")?;
    println!("cargo::rerun-if-changed={source}");
    let mut descriptors = FileDescriptorSet::decode(fs::read(source)?.as_slice())?;
    descriptors.file.retain(|file| !file.service.is_empty());
    for file in &mut descriptors.file {
        file.message_type.clear();
        file.enum_type.clear();
    }
    let mut builder = tonic_prost_build::configure().generate_default_stubs(true).include_file("services.rs");
    for (package, module) in MESSAGES {
        builder = builder.extern_path(package, module);
    }
    builder.compile_fds(descriptors)?;
    Ok(())
}
