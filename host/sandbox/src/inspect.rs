//! Reads the outermost sections of a file: enough to refuse what is no workflow module before it is compiled.

use wasmparser::{ComponentTypeRef, Encoding, Parser, Payload, TypeBounds};

use crate::limits::MAX_MODULE_BYTES;
use crate::load_error::LoadError;

/// The names of the imports and exports of a component.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outline {
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
}

const WASM_MAGIC: &[u8] = b"\0asm";

/// Reads the outline of a component. The error says what the bytes are instead.
pub(crate) fn outline(bytes: &[u8]) -> Result<Outline, LoadError> {
    if bytes.len() > MAX_MODULE_BYTES {
        return Err(LoadError::TooLarge { bytes: bytes.len() });
    }
    if wasmtime::Engine::detect_precompiled(bytes).is_some() {
        return Err(LoadError::NativeCode);
    }
    if !bytes.starts_with(WASM_MAGIC) {
        return Err(LoadError::NotWasm(describe(bytes)));
    }
    let mut outline = Outline::default();
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|error| LoadError::malformed(&error))? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                return Err(LoadError::CoreModule);
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let import = import.map_err(|error| LoadError::malformed(&error))?;
                    // An alias of a type that another import defines needs no implementation.
                    if !matches!(import.ty, ComponentTypeRef::Type(TypeBounds::Eq(_))) {
                        outline.imports.push(import.name.name.to_owned());
                    }
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    outline
                        .exports
                        .push(export.map_err(|error| LoadError::malformed(&error))?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(outline)
}

fn describe(bytes: &[u8]) -> &'static str {
    match bytes {
        [] => "an empty file",
        [0x7f, b'E', b'L', b'F', ..] => "a native executable or library",
        [b'(', ..] => "WebAssembly text; assemble it first",
        _ if std::str::from_utf8(&bytes[..bytes.len().min(64)]).is_ok() => "a text file",
        _ => "something else",
    }
}
