//! Makes a guest of a random module: with an allocator for arguments and the definition of a workflow its code is
//! reached. Without these, hosts refuse it before.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, DataSection, ExportKind, ExportSection, Function,
    FunctionSection, MemArg, Module, RawSection, ValType,
};
use wasmparser::{ExternalKind, FuncType, Parser, Payload, TypeRef};

/// The address of the next free byte, for arguments.
const FREE: i32 = 1_024;
/// Arguments are placed from here on: the memory of the guest `script` has a megabyte above.
const ARGUMENTS: i32 = 64 << 10;
/// The address of zeros: the results `ok` of all exports.
const OK: i32 = 1_536;
/// Bytes of the largest result, a failure.
const OK_BYTES: usize = 256;
/// The address of the list of definitions, and behind it the one definition and its name.
const DEFINITIONS: i32 = 2_048;
/// Bytes of a `workflow-definition`: a name, three lists, and an enum.
const DEFINITION_BYTES: i32 = 36;
const NAME: &[u8] = b"Smith";
/// How the names of exports begin that free what another one returned.
const FREES: &str = "cabi_post_";
/// Exports that run workflows, and return the address of a result.
const CALLS: [&str; 3] = ["activate", "query", "validate-update"];

/// The core module of a component with the guest's code, which is the first.
///
/// # Errors
/// There is none.
pub(crate) fn core_module(component: &[u8]) -> Result<Vec<u8>> {
    for payload in Parser::new(0).parse_all(component) {
        if let Payload::ModuleSection { unchecked_range, .. } = payload? {
            return Ok(component[unchecked_range].to_vec());
        }
    }
    bail!("the component has no core module")
}

/// Gives a module an allocator and a definition; nothing if it has no place for them. With `succeeds` its exports run,
/// and then return `ok`; else they return what they return, which is hardly ever the address of a result.
///
/// # Errors
/// It cannot be read.
pub(crate) fn finish(module: &[u8], succeeds: bool) -> Result<Option<Vec<u8>>> {
    let census = Census::of(module)?;
    let (Some(allocator), Some(definitions)) = (census.own("cabi_realloc"), census.own("definitions")) else {
        return Ok(None);
    };
    let calls: Vec<_> = CALLS.iter().filter_map(|name| census.call(name)).filter(|_| succeeds).collect();
    // They may call no import, as random code does.
    let freeing = if succeeds { census.own_with(FREES) } else { Vec::new() };
    let (mut finished, mut code, mut position) = (Module::new(), CodeSection::new(), 0);
    for payload in Parser::new(0).parse_all(module) {
        match &payload? {
            Payload::FunctionSection(_) => {
                let mut functions = FunctionSection::new();
                for &ty in census.functions.iter().chain(calls.iter().map(|call| &call.type_index)) {
                    functions.function(ty);
                }
                finished.section(&functions);
            }
            Payload::ExportSection(_) => {
                finished.section(&census.exports(&calls));
            }
            Payload::DataCountSection { count, .. } => {
                let count = count + u32::try_from(segments().len())?;
                finished.section(&DataCountSection { count });
            }
            Payload::CodeSectionStart { .. } => {}
            Payload::CodeSectionEntry(body) => {
                match position {
                    _ if position == allocator => code.function(&allocate()),
                    _ if position == definitions => code.function(&returns(DEFINITIONS)),
                    _ if freeing.contains(&position) => code.function(&nothing()),
                    _ => code.raw(&module[body.range()]),
                };
                position += 1;
                if position == census.bodies() {
                    for call in &calls {
                        code.function(&call.body());
                    }
                    finished.section(&code);
                }
            }
            // Behind the code, with more segments.
            Payload::DataSection(_) => {}
            other => {
                if let Some((id, range)) = other.as_section() {
                    finished.section(&RawSection { id, data: &module[range] });
                }
            }
        }
    }
    let mut data = DataSection::new();
    for segment in &census.data {
        data.raw(segment);
    }
    for (address, bytes) in segments() {
        data.active(0, &ConstExpr::i32_const(address), bytes);
    }
    finished.section(&data);
    Ok(Some(finished.finish()))
}

/// What of a module is changed, and what it takes for that.
#[derive(Default)]
struct Census<'m> {
    types: Vec<FuncType>,
    imported: u32,
    /// The types of its own functions.
    functions: Vec<u32>,
    exports: Vec<(&'m str, ExternalKind, u32)>,
    data: Vec<&'m [u8]>,
}

/// An export that is called by another function in its place.
struct Call {
    name: &'static str,
    function: u32,
    type_index: u32,
    parameters: u32,
}

