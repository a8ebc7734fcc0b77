//! From the bytes of a file to a module that can be instantiated.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use crate::Engine;
use crate::accessor::{self, Accessor, Unsuited};
use crate::fault::Fault;
use crate::gate::{self, CONTRACT_VERSION, Import, ImportClass};
use crate::limits::{MAX_DEFINITIONS, MAX_MODULE_BYTES};
use crate::module::{Digest, Linked, Module};
use crate::wasi;
use crate::wit::{WorkflowDefinition, WorkflowModuleIndices};
use crate::{compile, inspect};

/// Why bytes are not a module.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file is too large.
    #[error("{bytes} bytes are more than a module may have ({MAX_MODULE_BYTES})")]
    TooLarge {
        /// What it has.
        bytes: usize,
    },
    /// Not WebAssembly at all.
    #[error("not a WebAssembly component, but {0}")]
    NotWasm(&'static str),
    /// A core module.
    #[error(
        "a WebAssembly core module, not a component: build the workflow crate for wasm32-wasip2, or make \
         a component with `wasm-tools component new`"
    )]
    CoreModule,
    /// Already compiled.
    #[error("native code that was compiled from a component: give the component itself")]
    NativeCode,
    /// Starts like a component and goes on differently.
    #[error("not a valid component: {message} (at byte {offset}); is the file complete?")]
    Malformed {
        /// What the parser says.
        message: String,
        /// Where.
        offset: u64,
    },
    /// A component for something else.
    #[error(
        "a component, but not a workflow module: it does not export {}; workflow modules implement the \
         world workflow:host/workflow-module, which the guest SDK's `export!` does",
        list(missing)
    )]
    OtherWorld {
        /// What it should export.
        missing: Vec<&'static str>,
    },
    /// It wants what no workflow may have.
    #[error("the module imports what no workflow may have:{}", lines(.0))]
    Refused(Vec<Import>),
    /// Its imports or exports have other types than the contract.
    #[error("the module does not fit the contract workflow:host@{CONTRACT_VERSION}: {0}")]
    Contract(String),
    /// Invalid, or not compilable.
    #[error("the module does not compile: {0}")]
    Compile(String),
    /// Asked for its definitions, it did not answer.
    #[error("the module does not say which workflows it defines")]
    Definitions(#[source] Fault),
    /// Its definitions are not usable.
    #[error("the module's definitions are not usable: {0}")]
    InvalidDefinitions(String),
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn lines(imports: &[Import]) -> String {
    imports.iter().map(|import| format!("\n  {import}")).collect()
}

/// What the contract's world exports.
const EXPORTS: [&str; 4] = ["definitions", "activate", "query", "validate-update"];

impl Engine {
    /// Loads a module: checks what it is and what it imports, compiles it (or takes the compiled code
    /// from the cache), and asks it for its definitions.
    ///
    /// Takes as long as compiling does, tens of milliseconds to seconds, on the calling thread.
    pub fn load(&self, bytes: &[u8]) -> Result<Module, LoadError> {
        let outline = inspect::outline(bytes)?;
        let missing: Vec<_> =
            EXPORTS.into_iter().filter(|name| !outline.exports.iter().any(|export| export == name)).collect();
        if !missing.is_empty() {
            return Err(LoadError::OtherWorld { missing });
        }
        let imports: Vec<_> = outline.imports.iter().map(|name| gate::classify(name)).collect();
        let refused: Vec<_> =
            imports.iter().filter(|import| import.class == ImportClass::Refused).cloned().collect();
        if !refused.is_empty() {
            return Err(LoadError::Refused(refused));
        }
        let digest = Digest(Sha256::digest(bytes).into());
        let (bytes, unsuited) = match accessor::add(bytes) {
            Ok(extended) => (Cow::Owned(extended), None),
            Err(unsuited) => (Cow::Borrowed(bytes), Some(unsuited)),
        };
        let component = self.compile(&bytes)?;
        let guest = self.link(&component, &imports, unsuited)?;
        let mut module = Module::new(self, digest, guest, imports);
        let definitions = module.ask_definitions().map_err(LoadError::Definitions)?;
        check_definitions(&definitions)?;
        module.set_definitions(definitions);
        Ok(module)
    }

    fn compile(&self, bytes: &[u8]) -> Result<Component, LoadError> {
        // Not the module's, which says nothing about what was added to it.
        let digest = Digest(Sha256::digest(bytes).into());
        let failed = |error: wasmtime::Error| LoadError::Compile(format!("{error:#}"));
        let cached = self.shared().cache.as_ref().and_then(|cache| cache.get(digest));
        let component = match cached.map(|code| self.component(&code)) {
            Some(Ok(component)) => component,
            Some(Err(_)) | None => {
                let code = compile::compile(&self.shared().wasmtime, &self.shared().config, bytes)
                    .map_err(|error| LoadError::Compile(error.to_string()))?;
                self.keep(digest, &code);
                self.component(&code).map_err(failed)?
            }
        };
        component.initialize_copy_on_write_image().map_err(failed)?;
        Ok(component)
    }

    fn keep(&self, digest: Digest, code: &[u8]) {
        if let Some(cache) = &self.shared().cache
            && let Err(error) = cache.put(digest, code)
        {
            tracing::warn!(%digest, %error, "the compiled module could not be kept for the next start");
        }
    }

    #[expect(unsafe_code, reason = "code is loaded by telling wasmtime that it is code")]
    fn component(&self, code: &[u8]) -> wasmtime::Result<Component> {
        // SAFETY: the code comes from wasmtime's compiler: from this process or its child just now, or
        // from a file with the seal of a key that only this user can read.
        unsafe { Component::deserialize(&self.shared().wasmtime, code) }
    }

    /// Resolves every import once, so that instantiating resolves none.
    fn link(
        &self,
        component: &Component,
        imports: &[Import],
        unsuited: Option<Unsuited>,
    ) -> Result<Linked, LoadError> {
        let contract = |error: wasmtime::Error| LoadError::Contract(format!("{error:#}"));
        let engine = &self.shared().wasmtime;
        let mut linker = self.shared().linker.clone();
        let component_type = component.component_type();
        for (name, external) in component_type.imports(engine) {
            let Some(import) = imports.iter().find(|import| import.name == name) else { continue };
            if let ComponentItem::ComponentInstance(interface) = external.ty
                && import.class == ImportClass::TrapOnUse
            {
                wasi::trap::link(&mut linker, engine, name, &interface, import.instead).map_err(contract)?;
            }
        }
        let pre = linker.instantiate_pre(component).map_err(contract)?;
        let exports = WorkflowModuleIndices::new(&pre).map_err(contract)?;
        let accessor = match unsuited {
            Some(unsuited) => Err(unsuited),
            None => Accessor::find(&pre).ok_or(Unsuited::Malformed),
        };
        Ok(Linked { pre, exports, accessor })
    }
}

/// Names must be there, different, and sorted: the contract says so, and what depends on the order
/// must not depend on the SDK.
fn check_definitions(definitions: &[WorkflowDefinition]) -> Result<(), LoadError> {
    let invalid = |message: String| Err(LoadError::InvalidDefinitions(message));
    if definitions.is_empty() {
        return invalid("there are none; is a workflow given to `export!`?".to_owned());
    }
    if definitions.len() > MAX_DEFINITIONS {
        return invalid(format!("{} are more than {MAX_DEFINITIONS}", definitions.len()));
    }
    for pair in definitions.windows(2) {
        match pair[0].name.cmp(&pair[1].name) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => return invalid(format!("`{}` is there twice", pair[0].name)),
            std::cmp::Ordering::Greater => {
                return invalid(format!("`{}` and `{}` are not sorted", pair[0].name, pair[1].name));
            }
        }
    }
    Ok(())
}
