//! Components of unusual shapes: each runs, and its guests are copied only if that misses nothing; or it is refused,
//! with the reason.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

#[path = "support/rewrite.rs"]
mod rewrite;
mod support;
#[path = "support/tiny.rs"]
mod tiny;

use host_sandbox::limits::{MAX_CORE_INSTANCES, MAX_TABLES, MAX_TYPE_DEPTH};
use host_sandbox::{Config, Engine, Fault, HostFault, LoadError};
use support::{ScriptRun, config};
use tiny::tiny_guest;
use wasm_encoder::{
    Alias, CanonicalFunctionSection, CodeSection, Component, ComponentAliasSection, ComponentExportKind,
    ComponentExportSection, ComponentSectionId, ComponentTypeSection, ComponentValType, ConstExpr,
    ExportKind, ExportSection, Function, FunctionSection, GlobalSection, GlobalType, HeapType,
    InstanceSection, MemorySection, MemoryType, Module, ModuleArg, ModuleSection, NestedComponentSection,
    PrimitiveValType, RawSection, RefType, TableSection, TableType, TypeSection, ValType,
};
use wasmparser::{Validator, WasmFeatures};

/// Instances of core modules in a guest that wit-bindgen made: its code, and two modules that forward calls.
const CORE_INSTANCES_OF_A_GUEST: u32 = 3;

/// The first bytes of types that have declarations.
const COMPONENT_TYPE: u8 = 0x41;
const INSTANCE_TYPE: u8 = 0x42;

/// A guest that more sections are appended to.
struct Extended {
    component: Component,
    core_modules: u32,
    core_instances: u32,
    core_functions: u32,
    types: u32,
    functions: u32,
}

impl Extended {
    fn new() -> Self {
        let bytes = tiny_guest();
        let types = Validator::new_with_features(WasmFeatures::all()).validate_all(&bytes).unwrap();
        let types = types.as_ref();
        let mut component = Component::new();
        for (id, data) in rewrite::sections(&bytes) {
            component.section(&RawSection { id, data: &data });
        }
        Self {
            component,
            core_modules: types.module_count(),
            core_instances: types.core_instance_count(),
            core_functions: types.function_count(),
            types: types.component_type_count(),
            functions: types.component_function_count(),
        }
    }

    /// Adds a core module and so many instances of it.
    fn core(mut self, module: &Module, instances: u32) -> Self {
        self.component.section(&ModuleSection(module));
        let mut section = InstanceSection::new();
        for _ in 0..instances {
            section.instantiate(self.core_modules, [] as [(&str, ModuleArg); 0]);
        }
        self.component.section(&section);
        self.core_modules += 1;
        self.core_instances += instances;
        self
    }

    /// Exports a function of the last core instance, which takes nothing and returns an i64.
    fn export(mut self, core_name: &str, name: &str) -> Self {
        let mut aliases = ComponentAliasSection::new();
        aliases.alias(Alias::CoreInstanceExport {
            instance: self.core_instances - 1,
            kind: ExportKind::Func,
            name: core_name,
        });
        let mut types = ComponentTypeSection::new();
        let parameters = [] as [(&str, PrimitiveValType); 0];
        types.function().params(parameters).result(Some(PrimitiveValType::U64.into()));
        let mut canonicals = CanonicalFunctionSection::new();
        canonicals.lift(self.core_functions, self.types, []);
        let mut exports = ComponentExportSection::new();
        exports.export(name, ComponentExportKind::Func, self.functions, None);
        self.component.section(&aliases).section(&types).section(&canonicals).section(&exports);
        self.core_functions += 1;
        self.types += 1;
        self.functions += 2;
        self
    }

    /// Adds a component inside, and an instance of it.
    fn nested(mut self, inner: Component) -> Self {
        self.component.section(&NestedComponentSection(&inner));
        self
    }

    fn resource(mut self) -> Self {
        let mut types = ComponentTypeSection::new();
        types.resource(ValType::I32, None);
        let mut canonicals = CanonicalFunctionSection::new();
        canonicals.resource_new(self.types);
        self.component.section(&types).section(&canonicals);
        self.types += 1;
        self.core_functions += 1;
        self
    }

    fn finish(self) -> Vec<u8> {
        self.component.finish()
    }
}

/// What a core module has.
#[derive(Clone, Copy, Default)]
struct Parts {
    memories: u32,
    tables: u32,
    global: bool,
    /// The exported function `run` changes a table, and else returns 7.
    sets_table: bool,
}

