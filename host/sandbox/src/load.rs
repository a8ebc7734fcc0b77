//! Loads a module: from the bytes of a file to a component that can be instantiated.

use sha2::{Digest as _, Sha256};
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use crate::accessor::{self, Accessor, Extended, NoAccessor};
use crate::digest::Digest;
use crate::engine::Engine;
use crate::gate::{self, Import, ImportClass};
use crate::limits::{MAX_DEBUG_BYTES, MAX_DEFINITIONS, MAX_MEMORIES, MAX_TABLES};
use crate::load_error::LoadError;
use crate::module::{Linked, Module};
use crate::symbols::{self, Stripped, Symbols};
use crate::wasi;
use crate::wit::{WorkflowDefinition, WorkflowModuleIndices};
use crate::{compile, inspect};

/// The exports of the contract's world.
const EXPORTS: [&str; 4] = ["definitions", "activate", "query", "validate-update"];

impl Engine {
    /// Loads a module: checks its imports and exports, compiles it or takes the code from the cache, and
    /// calls its export `definitions`.
    ///
    /// Blocks the calling thread while it compiles: tens of milliseconds to seconds.
    ///
    /// # Errors
    /// The bytes are not a workflow module, or the module does not compile: see [`LoadError`].
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
        let Stripped { component: bytes, sections, section_bytes } = symbols::strip(bytes)?;
        if section_bytes > MAX_DEBUG_BYTES {
            tracing::warn!(
                %digest,
                "the debug and name sections of the module have {section_bytes} bytes, and {MAX_DEBUG_BYTES} \
                 are read: backtraces have no names and lines"
            );
        }
        let (bytes, globals) = match accessor::add(&bytes) {
            Ok(Extended { component, globals }) => (component, Ok(globals)),
            Err(no_accessor) => (bytes, Err(no_accessor)),
        };
        let symbols = Symbols::new(sections, &bytes);
        let component = self.compile(&bytes)?;
        let guest = self.link(&component, &imports, globals)?;
        let mut module = Module::new(self, digest, guest, imports, symbols);
        let definitions = module.ask_definitions().map_err(LoadError::Definitions)?;
        check_definitions(&definitions)?;
        module.set_definitions(definitions);
        Ok(module)
    }

    fn compile(&self, bytes: &[u8]) -> Result<Component, LoadError> {
        // The digest of the component with the accessor, which is what is compiled.
        let digest = Digest(Sha256::digest(bytes).into());
        let failed = |error: wasmtime::Error| LoadError::Compile(format!("{error:#}"));
        let cache = self.shared().cache.as_ref();
        let mut cached = cache.and_then(|cache| cache.get(digest));
        // Another process may compile the same module just now.
        let lock = if cached.is_none() { cache.and_then(|cache| cache.lock(digest)) } else { None };
        if lock.is_some() {
            cached = cache.and_then(|cache| cache.get(digest));
        }
        let component = match cached.map(|code| self.component(&code)) {
            Some(Ok(component)) => component,
            Some(Err(_)) | None => {
                let _place = self.background().take();
                let code = compile::compile(&self.shared().wasmtime, &self.shared().config, bytes)
                    .map_err(|error| LoadError::Compile(error.to_string()))?;
                self.cache(digest, &code);
                self.component(&code).map_err(failed)?
            }
        };
        check_resources(&component)?;
        component.initialize_copy_on_write_image().map_err(failed)?;
        Ok(component)
    }

    fn cache(&self, digest: Digest, code: &[u8]) {
        if let Some(cache) = &self.shared().cache
            && let Err(error) = cache.put(digest, code)
        {
            tracing::warn!(%digest, %error, "the compiled module could not be stored in the cache");
        }
    }

    #[expect(unsafe_code, reason = "wasmtime trusts the code that it deserializes")]
    fn component(&self, code: &[u8]) -> wasmtime::Result<Component> {
        // SAFETY: wasmtime's compiler made the code: in this process or its child just now, or earlier, as
        // the seal of the cache entry proves, whose key only this user can read.
        unsafe { Component::deserialize(&self.shared().wasmtime, code) }
    }

    /// Resolves the imports and exports once, for all instances.
    fn link(
        &self,
        component: &Component,
        imports: &[Import],
        globals: Result<usize, NoAccessor>,
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
        let accessor = globals.and_then(|globals| Accessor::find(&pre, globals).ok_or(NoAccessor::Malformed));
        Ok(Linked::new(pre, exports, accessor))
    }
}

/// Checks that a guest takes no more places of the pool than one guest has. wasmtime itself checks the number of core
/// instances.
fn check_resources(component: &Component) -> Result<(), LoadError> {
    // `None`: it imports core modules, which linking refuses.
    let Some(resources) = component.resources_required() else { return Ok(()) };
    if resources.num_memories > MAX_MEMORIES {
        return Err(LoadError::Memories(resources.num_memories));
    }
    if resources.num_tables > MAX_TABLES {
        return Err(LoadError::Tables(resources.num_tables));
    }
    Ok(())
}

/// Checks that there are definitions, and that their names are sorted and unique, as `wit/definition.wit`
/// requires.
fn check_definitions(definitions: &[WorkflowDefinition]) -> Result<(), LoadError> {
    let invalid = |message: String| Err(LoadError::InvalidDefinitions(message));
    if definitions.is_empty() {
        return invalid("there are none; pass a workflow to `export!`".to_owned());
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
