//! Interfaces that a module may import but not use: crates bring them in without ever calling them.

use wasmtime::component::types::{ComponentInstance, ComponentItem};
use wasmtime::component::{Linker, ResourceType};

use crate::fault::misuse;
use crate::run::Run;

pub(crate) const SLEEP: &str =
    "a workflow waits with a timer of its context, which lasts in replay and across restarts";
pub(crate) const FILES: &str = "a workflow reads and writes files in an activity";

/// What a guest hears that calls something it may not.
pub(crate) fn instead(function: &str, instead: &str) -> wasmtime::Error {
    misuse(format!("it called {function}, which no workflow may: {instead}"))
}

/// A resource of an interface that stops its users: there never is one.
struct Never;

/// Links an interface so that each of its functions stops the guest. The name is the one that the
/// module imports, version included: nothing else answers to it.
pub(crate) fn link(
    linker: &mut Linker<Run>,
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
            // Types that the interface takes from wasi:io and wasi:clocks need no definition, except
            // for resources, which must be those of the interface they come from.
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
