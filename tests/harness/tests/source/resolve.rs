//! Resolves paths to the files that define their items.

use std::path::PathBuf;

use super::Crate;
use super::file::GLOB;

/// The target of a path.
enum Named {
    Module(usize),
    /// An item, with the module that defines it.
    ItemOf(usize),
}

/// The longest chain of re-exports that is followed.
const MAX_DEPTH: usize = 16;

impl Crate {
    /// The file that defines the target of a path in a module. `None` for a path into another crate.
    pub(crate) fn file_of(&self, module: usize, path: &[String]) -> Option<PathBuf> {
        let (Named::Module(found) | Named::ItemOf(found)) = self.resolve(module, path, 0)?;
        Some(self.modules[found].file.clone())
    }

    fn resolve(&self, module: usize, path: &[String], depth: usize) -> Option<Named> {
        let (first, rest) = path.split_first()?;
        let mut named = match first.as_str() {
            "crate" => Named::Module(0),
            "self" => Named::Module(module),
            "super" => Named::Module(self.enclosing(module)?),
            name => self.lookup(module, name, depth)?,
        };
        for name in rest {
            named = match named {
                Named::Module(inner) if name == "super" => Named::Module(self.enclosing(inner)?),
                Named::Module(inner) if name == GLOB => Named::Module(inner),
                // What a macro defines is not found, and belongs to the module that calls the macro.
                Named::Module(inner) => self.lookup(inner, name, depth).unwrap_or(Named::ItemOf(inner)),
                // A variant, an associated function.
                Named::ItemOf(inner) => Named::ItemOf(inner),
            };
        }
        Some(named)
    }

    fn enclosing(&self, module: usize) -> Option<usize> {
        self.modules[module].parent
    }

    /// Looks a name up among the children, items and imports of a module.
    fn lookup(&self, module: usize, name: &str, depth: usize) -> Option<Named> {
        let depth = Some(depth + 1).filter(|depth| *depth < MAX_DEPTH)?;
        let found = &self.modules[module];
        if let Some(child) = found.children.get(name) {
            return Some(Named::Module(*child));
        }
        if found.items.defined.contains(name) {
            return Some(Named::ItemOf(module));
        }
        let imports = || found.items.imports.iter();
        // The path of an import may begin with the name that it imports, of a crate.
        let import =
            imports().find(|import| import.name == name && import.path.first() != Some(&import.name));
        if let Some(import) = import {
            return self.resolve(module, &import.path, depth);
        }
        imports().filter(|import| import.name == GLOB).find_map(|import| {
            let Named::Module(other) = self.resolve(module, &import.path, depth)? else { return None };
            if other == module { None } else { self.lookup(other, name, depth) }
        })
    }
}
