//! A module that is small and makes a compiler work for hours.

use wasm_encoder::{
    BlockType, CanonicalOption, CodeSection, ComponentBuilder, ComponentExportKind, ComponentValType,
    ExportKind, ExportSection, Function, FunctionSection, Module, ModuleArg, TypeSection, ValType,
};

/// The exports that a workflow module has; a host looks for them before it compiles.
const EXPORTS: [&str; 4] = ["definitions", "activate", "query", "validate-update"];

/// A component whose one function has so many variables and loops. Compilers look for each variable
/// through all loops.
#[must_use]
pub fn compiler_bomb(variables: u32, loops: u32) -> Vec<u8> {
    let mut component = ComponentBuilder::default();
    let core = component.core_module(None, &core_module(variables, loops));
    let instance = component.core_instantiate(None, core, [] as [(&str, ModuleArg); 0]);
    let (function_type, mut encoder) = component.type_function(None);
    encoder.params([] as [(&str, ComponentValType); 0]).result(None);
    let function = component.core_alias_export(None, instance, "work", ExportKind::Func);
    let lifted = component.lift_func(None, function, function_type, [] as [CanonicalOption; 0]);
    for name in EXPORTS {
        component.export(name, ComponentExportKind::Func, lifted, None);
    }
    component.finish()
}

fn core_module(variables: u32, loops: u32) -> Module {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut exports = ExportSection::new();
    exports.export("work", ExportKind::Func, 0);
    let mut code = CodeSection::new();
    code.function(&body(variables, loops));
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&exports).section(&code);
    module
}

fn body(variables: u32, loops: u32) -> Function {
    let mut body = Function::new([(variables, ValType::I64)]);
    let mut sink = body.instructions();
    for number in 0..loops {
        sink.loop_(BlockType::Empty);
        sink.local_get(number % variables).i64_eqz().br_if(0);
        sink.end();
    }
    for variable in 0..variables {
        sink.local_get(variable).i64_const(1).i64_add().local_set(variable);
    }
    sink.end();
    body
}
