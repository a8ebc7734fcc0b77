//! A guest that compiles in milliseconds: the types of a real one, and hand-made code that does nothing.

#![allow(dead_code, unreachable_pub, reason = "every test target uses its own part of it")]

use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ExportKind, ExportSection, Function, FunctionSection, GlobalSection,
    GlobalType, MemorySection, MemoryType, Module, TypeSection, ValType,
};
use wasmparser::{ExternalKind, FuncType, Parser, Payload, TypeRef};

use crate::rewrite;
use crate::support::small_guest;

/// An address with zeros: the results `ok` of all exports.
const OK: i32 = 1_024;
/// The address of the list of definitions, and behind it the one definition and its name.
const DEFINITIONS: i32 = 2_048;
/// Arguments are placed from here on.
const ARGUMENTS: i32 = 4_096;
/// Bytes of a `workflow-definition`: a name, three lists, and an enum.
const DEFINITION_BYTES: i32 = 36;
const NAME: &[u8] = b"Tiny";

/// The guest, with one workflow named `Tiny`.
pub fn tiny_guest() -> Vec<u8> {
    rewrite::with_core(&small_guest(), tiny)
}

/// A core module with the exports of another one.
fn tiny(original: &[u8]) -> Vec<u8> {
    let mut types = TypeSection::new();
    let (mut functions, mut exports, mut code) =
        (FunctionSection::new(), ExportSection::new(), CodeSection::new());
    for (number, (name, ty)) in (0..).zip(exported(original)) {
        types.ty().function(numbers(ty.params()), numbers(ty.results()));
        functions.function(number);
        exports.export(&name, ExportKind::Func, number);
        code.function(&body(&name, &ty));
    }
    exports.export("memory", ExportKind::Memory, 0);
    let mut memories = MemorySection::new();
    let (minimum, maximum) = (1, None);
    memories.memory(MemoryType { minimum, maximum, memory64: false, shared: false, page_size_log2: None });
    let mut globals = GlobalSection::new();
    let ty = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
    globals.global(ty, &ConstExpr::i32_const(ARGUMENTS));
    let definition = DEFINITIONS + 8;
    let name = definition + DEFINITION_BYTES;
    let words = [definition, 1, name, i32::try_from(NAME.len()).expect("a short name")];
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(DEFINITIONS), words.map(i32::to_le_bytes).concat());
    data.active(0, &ConstExpr::i32_const(name), NAME.iter().copied());
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&memories).section(&globals).section(&exports);
    module.section(&code).section(&data);
    module.finish()
}

fn numbers(types: &[wasmparser::ValType]) -> Vec<ValType> {
    let number = |ty: &wasmparser::ValType| match ty {
        wasmparser::ValType::I32 => ValType::I32,
        wasmparser::ValType::I64 => ValType::I64,
        wasmparser::ValType::F32 => ValType::F32,
        wasmparser::ValType::F64 => ValType::F64,
        other => panic!("no export of a guest takes {other}"),
    };
    types.iter().map(number).collect()
}

fn body(name: &str, ty: &FuncType) -> Function {
    const POSITION: u32 = 0;
    let mut body = Function::new([]);
    let mut sink = body.instructions();
    match (name, ty.results()) {
        // Old pointer, old size, alignment, new size: the next free bytes, and a multiple of 8 for the following.
        ("cabi_realloc", _) => {
            sink.global_get(POSITION);
            sink.global_get(POSITION).local_get(3).i32_add().i32_const(7).i32_add().i32_const(-8).i32_and();
            sink.global_set(POSITION);
        }
        (_, []) => {}
        ("definitions", _) => {
            sink.i32_const(DEFINITIONS);
        }
        _ => {
            sink.i32_const(ARGUMENTS).global_set(POSITION).i32_const(OK);
        }
    }
    sink.end();
    body
}

/// The functions that a module exports.
fn exported(module: &[u8]) -> Vec<(String, FuncType)> {
    let (mut types, mut functions, mut exported) = (Vec::new(), Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(module) {
        match payload.expect("the original is a module") {
            Payload::TypeSection(section) => {
                types.extend(section.into_iter_err_on_gc_types().map(|ty| ty.expect("a function type")));
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    if let TypeRef::Func(ty) = import.expect("an import").ty {
                        functions.push(ty);
                    }
                }
            }
            Payload::FunctionSection(section) => {
                functions.extend(section.into_iter().map(|ty| ty.expect("a function")));
            }
            Payload::ExportSection(section) => {
                for export in section.into_iter().map(|export| export.expect("an export")) {
                    if export.kind == ExternalKind::Func {
                        let ty = &types[functions[export.index as usize] as usize];
                        exported.push((export.name.to_owned(), FuncType::clone(ty)));
                    }
                }
            }
            _ => {}
        }
    }
    exported
}