impl<'m> Census<'m> {
    fn of(module: &'m [u8]) -> Result<Self> {
        let mut census = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::TypeSection(section) => {
                    // Without them exports are not called by another function.
                    census.types =
                        section.into_iter_err_on_gc_types().collect::<Result<_, _>>().unwrap_or_default();
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        census.imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                    }
                }
                Payload::FunctionSection(section) => {
                    census.functions = section.into_iter().collect::<Result<_, _>>()?;
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        census.exports.push((export.name, export.kind, export.index));
                    }
                }
                Payload::DataSection(section) => {
                    for segment in section {
                        census.data.push(&module[segment?.range]);
                    }
                }
                _ => {}
            }
        }
        Ok(census)
    }

    fn bodies(&self) -> u32 {
        u32::try_from(self.functions.len()).unwrap_or(u32::MAX)
    }

    fn function(&self, name: &str) -> Option<u32> {
        let mut exports = self.exports.iter();
        let is_it =
            |(other, kind, _): &&(&str, ExternalKind, u32)| *other == name && *kind == ExternalKind::Func;
        exports.find(is_it).map(|(.., index)| *index)
    }

    /// The position of an exported function among the module's own.
    fn own(&self, name: &str) -> Option<u32> {
        self.function(name)?.checked_sub(self.imported)
    }

    fn own_with(&self, prefix: &str) -> Vec<u32> {
        let names = self.exports.iter().map(|(name, ..)| *name).filter(|name| name.starts_with(prefix));
        names.filter_map(|name| self.own(name)).collect()
    }

    fn call(&self, name: &'static str) -> Option<Call> {
        let type_index = *self.functions.get(self.own(name)? as usize)?;
        let parameters = u32::try_from(self.types.get(type_index as usize)?.params().len()).ok()?;
        Some(Call { name, function: self.function(name)?, type_index, parameters })
    }

    /// The exports, with other functions in the place of some.
    fn exports(&self, calls: &[Call]) -> ExportSection {
        let first = self.imported + self.bodies();
        let places: BTreeMap<&str, u32> =
            (first..).zip(calls).map(|(index, call)| (call.name, index)).collect();
        let mut exports = ExportSection::new();
        for &(name, kind, index) in &self.exports {
            let kind = match kind {
                ExternalKind::Func | ExternalKind::FuncExact => ExportKind::Func,
                ExternalKind::Table => ExportKind::Table,
                ExternalKind::Memory => ExportKind::Memory,
                ExternalKind::Global => ExportKind::Global,
                ExternalKind::Tag => ExportKind::Tag,
            };
            exports.export(name, kind, places.get(name).copied().unwrap_or(index));
        }
        exports
    }
}

impl Call {
    /// Calls the function, and returns `ok` whatever it returned.
    fn body(&self) -> Function {
        let mut body = Function::new([]);
        let mut sink = body.instructions();
        for parameter in 0..self.parameters {
            sink.local_get(parameter);
        }
        sink.call(self.function).drop().i32_const(OK).end();
        body
    }
}

/// Old pointer, old size, alignment, new size: the next free bytes, and a multiple of 8 for the following.
fn allocate() -> Function {
    const POSITION: u32 = 4;
    let cell = MemArg { offset: 0, align: 2, memory_index: 0 };
    let mut body = Function::new([(1, ValType::I32)]);
    let mut sink = body.instructions();
    sink.i32_const(FREE).i32_load(cell).local_set(POSITION);
    sink.i32_const(FREE);
    sink.local_get(POSITION).local_get(3).i32_add().i32_const(7).i32_add().i32_const(-8).i32_and();
    sink.i32_store(cell).local_get(POSITION).end();
    body
}

fn nothing() -> Function {
    let mut body = Function::new([]);
    body.instructions().end();
    body
}

fn returns(address: i32) -> Function {
    let mut body = Function::new([]);
    body.instructions().i32_const(address).end();
    body
}

/// What the allocator and the definitions need in memory, by address.
fn segments() -> [(i32, Vec<u8>); 3] {
    let definition = DEFINITIONS + 8;
    let name = definition + DEFINITION_BYTES;
    let length = i32::try_from(NAME.len()).unwrap_or(i32::MAX);
    let mut definitions: Vec<u8> = [definition, 1, name, length].map(i32::to_le_bytes).concat();
    // Empty lists, and the first case of the enum.
    definitions.resize(8 + DEFINITION_BYTES as usize, 0);
    definitions.extend(NAME);
    [(FREE, ARGUMENTS.to_le_bytes().to_vec()), (OK, vec![0; OK_BYTES]), (DEFINITIONS, definitions)]
}
