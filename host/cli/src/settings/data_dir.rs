//! `--data-dir`: where a host keeps what must survive it.

use std::path::PathBuf;

use clap::Args;

use crate::exit::Usage;

/// Name of the folder among the data of the user's other programs.
const FOLDER: &str = "workflow-host";

/// Folder in it for compiled modules.
const COMPILED: &str = "compiled";

/// Argument `--data-dir`.
#[derive(Args, Clone, Debug)]
pub(crate) struct DataDirArgs {
    /// Folder with every module that was ever admitted, and their compiled code [default: workflow-host
    /// in the user's data folder].
    #[arg(long, value_name = "PATH", env = "HOST_DATA_DIR")]
    data_dir: Option<PathBuf>,
}

impl DataDirArgs {
    /// The folder with the compiled code of modules, in the data folder.
    pub(crate) fn compiled(&self) -> Result<PathBuf, Usage> {
        Ok(self.path()?.join(COMPILED))
    }

    /// The folder; it need not be there.
    pub(crate) fn path(&self) -> Result<PathBuf, Usage> {
        if let Some(path) = &self.data_dir {
            return Ok(path.clone());
        }
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        // The XDG base directory specification.
        let data = variable("XDG_DATA_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| variable("HOME").map(|home| home.join(".local/share")));
        match data {
            Some(data) => Ok(data.join(FOLDER)),
            None => Err(Usage("--data-dir is needed: there is no home folder to keep modules in".to_owned())),
        }
    }
}
