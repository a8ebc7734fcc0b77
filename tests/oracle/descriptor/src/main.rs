//! Writes the descriptor in `host/wire/descriptor` anew, and the HTTP annotations beside it, from the proto files in the
//! package `temporalio-protos` that this workspace uses.

mod http_rules;

use std::{fs, path::Path};

use anyhow::Context as _;
use prost::Message;
use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};

const SOURCE: &str = env!("DESCRIPTOR_OF_PROTOS");
const TARGET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../host/wire/descriptor/temporal-api.bin");

/// Packages that are kept: what a worker, a service and their tools exchange. Left out are the
/// protocol between sdk-core and its languages, Temporal Cloud, and annotations of the files.
const PACKAGE_PREFIXES: [&str; 3] = ["temporal.api.", "google.rpc", "grpc.health.v1"];
const EXCLUDED_PACKAGE_PREFIXES: [&str; 2] = ["temporal.api.cloud.", "temporal.api.protometa."];

fn main() -> anyhow::Result<()> {
    let descriptor = stripped()?;
    fs::write(Path::new(TARGET), &descriptor).with_context(|| format!("failed to write {TARGET}"))?;
    println!("wrote {TARGET}, {} bytes", descriptor.len());
    let rules = http_rules::rules()?;
    fs::write(http_rules::TARGET, &rules)
        .with_context(|| format!("failed to write {}", http_rules::TARGET))?;
    println!("wrote {}, {} lines", http_rules::TARGET, rules.lines().count());
    Ok(())
}

fn stripped() -> anyhow::Result<Vec<u8>> {
    let source = fs::read(SOURCE).with_context(|| format!("failed to read {SOURCE}"))?;
    let mut descriptors = FileDescriptorSet::decode(source.as_slice())?;
    descriptors.file.retain(|file| {
        file.package() == "google.protobuf" && file.name() != "google/protobuf/descriptor.proto"
            || is_kept(file.package())
    });
    let kept: Vec<String> = descriptors.file.iter().map(|file| file.name().to_owned()).collect();
    for file in &mut descriptors.file {
        strip(file, &kept);
    }
    Ok(descriptors.encode_to_vec())
}

fn is_kept(package: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_descriptor_in_the_tree_is_that_of_the_package() {
        let in_tree = fs::read(TARGET).unwrap();
        assert!(in_tree == stripped().unwrap(), "run `just update-descriptor`");
        let in_tree = fs::read_to_string(http_rules::TARGET).unwrap();
        assert!(in_tree == http_rules::rules().unwrap(), "run `just update-descriptor`");
    }
}