fn core(parts: Parts) -> Module {
    let mut types = TypeSection::new();
    types.ty().function([], [ValType::I64]);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut tables = TableSection::new();
    for _ in 0..parts.tables {
        let element_type = RefType { nullable: true, heap_type: HeapType::FUNC };
        tables.table(TableType { element_type, minimum: 1, maximum: None, table64: false, shared: false });
    }
    let mut memories = MemorySection::new();
    for _ in 0..parts.memories {
        let (minimum, maximum) = (1, None);
        memories.memory(MemoryType {
            minimum,
            maximum,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
    }
    let mut globals = GlobalSection::new();
    if parts.global {
        let ty = GlobalType { val_type: ValType::I64, mutable: true, shared: false };
        globals.global(ty, &ConstExpr::i64_const(1));
    }
    let mut exports = ExportSection::new();
    exports.export("run", ExportKind::Func, 0);
    let mut body = Function::new([]);
    if parts.sets_table {
        body.instructions().i32_const(0).ref_null(HeapType::FUNC).table_set(0);
    }
    body.instructions().i64_const(7).end();
    let mut code = CodeSection::new();
    code.function(&body);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&tables).section(&memories).section(&globals);
    module.section(&exports).section(&code);
    module
}

/// Loads a module and runs a guest, then checks whether it can be copied, or why not.
fn check(bytes: &[u8], expected: Result<(), &str>) {
    let module = Engine::new(config()).unwrap().load(bytes).unwrap();
    let mut run = ScriptRun::new(&module);
    run.start("").unwrap();
    match (run.instance.save(), expected) {
        (Ok(snapshot), Ok(())) => {
            let hash = run.instance.state_hash().unwrap();
            run = ScriptRun::new(&module);
            run.instance.restore(&snapshot).unwrap();
            assert_eq!(run.instance.state_hash().unwrap(), hash);
        }
        (Err(Fault::Host(HostFault::State(reason))), Err(expected)) => {
            assert!(reason.contains(expected), "{reason}");
            assert!(matches!(run.instance.state_hash(), Err(Fault::Host(HostFault::State(_)))));
        }
        (saved, expected) => panic!("{expected:?}, but {:?}", saved.map(|_| ())),
    }
    // It goes on, whether it was copied or not.
    run.activate(support::task(Vec::new())).unwrap();
}

fn refusal(bytes: &[u8]) -> LoadError {
    Engine::new(config()).unwrap().load(bytes).unwrap_err()
}

#[test]
fn plain_guests_are_copied() {
    check(&tiny_guest(), Ok(()));
    check(&Extended::new().core(&core(Parts::default()), 1).export("run", "more").finish(), Ok(()));
    check(&Extended::new().nested(Component::new()).finish(), Ok(()));
}

#[test]
fn exports_of_a_guest_are_never_taken_for_those_of_the_host() {
    let named = |name: &str| Extended::new().core(&core(Parts::default()), 1).export("run", name).finish();
    for name in [
        "accessor-get-global1",
        "accessor-set-global1",
        "accessor-get-global7",
        "accessor-peek",
        "accessor-x",
    ] {
        check(&named(name), Err("named like those that the host adds"));
    }
}

#[test]
fn state_outside_of_the_memory_is_not_missed() {
    let with = |parts: Parts| Extended::new().core(&core(parts), 1).export("run", "more").finish();
    check(&with(Parts { global: true, ..Parts::default() }), Err("spread over several"));
    check(
        &with(Parts { tables: 1, sets_table: true, ..Parts::default() }),
        Err("changes tables or drops segments"),
    );
    check(&Extended::new().resource().finish(), Err("resources"));
    for tables in [1, 2] {
        check(&with(Parts { tables, ..Parts::default() }), Ok(()));
    }
}

#[test]
fn components_inside_are_copied_if_they_have_no_code() {
    let mut inner = Component::new();
    inner.section(&ModuleSection(&core(Parts { global: true, ..Parts::default() })));
    let mut instances = InstanceSection::new();
    instances.instantiate(0, [] as [(&str, ModuleArg); 0]);
    inner.section(&instances);
    check(&Extended::new().nested(inner).finish(), Err("components inside it that have code"));
    let mut deep = Component::new();
    for _ in 0..20 {
        let mut outer = Component::new();
        outer.section(&NestedComponentSection(&deep));
        deep = outer;
    }
    let error = refusal(&Extended::new().nested(deep).finish());
    assert!(error.to_string().contains("nested more than 8 deep"), "{error}");
}

/// The parser calls itself for each level, and would end the process: there is no child process here.
#[test]
fn types_inside_types_are_counted_before_they_are_parsed() {
    const TYPE_SECTION: u8 = ComponentSectionId::Type as u8;
    let nested = |first: u8, levels: usize| {
        let mut data = vec![1];
        for _ in 1..levels {
            // A type with one declaration, that of a type.
            data.extend([first, 1, 1]);
        }
        data.extend([first, 0]);
        let mut extended = Extended::new();
        extended.component.section(&RawSection { id: TYPE_SECTION, data: &data });
        extended.finish()
    };
    for kind in [COMPONENT_TYPE, INSTANCE_TYPE] {
        check(&nested(kind, 50), Ok(()));
        for levels in [MAX_TYPE_DEPTH + 1, 1_000_000] {
            let error = refusal(&nested(kind, levels));
            assert!(error.to_string().contains("types are nested more than 100 deep"), "{error}");
        }
    }
    // The same in a component inside, after a declaration of each other kind.
    let mut inner = Component::new();
    let mut data = vec![1];
    for _ in 0..10_000 {
        let core_module_type = [0, 0x50, 0];
        let alias_of_outer_type = [2, 3, 2, 0, 0];
        let import_of_a_function = [3, 0, 1, b'i', 1, 0];
        let export_of_a_type = [4, 0, 1, b'e', 3, 1];
        data.extend([COMPONENT_TYPE, 5]);
        data.extend(core_module_type);
        data.extend(alias_of_outer_type);
        data.extend(import_of_a_function);
        data.extend(export_of_a_type);
        data.push(1);
    }
    data.extend([COMPONENT_TYPE, 0]);
    inner.section(&RawSection { id: TYPE_SECTION, data: &data });
    let error = refusal(&Extended::new().nested(inner).finish());
    assert!(error.to_string().contains("types are nested more than 100 deep"), "{error}");
}

/// Each is a list of the one before.
#[test]
fn types_of_types_do_not_end_the_process() {
    let mut extended = Extended::new();
    let mut types = ComponentTypeSection::new();
    types.defined_type().list(PrimitiveValType::U8);
    for number in 0..100_000 {
        types.defined_type().list(ComponentValType::Type(extended.types + number));
    }
    extended.component.section(&types);
    let _ = Engine::new(config()).unwrap().load(&extended.finish());
}

#[test]
fn a_guest_takes_the_places_of_one() {
    let memory = core(Parts { memories: 1, ..Parts::default() });
    for instances in [1, 11] {
        let error = refusal(&Extended::new().core(&memory, instances).finish());
        let expected = format!("one linear memory, and this one has {}", instances + 1);
        assert!(error.to_string().contains(&expected), "{error}");
    }
    let table = core(Parts { tables: 1, ..Parts::default() });
    let error = refusal(&Extended::new().core(&table, MAX_TABLES).finish());
    assert!(error.to_string().contains("at most 4 tables, and this one has"), "{error}");
    let error = refusal(&Extended::new().core(&core(Parts::default()), MAX_CORE_INSTANCES + 1).finish());
    assert!(error.to_string().contains("core module instances"), "{error}");
    // What one guest may have never fills the pool before there are as many guests as it is made for.
    let room = MAX_CORE_INSTANCES - CORE_INSTANCES_OF_A_GUEST;
    let full = Extended::new().core(&core(Parts::default()), room).finish();
    let engine = Engine::new(Config { instances: 3, ..config() }).unwrap();
    let module = engine.load(&full).unwrap();
    let _guests: Vec<_> = (0..3).map(|_| ScriptRun::new(&module)).collect();
}

#[test]
fn counts_of_sections_may_lie() {
    // Two type sections and two sections of functions that claim four billion items each.
    let lie = [0xff, 0xff, 0xff, 0xff, 0x0f];
    for id in [ComponentSectionId::Type, ComponentSectionId::Alias, ComponentSectionId::CanonicalFunction] {
        let mut extended = Extended::new();
        for _ in 0..2 {
            extended.component.section(&RawSection { id: id as u8, data: &lie });
        }
        refusal(&extended.finish());
    }
    let module = rewrite::with_core(&tiny_guest(), |core| {
        let mut changed = Module::new();
        for (id, data) in rewrite::sections(core) {
            let data = if matches!(id, 3 | 5 | 6) { lie.to_vec() } else { data };
            changed.section(&RawSection { id, data: &data });
        }
        changed.finish()
    });
    refusal(&module);
}
