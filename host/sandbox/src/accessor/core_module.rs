//! The core module's part of the accessor: functions, a global and exports. They are appended, so that the
//! indices in the module's own code and the addresses in its line tables stay the same.

use std::ops::Range;

use wasm_encoder::{Encode, Function, InstructionSink, MemArg, Module, RawSection};
use wasmparser::{Operator, Parser, Payload, TypeRef, ValType};

use super::{NoAccessor, PREFIX, add_to, is_reserved};

const TYPE_SECTION: u8 = 1;
const FUNCTION_SECTION: u8 = 3;
const GLOBAL_SECTION: u8 = 6;
const EXPORT_SECTION: u8 = 7;
const CODE_SECTION: u8 = 10;

const I32: u8 = 0x7f;
const I64: u8 = 0x7e;
const FUNCTION_EXPORT: u8 = 0;
const MEMORY_EXPORT: u8 = 2;

/// The contents of a core module, as far as the accessor needs them.
#[derive(Debug, Default)]
pub(super) struct Census {
    types: u32,
    functions: u32,
    globals: u32,
    mutable_globals: Vec<(u32, ValType)>,
    memories: u32,
    changes_tables: bool,
    /// Id and byte range of each section.
    sections: Vec<(u8, Range<usize>)>,
}

impl Census {
    pub(super) fn take(module: &[u8]) -> Result<Self, NoAccessor> {
        let mut census = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            let payload = payload?;
            census.sections.extend(payload.as_section());
            census.count(payload)?;
        }
        Ok(census)
    }

    fn count(&mut self, payload: Payload<'_>) -> Result<(), NoAccessor> {
        match payload {
            Payload::TypeSection(section) => {
                for group in section {
                    let types = u32::try_from(group?.types().len()).map_err(|_| NoAccessor::Malformed)?;
                    add_to(&mut self.types, types)?;
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    match import?.ty {
                        TypeRef::Func(_) | TypeRef::FuncExact(_) => add_to(&mut self.functions, 1)?,
                        TypeRef::Global(global) if !global.mutable => add_to(&mut self.globals, 1)?,
                        // The state is in another core module.
                        TypeRef::Global(_) | TypeRef::Memory(_) => return Err(NoAccessor::Spread),
                        TypeRef::Table(_) | TypeRef::Tag(_) => {}
                    }
                }
            }
            Payload::FunctionSection(section) => add_to(&mut self.functions, section.count())?,
            Payload::MemorySection(section) => add_to(&mut self.memories, section.count())?,
            Payload::ExportSection(section) => {
                for export in section {
                    if is_reserved(export?.name) {
                        return Err(NoAccessor::Names);
                    }
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    let ty = global?.ty;
                    if ty.mutable {
                        self.mutable_globals.push((self.globals, ty.content_type));
                    }
                    add_to(&mut self.globals, 1)?;
                }
            }
            Payload::CodeSectionEntry(body) => {
                for operator in body.get_operators_reader()? {
                    self.changes_tables |= changes_tables(&operator?);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether the module has a memory or a mutable global.
    pub(super) fn holds_state(&self) -> bool {
        self.memories > 0 || !self.mutable_globals.is_empty()
    }

    /// Checks that the accessor covers all state of the module.
    pub(super) fn check(&self) -> Result<(), NoAccessor> {
        if self.memories != 1 {
            return Err(NoAccessor::Spread);
        }
        let number = |ty: &ValType| matches!(ty, ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64);
        if self.mutable_globals.iter().all(|(_, ty)| number(ty)) { Ok(()) } else { Err(NoAccessor::Globals) }
    }

    /// Whether the module's code changes tables or drops segments, its own or those that it imports.
    pub(super) fn changes_tables(&self) -> bool {
        self.changes_tables
    }

    pub(super) fn mutable_globals(&self) -> usize {
        self.mutable_globals.len()
    }
}

/// Whether an instruction changes a table or drops a segment, which is state that the accessor does not
/// cover.
fn changes_tables(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::TableSet { .. }
            | Operator::TableGrow { .. }
            | Operator::TableFill { .. }
            | Operator::TableCopy { .. }
            | Operator::TableInit { .. }
            | Operator::ElemDrop { .. }
            | Operator::DataDrop { .. }
    )
}

/// A function that is added to a core module.
struct Added {
    name: String,
    parameters: &'static [u8],
    results: &'static [u8],
    body: Function,
}

/// Adds the functions to a module.
pub(super) fn extend(module: &[u8], census: &Census) -> Result<Vec<u8>, NoAccessor> {
    let added = functions(census);
    let count = u32::try_from(added.len()).map_err(|_| NoAccessor::Malformed)?;
    let (mut types, mut functions, mut exports, mut code) = (vec![], vec![], vec![], vec![]);
    let first_type = census.types.checked_add(count).ok_or(NoAccessor::Malformed)? - count;
    let first_function = census.functions.checked_add(count).ok_or(NoAccessor::Malformed)? - count;
    for (number, function) in (0..count).zip(&added) {
        types.push(0x60);
        function.parameters.encode(&mut types);
        function.results.encode(&mut types);
        (first_type + number).encode(&mut functions);
        function.name.as_str().encode(&mut exports);
        exports.push(FUNCTION_EXPORT);
        (first_function + number).encode(&mut exports);
        function.body.encode(&mut code);
    }
    format!("{PREFIX}-memory").as_str().encode(&mut exports);
    exports.extend([MEMORY_EXPORT, 0]);
    // An i32 that is mutable and initialized with `i32.const 0`.
    let global = vec![I32, 1, 0x41, 0, 0x0b];
    let mut additions = vec![
        (TYPE_SECTION, count, types),
        (FUNCTION_SECTION, count, functions),
        (GLOBAL_SECTION, 1, global),
        (EXPORT_SECTION, count + 1, exports),
        (CODE_SECTION, count, code),
    ];
    let mut extended = Module::new();
    for (id, range) in &census.sections {
        let data = module.get(range.clone()).ok_or(NoAccessor::Malformed)?;
        match additions.iter().position(|(other, ..)| other == id) {
            Some(at) => {
                let (_, count, items) = additions.swap_remove(at);
                let data = append(data, count, &items)?;
                extended.section(&RawSection { id: *id, data: &data });
            }
            None => {
                extended.section(&RawSection { id: *id, data });
            }
        }
    }
    // Compilers emit all of these sections; a module without one gets no accessor.
    if additions.is_empty() { Ok(extended.finish()) } else { Err(NoAccessor::Malformed) }
}

/// Appends items to a section. The count keeps its width, so that the offsets of the other items stay.
fn append(section: &[u8], added: u32, items: &[u8]) -> Result<Vec<u8>, NoAccessor> {
    const CONTINUES: u8 = 0x80;
    let width = section.iter().take(5).take_while(|byte| **byte & CONTINUES != 0).count() + 1;
    let (head, rest) = section.split_at_checked(width).ok_or(NoAccessor::Malformed)?;
    let count = head.iter().rev().fold(0_u64, |count, byte| count << 7 | u64::from(byte & !CONTINUES));
    let mut count = count + u64::from(added);
    let mut extended = Vec::with_capacity(section.len() + items.len());
    for position in 0..width {
        let more = if position + 1 < width { CONTINUES } else { 0 };
        extended.push((count & 0x7f) as u8 | more);
        count >>= 7;
    }
    if count != 0 {
        return Err(NoAccessor::Malformed);
    }
    extended.extend_from_slice(rest);
    extended.extend_from_slice(items);
    Ok(extended)
}

fn functions(census: &Census) -> Vec<Added> {
    const MEMORY: MemArg = MemArg { offset: 0, align: 0, memory_index: 0 };
    const LENGTH: MemArg = MemArg { offset: 4, align: 0, memory_index: 0 };
    let target = census.globals;
    let mut functions = vec![
        function("peek", &[], &[I64], |code| code.i32_const(0).i64_load(MEMORY)),
        function("poke", &[I64], &[], |code| code.i32_const(0).local_get(0).i64_store(MEMORY)),
        // A list is returned as a pointer and a length, which are in memory themselves.
        function("read", &[], &[I32], |code| {
            code.i32_const(0).i32_const(0).i32_store(MEMORY);
            code.i32_const(0).memory_size(0).i32_const(16).i32_shl().i32_store(LENGTH).i32_const(0)
        }),
        function("aim", &[I32], &[], |code| code.local_get(0).global_set(target)),
        // wasmtime calls it to place an argument.
        function("realloc", &[I32, I32, I32, I32], &[I32], |code| code.global_get(target)),
        function("write", &[I32, I32], &[], |code| code),
        function("grow", &[I32], &[I32], |code| code.local_get(0).memory_grow(0)),
    ];
    for (number, (index, ty)) in census.mutable_globals.iter().enumerate() {
        functions.push(function(&format!("get-global{number}"), &[], &[I64], |code| {
            code.global_get(*index);
            match ty {
                ValType::I32 => code.i64_extend_i32_u(),
                ValType::F32 => code.i32_reinterpret_f32().i64_extend_i32_u(),
                ValType::F64 => code.i64_reinterpret_f64(),
                _ => code,
            }
        }));
        functions.push(function(&format!("set-global{number}"), &[I64], &[], |code| {
            code.local_get(0);
            match ty {
                ValType::I32 => code.i32_wrap_i64(),
                ValType::F32 => code.i32_wrap_i64().f32_reinterpret_i32(),
                ValType::F64 => code.f64_reinterpret_i64(),
                _ => code,
            };
            code.global_set(*index)
        }));
    }
    functions
}

fn function(
    name: &str,
    parameters: &'static [u8],
    results: &'static [u8],
    body: impl for<'a, 'b> FnOnce(&'a mut InstructionSink<'b>) -> &'a mut InstructionSink<'b>,
) -> Added {
    let mut function = Function::new([]);
    body(&mut function.instructions()).end();
    Added { name: format!("{PREFIX}-{name}"), parameters, results, body: function }
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        CodeSection, ConstExpr, EntityType, FunctionSection, GlobalSection, GlobalType, ImportSection,
        MemorySection, MemoryType, TypeSection, ValType,
    };

    use super::*;

    /// A core module with one function and the given imports, memories and globals.
    fn module(
        imports: &[(EntityType, &str)],
        memories: u32,
        globals: &[GlobalType],
        body: impl for<'a, 'b> FnOnce(&'a mut InstructionSink<'b>) -> &'a mut InstructionSink<'b>,
    ) -> Vec<u8> {
        let (mut types, mut functions, mut code) =
            (TypeSection::new(), FunctionSection::new(), CodeSection::new());
        types.ty().function([], []);
        functions.function(0);
        let mut function = Function::new([]);
        body(&mut function.instructions()).end();
        code.function(&function);
        let mut import_section = ImportSection::new();
        for (ty, name) in imports {
            import_section.import("m", name, *ty);
        }
        let mut memory_section = MemorySection::new();
        for _ in 0..memories {
            memory_section.memory(MEMORY);
        }
        let mut global_section = GlobalSection::new();
        for global in globals {
            global_section.global(*global, &ConstExpr::i32_const(0));
        }
        let mut module = Module::new();
        module.section(&types).section(&import_section).section(&functions).section(&memory_section);
        module.section(&global_section).section(&code);
        module.finish()
    }

    const MEMORY: MemoryType =
        MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None };
    const GLOBAL: GlobalType = GlobalType { val_type: ValType::I32, mutable: true, shared: false };

    #[test]
    fn what_is_counted() {
        let constant = GlobalType { mutable: false, ..GLOBAL };
        let imports = [(EntityType::Function(0), "f"), (EntityType::Global(constant), "g")];
        let census = Census::take(&module(&imports, 1, &[constant, GLOBAL], |code| code)).unwrap();
        assert_eq!((census.types, census.functions, census.globals, census.memories), (1, 2, 3, 1));
        assert_eq!(census.mutable_globals, [(2, wasmparser::ValType::I32)]);
        assert!(census.holds_state());
        assert_eq!(census.check(), Ok(()));
        assert!(!Census::take(&module(&imports, 0, &[constant], |code| code)).unwrap().holds_state());
    }

    #[test]
    fn what_is_not_covered() {
        let verdict = |module: Vec<u8>| Census::take(&module).and_then(|census| census.check());
        assert_eq!(verdict(module(&[], 2, &[], |code| code)), Err(NoAccessor::Spread));
        assert_eq!(
            verdict(module(&[(EntityType::Memory(MEMORY), "m")], 0, &[], |code| code)),
            Err(NoAccessor::Spread)
        );
        assert_eq!(
            verdict(module(&[(EntityType::Global(GLOBAL), "g")], 0, &[], |code| code)),
            Err(NoAccessor::Spread)
        );
        let vector = GlobalType { val_type: ValType::V128, ..GLOBAL };
        assert_eq!(verdict(module(&[], 1, &[vector], |code| code)), Err(NoAccessor::Globals));
        for changes in [
            module(&[], 1, &[], |code| code.elem_drop(0)),
            module(&[], 1, &[], |code| code.data_drop(0)),
            module(&[], 1, &[], |code| code.table_set(0)),
            module(&[], 1, &[], |code| code.table_grow(0)),
            module(&[], 1, &[], |code| code.table_fill(0)),
            module(&[], 1, &[], |code| code.table_copy(0, 0)),
            module(&[], 1, &[], |code| code.table_init(0, 0)),
        ] {
            assert!(Census::take(&changes).unwrap().changes_tables());
        }
        assert_eq!(verdict(module(&[], 0, &[GLOBAL], |code| code)), Err(NoAccessor::Spread));
        assert_eq!(verdict(b"\0asm".to_vec()), Err(NoAccessor::Malformed));
    }

    #[test]
    fn counts_that_lie_are_no_overflow() {
        // Two sections that say how many functions they have: more than all together can be.
        let section = RawSection { id: FUNCTION_SECTION, data: &[0xff, 0xff, 0xff, 0xff, 0x0f] };
        let mut module = Module::new();
        module.section(&section).section(&section);
        assert_eq!(Census::take(&module.finish()).unwrap_err(), NoAccessor::Malformed);
    }

    #[test]
    fn counts_keep_their_width() {
        assert_eq!(append(&[0x05, 1, 2], 3, &[9]), Ok(vec![0x08, 1, 2, 9]));
        assert_eq!(append(&[0x85, 0x00, 7], 3, &[9]), Ok(vec![0x88, 0x00, 7, 9]));
        assert_eq!(append(&[0xff, 0x01, 7], 2, &[]), Ok(vec![0x81, 0x02, 7]));
        assert_eq!(append(&[0x7f, 7], 1, &[9]), Err(NoAccessor::Malformed));
        assert_eq!(append(&[], 1, &[9]), Err(NoAccessor::Malformed));
    }
}
