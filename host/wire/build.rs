//! Generates messages, client and server traits from the descriptor that `temporalio-protos` ships,
//! so that no protoc and no copy of the proto files is needed.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;
use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};

/// Packages to generate: what a worker, a service and their tools exchange. Left out are the
/// protocol between sdk-core and its languages, Temporal Cloud, and annotations of the files.
const PACKAGE_PREFIXES: [&str; 3] = ["temporal.api.", "google.rpc", "grpc.health.v1"];
const EXCLUDED_PACKAGE_PREFIXES: [&str; 2] = ["temporal.api.cloud.", "temporal.api.protometa."];

/// Oneofs whose variants are boxed: unboxed, the largest makes each event take 2,024 bytes.
const BOXED_ONEOFS: [(&str, &str); 2] =
    [("temporal.api.history.v1", "HistoryEvent"), ("temporal.api.command.v1", "Command")];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let source = env::var("DEP_TEMPORALIO_PROTOS_DESCRIPTOR_PATH")
        .map_err(|_| "temporalio-protos exported no descriptor: feature vendored-protox is off")?;
    let out = PathBuf::from(env::var("OUT_DIR")?);

    let mut descriptors = FileDescriptorSet::decode(fs::read(source)?.as_slice())?;
    descriptors.file.retain(|file| {
        is_well_known(file.package()) && file.name() != "google/protobuf/descriptor.proto"
            || is_generated(file.package())
    });
    let kept: Vec<String> = descriptors.file.iter().map(|file| file.name().to_owned()).collect();
    for file in &mut descriptors.file {
        strip(file, &kept);
    }
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    generate(descriptors)
}

fn generate(descriptors: FileDescriptorSet) -> Result<(), Box<dyn Error>> {
    let mut config = tonic_prost_build::Config::new();
    config.enable_type_names().type_name_domain(["."], "type.googleapis.com");
    let mut builder = tonic_prost_build::configure()
        .bytes(".")
        // One order of map entries, so that equal messages have equal bytes.
        .btree_map(".")
        .extern_path(".temporal.api.history.v1.History", "crate::History")
        .generate_default_stubs(true)
        .include_file("wire.rs");
    for path in boxed_paths(&descriptors) {
        builder = builder.boxed(path);
    }
    builder.compile_fds_with_config(descriptors, config)?;
    Ok(())
}

fn is_well_known(package: &str) -> bool {
    package == "google.protobuf"
}

fn is_generated(package: &str) -> bool {
    PACKAGE_PREFIXES.iter().any(|prefix| package.starts_with(prefix))
        && !EXCLUDED_PACKAGE_PREFIXES.iter().any(|prefix| package.starts_with(prefix))
}

/// Removes what would only be carried along: comments (a third of the generated code), imports of
/// files that hold nothing but annotations, and deprecation marks (the build id of a worker, for
/// one, travels in fields marked deprecated that every current SDK still uses).
fn strip(file: &mut FileDescriptorProto, kept: &[String]) {
    file.source_code_info = None;
    file.dependency.retain(|name| kept.contains(name));
    // Indexes into the dependencies that were just renumbered; they matter to compilers only.
    file.public_dependency.clear();
    file.weak_dependency.clear();
    for message in &mut file.message_type {
        strip_message(message);
    }
    for enumeration in &mut file.enum_type {
        for value in &mut enumeration.value {
            value.options = None;
        }
    }
    for service in &mut file.service {
        for method in &mut service.method {
            method.options = None;
        }
    }
}

fn strip_message(message: &mut DescriptorProto) {
    for field in &mut message.field {
        if let Some(options) = &mut field.options {
            options.deprecated = None;
        }
    }
    for nested in &mut message.nested_type {
        strip_message(nested);
    }
}

fn boxed_paths(descriptors: &FileDescriptorSet) -> Vec<String> {
    let mut paths = Vec::new();
    for file in &descriptors.file {
        for message in &file.message_type {
            if !BOXED_ONEOFS.contains(&(file.package(), message.name())) {
                continue;
            }
            for field in &message.field {
                if let Some(index) = field.oneof_index
                    && let Some(oneof) =
                        usize::try_from(index).ok().and_then(|index| message.oneof_decl.get(index))
                {
                    paths.push(format!(
                        ".{}.{}.{}.{}",
                        file.package(),
                        message.name(),
                        oneof.name(),
                        field.name()
                    ));
                }
            }
        }
    }
    paths
}
