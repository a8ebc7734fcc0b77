//! `host new`.

mod name;
mod source;
mod template;

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::Args;

use self::{
    name::CrateName,
    source::{Crates, SourceArgs},
};
use crate::{
    exit::Usage,
    output::{Output, json::Object},
};

/// Makes a crate with a workflow, an activity, a host with both, tests of them, and a recorded run that is replayed.
///
/// The crates that it depends on are not published: they come from the checkout of this program's source where that is
/// still there, or from the one that --path names, or from git.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host new hello
  host new work/hello --path ~/src/workflow-host
  host new hello --git https://git.example/workflow-host

Then, in the folder: `cargo test`; and `cargo module && cargo serve`, which its README explains.")]
pub(crate) struct New {
    /// Name of the crate, or path of its folder, whose last part is the name. It is made, and must not be there.
    #[arg(value_name = "NAME")]
    folder: PathBuf,
    #[command(flatten)]
    source: SourceArgs,
}

impl New {
    pub(super) fn run(self, output: Output) -> anyhow::Result<()> {
        let name = self.name()?;
        let crates = self.source.crates()?;
        if fs::symlink_metadata(&self.folder).is_ok() {
            bail!("{} is there already: choose another name, or remove it", self.folder.display());
        }
        let files = template::files(&name, &crates);
        write(&self.folder, &files, &crates)
            .with_context(|| format!("failed to make {}", self.folder.display()))?;
        if !output.is_text() {
            let object =
                Object::new().field("name", name.package()).field("path", self.folder.display().to_string());
            return output.object(object.field("source", crates.to_string()));
        }
        output.note(format!("{} is made; its crates come from {crates}. Now:", self.folder.display()));
        output.lines(format!(
            "  cd {}\n  cargo test\n  cargo module && cargo serve",
            shell_word(&self.folder.display().to_string())
        ))?;
        output.note("and, while that runs, in another terminal:");
        Ok(output.lines(format!("  {}", template::execute(&name)))?)
    }

    fn name(&self) -> Result<CrateName, Usage> {
        let name = self.folder.file_name().map(OsString::from).unwrap_or_default();
        let name = name.to_string_lossy();
        CrateName::new(&name)
            .map_err(|error| Usage(format!("{name:?} cannot be the name of the crate: {error}")))
    }
}

/// Writes all files elsewhere, and moves the folder into its place: there is all of it or nothing.
fn write(folder: &Path, files: &[(&str, String)], crates: &Crates) -> io::Result<()> {
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    let draft = tempfile::Builder::new().prefix(".host-new-").tempdir_in(parent)?;
    // That folder is for its owner alone; the crate is as others of the user are.
    let made = draft.path().join("crate");
    for (path, text) in files {
        let path = made.join(path);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, text)?;
    }
    if let Some(lock) = crates.lock_file() {
        // The versions that the checkout was built and tested with; what the crate does not need, cargo takes away.
        fs::write(made.join("Cargo.lock"), fs::read(lock)?)?;
    }
    fs::rename(&made, folder)
}

/// The text as one word of a shell.
fn shell_word(text: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || "-_./~+:@".contains(character);
    match text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_words() {
        for (text, expected) in [("a/b-c", "a/b-c"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("$x", "'$x'")]
        {
            assert_eq!(shell_word(text), expected);
        }
    }
}
