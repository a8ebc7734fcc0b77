//! Interfaces that a module may import but not call: crates import them without need. Libraries that only look whether a file
//! is there go on: to the question for folders the answer is that there are none, the same in every replay.

use wasmtime::component::types::{ComponentInstance, ComponentItem};
use wasmtime::component::{Linker, ResourceType, Val};

use crate::fault::misuse;
use crate::store_data::StoreData;
use crate::wit::workflow::host::log::{Entry, Level};

pub(crate) const SLEEP: &str =
    "a workflow waits with a timer of its context, which lasts in replay and across restarts";
pub(crate) const FILES: &str = "a workflow reads and writes files in an activity";

/// Which folders there are: a C library asks this once, before it opens the first file.
const FOLDERS: (&str, &str) = ("wasi:filesystem/preopens", "get-directories");

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
            ComponentItem::ComponentFunc(_) if (short, item) == FOLDERS => {
                instance.func_new(item, move |mut store, _, _, results| {
                    results.fill(Val::List(Vec::new()));
                    store.data_mut().log(without_files(hint))
                })?;
            }
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

/// What the log says of a guest that looks for files.
fn without_files(hint: &str) -> Entry {
    Entry {
        level: Level::Warn,
        target: FOLDERS.0.to_owned(),
        message: format!("the workflow looks for a file, and finds none: {hint}"),
        fields: Vec::new(),
        location: None,
    }
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
