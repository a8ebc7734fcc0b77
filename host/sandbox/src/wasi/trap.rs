//! Interfaces that a module may import but not call: crates import them without need.

use wasmtime::component::types::{ComponentInstance, ComponentItem};
use wasmtime::component::{Linker, ResourceType};

use crate::fault::misuse;
use crate::store_data::StoreData;

pub(crate) const SLEEP: &str =
    "a workflow waits with a timer of its context, which lasts in replay and across restarts";
pub(crate) const FILES: &str = "a workflow reads and writes files in an activity";

/// The error of a function that no workflow may call.
pub(crate) fn instead(function: &str, instead: &str) -> wasmtime::Error {
    misuse(format!("it called {function}, which no workflow may: {instead}"))
}

/// The type of resources that no function returns.
struct Never;

/// Links an interface so that each of its functions stops the guest. `name` must be the module's own import
/// name with its version, because `func_new` does not match other versions.
pub(crate) fn link(
    linker: &mut Linker<StoreData>,
    engine: &wasmtime::Engine,
    name: &str,
    interface: &ComponentInstance,
    hint: &'static str,
) -> wasmtime::Result<()> {
    let mut instance = linker.instance(name)?;
    let short = name.split('@').next().unwrap_or(name);
    for (item, external) in interface.exports(engine) {
        match external.ty {
            ComponentItem::ComponentFunc(_) => {
                let function = format!("{short}#{item}");
                instance.func_new(item, move |_, _, _, _| Err(instead(&function, hint)))?;
            }
            // Types from wasi:io and wasi:clocks need no definition, except for resources, whose type must be
            // that of the interface that defines them.
            ComponentItem::Resource(_) => {
                instance.resource(item, resource_type(item), |_, _| Ok(()))?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn resource_type(name: &str) -> ResourceType {
    match name {
        "input-stream" => ResourceType::host::<wasmtime_wasi::p2::DynInputStream>(),
        "output-stream" => ResourceType::host::<wasmtime_wasi::p2::DynOutputStream>(),
        "pollable" => ResourceType::host::<wasmtime_wasi::p2::DynPollable>(),
        "error" => ResourceType::host::<wasmtime_wasi_io::streams::Error>(),
        _ => ResourceType::host::<Never>(),
    }
}
