//! Tells the program where the build script of `temporalio-protos` wrote its descriptor.

use std::{env, error::Error};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let path = env::var("DEP_TEMPORALIO_PROTOS_DESCRIPTOR_PATH")
        .map_err(|_| "temporalio-protos exported no descriptor: feature vendored-protox is off")?;
    println!("cargo::rustc-env=DESCRIPTOR_OF_PROTOS={path}");
    Ok(())
}
