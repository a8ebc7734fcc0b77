//! The component's part of the accessor: lifts the functions of the core module to exports.

use wasm_encoder::{
    Alias, CanonicalFunctionSection, CanonicalOption, Component, ComponentAliasSection, ComponentExportKind,
    ComponentExportSection, ComponentTypeSection, ComponentValType, ExportKind, PrimitiveValType, RawSection,
};
use wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentExternalKind, ComponentOuterAliasKind, ComponentTypeRef,
    ExternalKind, Instance, Parser, Payload,
};

use super::core_module::{Census, extend};
use super::{NoAccessor, PREFIX, add_to, is_reserved};

const CORE_MODULE_SECTION: u8 = 1;

/// The number of items in each index space of a component.
#[derive(Debug, Default)]
struct Indices {
    core_functions: u32,
    core_memories: u32,
    core_instances: u32,
    types: u32,
    functions: u32,
}

/// Copies a component section by section, and adds the accessor.
#[derive(Default)]
struct Rewrite {
    component: Component,
    indices: Indices,
    core_modules: u32,
    /// The core module with the guest's state: its index and its census.
    state: Option<(u32, Census)>,
    /// The core instance of that module.
    instance: Option<u32>,
}

/// A component with an accessor.
#[derive(Debug)]
pub(crate) struct Extended {
    pub(crate) component: Vec<u8>,
    /// Mutable globals that the accessor gets and sets.
    pub(crate) globals: usize,
}

/// Adds the accessor to a component.
pub(crate) fn add(bytes: &[u8]) -> Result<Extended, NoAccessor> {
    let mut rewrite = Rewrite::default();
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        no_resources(&payload)?;
        if depth == 0 {
            rewrite.section(bytes, &payload)?;
        } else {
            no_code(&payload)?;
        }
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    rewrite.finish()
}

/// Refuses resources that the module makes itself: their handles are in tables of the host. Without `resource.new` it
/// has none, whatever types it declares. (Types are not read here: wasmparser calls itself for each level of them, and
/// this is not the process that may run out of stack.)
fn no_resources(payload: &Payload<'_>) -> Result<(), NoAccessor> {
    if let Payload::ComponentCanonicalSection(section) = payload {
        for function in section.clone() {
            if matches!(function?, CanonicalFunction::ResourceNew { .. }) {
                return Err(NoAccessor::Resources);
            }
        }
    }
    Ok(())
}

/// Refuses what makes instances of core modules inside an inner component, whose state would be missed. Components
/// that only rename types and functions stay.
fn no_code(payload: &Payload<'_>) -> Result<(), NoAccessor> {
    match payload {
        Payload::ModuleSection { .. } | Payload::InstanceSection(_) => Err(NoAccessor::Nested),
        _ => Ok(()),
    }
}

impl Rewrite {
    /// Copies a section.
    fn section(&mut self, bytes: &[u8], payload: &Payload<'_>) -> Result<(), NoAccessor> {
        let Some((id, range)) = payload.as_section() else { return Ok(()) };
        let data = bytes.get(range).ok_or(NoAccessor::Malformed)?;
        if id == CORE_MODULE_SECTION {
            return self.core_module(data);
        }
        self.component.section(&RawSection { id, data });
        self.count(payload)
    }

    fn core_module(&mut self, data: &[u8]) -> Result<(), NoAccessor> {
        let census = Census::take(data)?;
        if census.changes_tables() {
            return Err(NoAccessor::Tables);
        }
        if census.holds_state() {
            census.check()?;
            let data = extend(data, &census)?;
            self.component.section(&RawSection { id: CORE_MODULE_SECTION, data: &data });
            if self.state.replace((self.core_modules, census)).is_some() {
                return Err(NoAccessor::Spread);
            }
        } else {
            self.component.section(&RawSection { id: CORE_MODULE_SECTION, data });
        }
        add_to(&mut self.core_modules, 1)
    }

