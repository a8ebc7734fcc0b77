#![allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::too_many_lines,
    reason = "generated from the contract, whose items carry their own documentation"
)]
//! Types and traits of the contract, generated from `wit/`.

wasmtime::component::bindgen!({
    // A link to the folder at the root, so that a package of this crate has the files.
    path: "wit",
    world: "workflow-module",
    imports: { default: trappable },
    additional_derives: [PartialEq],
    require_store_data_send: true,
});

impl WorkflowModuleIndices {
    /// The exports of an instance of a component for which [`load`](Self::load) has succeeded before. It checks no
    /// types: those are the component's, the same for all instances, as no export passes a resource. `None` if an
    /// export is not there.
    pub(crate) fn load_again(
        &self,
        mut store: impl wasmtime::AsContextMut,
        instance: &wasmtime::component::Instance,
    ) -> Option<WorkflowModule> {
        let mut export =
            |index: &wasmtime::component::ComponentExportIndex| instance.get_func(&mut store, index);
        Some(WorkflowModule {
            definitions: export(&self.definitions)?,
            activate: export(&self.activate)?,
            query: export(&self.query)?,
            validate_update: export(&self.validate_update)?,
        })
    }
}
