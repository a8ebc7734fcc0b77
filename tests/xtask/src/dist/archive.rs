//! Archives and checksums, by the tools that every Linux has. The same files make the same bytes: sorted, owned by root, of one
//! time.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{output, run};

/// The file `FOLDER.tar.gz` of a folder, whose name its paths begin with.
pub(super) fn compressed(folder: &Path) -> Result<PathBuf> {
    let name = folder.file_name().context("no name")?;
    let mut archive = folder.as_os_str().to_owned();
    archive.push(".tar");
    let archive = PathBuf::from(archive);
    tar(&archive, folder.parent().context("no folder")?, &[Path::new(name)], 0)?;
    gzip(&archive)
}

/// Writes files and folders of `from` to an archive, owned by a user and group. One that is there gets them as well.
pub(super) fn tar(archive: &Path, from: &Path, files: &[&Path], owner: u32) -> Result<()> {
    let mode = if archive.exists() { "--append" } else { "--create" };
    let mut tar = Command::new("tar");
    tar.args([mode, "--format=ustar", "--sort=name", "--mtime=@0", "--numeric-owner"]);
    tar.arg(format!("--owner={owner}")).arg(format!("--group={owner}"));
    tar.arg("--file").arg(archive).arg("--directory").arg(from).args(files);
    run(&mut tar)
}

/// Puts `FILE.gz` in the place of a file.
pub(super) fn gzip(file: &Path) -> Result<PathBuf> {
    run(Command::new("gzip").args(["--no-name", "--force"]).arg(file))?;
    let mut compressed = file.as_os_str().to_owned();
    compressed.push(".gz");
    Ok(compressed.into())
}

/// The SHA-256 of a file, in hexadecimal digits.
pub(super) fn digest(file: &Path) -> Result<String> {
    let line = output(Command::new("sha256sum").arg(file))?;
    // Names with a backslash are escaped, behind another one.
    let digest = line.trim_start_matches('\\').split_whitespace().next();
    Ok(digest.context("sha256sum says nothing")?.to_owned())
}

/// Writes the checksums of a folder's files that begin with a name, for `sha256sum --check` in the folder.
pub(super) fn write_sums(folder: &Path, beginning: &str) -> Result<()> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(beginning) && entry.file_type()?.is_file() {
            lines.push(format!("{}  {name}\n", digest(&entry.path())?));
        }
    }
    lines.sort_by(|one, other| one.split(' ').next_back().cmp(&other.split(' ').next_back()));
    let sums = folder.join("SHA256SUMS");
    fs::write(&sums, lines.concat()).with_context(|| sums.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes do not depend on when and by whom they are made; the sums are those that `sha256sum` checks.
    #[test]
    fn archives_are_the_same_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let made = |number: u32| {
            let package = folder.path().join(number.to_string()).join("p-1");
            fs::create_dir_all(package.join("b")).unwrap();
            for (name, text) in [("b/c", "text"), ("a", "more")] {
                fs::write(package.join(name), text).unwrap();
            }
            compressed(&package).unwrap()
        };
        let (one, other) = (made(1), made(2));
        assert_eq!(fs::read(&one).unwrap(), fs::read(&other).unwrap());
        let names = output(Command::new("tar").arg("tf").arg(&one)).unwrap();
        assert_eq!(names, "p-1/\np-1/a\np-1/b/\np-1/b/c\n");

        let there = one.parent().unwrap();
        write_sums(there, "p-").unwrap();
        let check =
            || Command::new("sha256sum").args(["--check", "SHA256SUMS"]).current_dir(there).output().unwrap();
        assert!(check().status.success());
        fs::write(&one, "another").unwrap();
        assert!(!check().status.success());
    }
}