    fn count(&mut self, payload: &Payload<'_>) -> Result<(), NoAccessor> {
        match payload {
            Payload::ComponentTypeSection(section) => add_to(&mut self.indices.types, section.count())?,
            Payload::InstanceSection(section) => {
                for instance in section.clone() {
                    self.core_instance(&instance?)?;
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    match import?.ty {
                        ComponentTypeRef::Func(_) => add_to(&mut self.indices.functions, 1)?,
                        ComponentTypeRef::Type(_) => add_to(&mut self.indices.types, 1)?,
                        ComponentTypeRef::Module(_) => add_to(&mut self.core_modules, 1)?,
                        _ => {}
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    let export = export?;
                    if is_reserved(export.name.name) {
                        return Err(NoAccessor::Names);
                    }
                    self.component_item(export.kind)?;
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section.clone() {
                    self.alias(&alias?)?;
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section.clone() {
                    match function? {
                        CanonicalFunction::Lift { .. } => add_to(&mut self.indices.functions, 1)?,
                        _ => add_to(&mut self.indices.core_functions, 1)?,
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn core_instance(&mut self, instance: &Instance<'_>) -> Result<(), NoAccessor> {
        let state = self.state.as_ref().map(|(module, _)| *module);
        if matches!(instance, Instance::Instantiate { module_index, .. } if Some(*module_index) == state)
            && self.instance.replace(self.indices.core_instances).is_some()
        {
            return Err(NoAccessor::Spread);
        }
        add_to(&mut self.indices.core_instances, 1)
    }

    fn component_item(&mut self, kind: ComponentExternalKind) -> Result<(), NoAccessor> {
        match kind {
            ComponentExternalKind::Func => add_to(&mut self.indices.functions, 1),
            ComponentExternalKind::Type => add_to(&mut self.indices.types, 1),
            ComponentExternalKind::Module => add_to(&mut self.core_modules, 1),
            _ => Ok(()),
        }
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) -> Result<(), NoAccessor> {
        let count = match alias {
            ComponentAlias::InstanceExport { kind, .. } => return self.component_item(*kind),
            ComponentAlias::CoreInstanceExport { kind: ExternalKind::Func, .. } => {
                &mut self.indices.core_functions
            }
            ComponentAlias::CoreInstanceExport { kind: ExternalKind::Memory, .. } => {
                &mut self.indices.core_memories
            }
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::Type, .. } => &mut self.indices.types,
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, .. } => &mut self.core_modules,
            ComponentAlias::CoreInstanceExport { .. } | ComponentAlias::Outer { .. } => return Ok(()),
        };
        add_to(count, 1)
    }

    /// Appends the sections that lift and export the functions.
    fn finish(self) -> Result<Extended, NoAccessor> {
        let (Some((_, census)), Some(instance)) = (self.state, self.instance) else {
            return Err(NoAccessor::Spread);
        };
        let mut lifting = Lifting::new(self.indices, instance);
        lifting.lift("peek", &[], Some(PrimitiveValType::U64.into()));
        lifting.lift("poke", &[PrimitiveValType::U64.into()], None);
        let list = lifting.list();
        lifting.lift("read", &[], Some(list));
        lifting.lift("aim", &[PrimitiveValType::U32.into()], None);
        lifting.lift("write", &[list], None);
        lifting.lift("grow", &[PrimitiveValType::U32.into()], Some(PrimitiveValType::U32.into()));
        let globals = census.mutable_globals();
        for number in 0..globals {
            lifting.lift(&format!("get-global{number}"), &[], Some(PrimitiveValType::U64.into()));
            lifting.lift(&format!("set-global{number}"), &[PrimitiveValType::U64.into()], None);
        }
        let mut component = self.component;
        component.section(&lifting.aliases);
        component.section(&lifting.types);
        component.section(&lifting.canonicals);
        component.section(&lifting.exports);
        Ok(Extended { component: component.finish(), globals })
    }
}

/// Sections that lift core functions to exports.
struct Lifting {
    indices: Indices,
    instance: u32,
    realloc: u32,
    aliases: ComponentAliasSection,
    types: ComponentTypeSection,
    canonicals: CanonicalFunctionSection,
    exports: ComponentExportSection,
}

impl Lifting {
    fn new(indices: Indices, instance: u32) -> Self {
        let mut lifting = Self {
            indices,
            instance,
            realloc: 0,
            aliases: ComponentAliasSection::new(),
            types: ComponentTypeSection::new(),
            canonicals: CanonicalFunctionSection::new(),
            exports: ComponentExportSection::new(),
        };
        lifting.alias("memory", ExportKind::Memory);
        lifting.realloc = lifting.alias("realloc", ExportKind::Func);
        lifting
    }

    /// Aliases an export of the core instance, and returns the index that a function gets.
    fn alias(&mut self, name: &str, kind: ExportKind) -> u32 {
        let name = &format!("{PREFIX}-{name}");
        self.aliases.alias(Alias::CoreInstanceExport { instance: self.instance, kind, name });
        let index = self.indices.core_functions;
        self.indices.core_functions += u32::from(kind == ExportKind::Func);
        index
    }

    /// Defines the type `list<u8>`.
    fn list(&mut self) -> ComponentValType {
        self.types.defined_type().list(PrimitiveValType::U8);
        self.indices.types += 1;
        ComponentValType::Type(self.indices.types - 1)
    }

    /// Lifts and exports a function.
    fn lift(&mut self, name: &str, parameters: &[ComponentValType], result: Option<ComponentValType>) {
        let core_function = self.alias(name, ExportKind::Func);
        let parameters = parameters.iter().map(|parameter| ("value", *parameter));
        self.types.function().params(parameters).result(result);
        // The memory is the first alias, so it has the index behind the component's own memories.
        let options =
            [CanonicalOption::Memory(self.indices.core_memories), CanonicalOption::Realloc(self.realloc)];
        self.canonicals.lift(core_function, self.indices.types, options);
        let export = format!("{PREFIX}-{name}");
        self.exports.export(export.as_str(), ComponentExportKind::Func, self.indices.functions, None);
        self.indices.types += 1;
        // The lifted function takes the next index. The export takes another one, in a later section.
        self.indices.functions += 1;
    }
}
