//! The modules of a crate and their imports, read from the tokens of its files.

mod file;
mod resolve;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use file::Items;

/// The modules of a crate. Module 0 is the root.
pub(crate) struct Crate {
    modules: Vec<Module>,
}

/// A module: a file, or a block within one.
struct Module {
    file: PathBuf,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    items: Items,
}

impl Crate {
    /// Reads the file of the root module, and the files of all modules below it.
    pub(crate) fn read(root: &Path) -> Self {
        let mut this = Self { modules: Vec::new() };
        let folder = root.parent().unwrap().to_owned();
        this.add(root, None, &folder, Items::read(root));
        this
    }

    /// Adds a module. The files of its children are in `folder`.
    fn add(&mut self, file: &Path, parent: Option<usize>, folder: &Path, mut items: Items) -> usize {
        let index = self.modules.len();
        let (files, blocks) =
            (std::mem::take(&mut items.child_files), std::mem::take(&mut items.child_blocks));
        self.modules.push(Module { file: file.to_owned(), parent, children: BTreeMap::new(), items });
        for name in files {
            let below = folder.join(&name);
            let flat = below.with_extension("rs");
            let child = if flat.exists() { flat } else { below.join("mod.rs") };
            let added = self.add(&child, Some(index), &below, Items::read(&child));
            self.modules[index].children.insert(name, added);
        }
        for (name, items) in blocks {
            let added = self.add(file, Some(index), &folder.join(&name), items);
            self.modules[index].children.insert(name, added);
        }
        index
    }

    /// For each file of the crate, the other files whose items it uses. A re-export that the file does not
    /// use itself does not count.
    pub(crate) fn imports(&self) -> BTreeMap<PathBuf, BTreeSet<PathBuf>> {
        let mut imports: BTreeMap<PathBuf, BTreeSet<PathBuf>> = BTreeMap::new();
        for (index, module) in self.modules.iter().enumerate() {
            let others = imports.entry(module.file.clone()).or_default();
            let used = module
                .items
                .imports
                .iter()
                .filter(|import| !import.is_public || module.items.mentioned.contains(&import.name));
            let paths = used.map(|import| &import.path).chain(&module.items.paths);
            let files = paths.filter_map(|path| self.file_of(index, path));
            others.extend(files.filter(|file| *file != module.file));
        }
        imports
    }
}
