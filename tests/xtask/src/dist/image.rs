//! An image for containers: an archive with the layout of the OCI image specification, which `docker load`, `podman load` and
//! `skopeo copy oci-archive:…` take. It is made without a daemon, of the binary and what that needs of a system.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::{Runner, archive, libraries, output};

/// The user and group of the process in a container: no name of the machine's own has it.
const USER: u32 = 65532;

/// Where the process keeps what must survive it; mount a volume there.
const DATA: &str = "data";

/// Authorities that services and registries are trusted by, where Debian's package `ca-certificates` has them.
const AUTHORITIES: &str = "etc/ssl/certs/ca-certificates.crt";

/// Where the binary is.
const BINARY: &str = "usr/bin/host";

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Writes the image of a binary for a target.
pub(super) fn make(binary: &Path, target: &str, image: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let layout = folder.path().join("layout");
    let blobs = layout.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;

    let layer = folder.path().join("layer.tar");
    write_layer(&folder.path().join("root"), binary, target, &layer)?;
    // What is unpacked is named by its own digest.
    let unpacked = archive::digest(&layer)?;
    let layer = blob(&blobs, LAYER, &archive::gzip(&layer)?)?;

    let written = |value: &Value| -> Result<PathBuf> {
        let path = folder.path().join("blob.json");
        fs::write(&path, serde_json::to_vec(value)?)?;
        Ok(path)
    };
    let config = json!({
        "architecture": architecture(target)?,
        "os": "linux",
        "config": {
            "User": format!("{USER}:{USER}"),
            "Env": ["PATH=/usr/bin", format!("HOST_DATA_DIR=/{DATA}"), "HOME=/tmp"],
            "Entrypoint": [format!("/{BINARY}")],
            "Cmd": ["server"],
            "Volumes": { format!("/{DATA}"): {} },
            "WorkingDir": format!("/{DATA}"),
        },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{unpacked}")] },
    });
    let config = blob(&blobs, CONFIG, &written(&config)?)?;
    let annotations = json!({
        "org.opencontainers.image.title": "host",
        "org.opencontainers.image.version": env!("CARGO_PKG_VERSION"),
        "org.opencontainers.image.licenses": "MIT OR Apache-2.0",
    });
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer], "annotations": annotations,
    });
    let mut manifest = blob(&blobs, MANIFEST, &written(&manifest)?)?;
    // Docker takes the name of the image from here.
    let version = env!("CARGO_PKG_VERSION");
    manifest["annotations"] = json!({
        "org.opencontainers.image.ref.name": version,
        "io.containerd.image.name": format!("docker.io/library/workflow-host:{version}"),
    });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest] });
    fs::write(layout.join("index.json"), serde_json::to_vec(&index)?)?;
    fs::write(layout.join("oci-layout"), json!({ "imageLayoutVersion": "1.0.0" }).to_string())?;

    drop(fs::remove_file(image));
    archive::tar(image, &layout, &["oci-layout", "index.json", "blobs"].map(Path::new), 0)
}

/// The files of the image.
fn write_layer(root: &Path, binary: &Path, target: &str, layer: &Path) -> Result<()> {
    let mut files = vec![(PathBuf::from(BINARY), binary.to_owned())];
    for (place, file) in libraries::needed(binary, target)? {
        files.push((place.strip_prefix("/")?.to_owned(), file));
    }
    let authorities = Path::new("/").join(AUTHORITIES);
    ensure!(
        authorities.exists(),
        "{} is not there: Debian's package `ca-certificates` has it",
        authorities.display()
    );
    files.push((AUTHORITIES.into(), authorities));
    for (place, file) in files {
        let to = root.join(place);
        fs::create_dir_all(to.parent().context("no folder")?)?;
        fs::copy(&file, &to).with_context(|| file.display().to_string())?;
    }
    fs::write(root.join("etc/passwd"), format!("host:x:{USER}:{USER}::/tmp:/usr/bin/host\n"))?;
    fs::write(root.join("etc/group"), format!("host:x:{USER}:\n"))?;
    // The binary and its loader are the only files that run.
    fs::create_dir_all(root.join("tmp"))?;
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777))?;
    fs::create_dir_all(root.join(DATA))?;
    fs::set_permissions(root.join(DATA), fs::Permissions::from_mode(0o700))?;
    let mut names: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(root)? {
        let name = PathBuf::from(entry?.file_name());
        if name != Path::new(DATA) {
            names.push(name);
        }
    }
    names.sort();
    archive::tar(layer, root, &names.iter().map(PathBuf::as_path).collect::<Vec<_>>(), 0)?;
    archive::tar(layer, root, &[Path::new(DATA)], USER)
}

/// Puts a file among the blobs, under its digest, and describes it.
fn blob(blobs: &Path, media_type: &str, file: &Path) -> Result<Value> {
    let digest = archive::digest(file)?;
    let size = file.metadata()?.len();
    fs::rename(file, blobs.join(&digest))?;
    Ok(json!({ "mediaType": media_type, "digest": format!("sha256:{digest}"), "size": size }))
}

fn architecture(target: &str) -> Result<&'static str> {
    match target.split('-').next() {
        Some("x86_64") => Ok("amd64"),
        Some("aarch64") => Ok("arm64"),
        _ => bail!("no image is known for {target}"),
    }
}

/// Unpacks an image as a container runtime does, checks every digest and size on the way, and has its program say its version,
/// with nothing but the image's files. Answers nothing where this machine lets no process change its root, or where its
/// processor cannot run the program.
pub(super) fn check(image: &Path, runner: &Runner) -> Result<Option<String>> {
    let folder = tempfile::tempdir()?;
    let (layout, root) = (folder.path().join("layout"), folder.path().join("root"));
    for folder in [&layout, &root] {
        fs::create_dir_all(folder)?;
    }
    unpack(image, &layout)?;
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json"))?)?;
    let read = |descriptor: &Value| -> Result<Value> {
        Ok(serde_json::from_slice(&fs::read(there(&layout, descriptor)?)?)?)
    };
    let manifest = read(&index["manifests"][0])?;
    let config = read(&manifest["config"])?;
    let layers = manifest["layers"].as_array().context("no layers")?;
    for (layer, unpacked) in layers.iter().zip(config["rootfs"]["diff_ids"].as_array().context("no layers")?)
    {
        let file = there(&layout, layer)?;
        let plain = folder.path().join("layer.tar");
        fs::copy(&file, plain.with_extension("tar.gz"))?;
        output(Command::new("gzip").arg("--decompress").arg(plain.with_extension("tar.gz")))?;
        let digest = format!("sha256:{}", archive::digest(&plain)?);
        ensure!(unpacked == &Value::from(digest), "the layer unpacks to something else");
        unpack(&plain, &root)?;
    }
    let program = config["config"]["Entrypoint"][0].as_str().context("no entrypoint")?;
    if runner.emulator.is_some() {
        return Ok(None);
    }
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "chroot"]).arg(&root).args([program, "--version"]);
    if !Command::new("unshare").args(["--map-root-user", "true"]).output()?.status.success() {
        command = Command::new("chroot");
        command.arg(&root).args([program, "--version"]);
        if !Command::new("chroot").args(["/", "/bin/true"]).output()?.status.success() {
            return Ok(None);
        }
    }
    Ok(Some(output(&mut command)?.trim().to_owned()))
}

fn unpack(archive: &Path, folder: &Path) -> Result<()> {
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--no-same-owner", "--file"]).arg(archive).arg("--directory").arg(folder);
    output(&mut tar).map(drop)
}

/// The blob that a descriptor names, which is as it says.
fn there(layout: &Path, descriptor: &Value) -> Result<PathBuf> {
    let digest = descriptor["digest"].as_str().and_then(|digest| digest.strip_prefix("sha256:"));
    let digest = digest.with_context(|| format!("no digest: {descriptor}"))?;
    let path = layout.join("blobs/sha256").join(digest);
    ensure!(archive::digest(&path)? == digest, "the digest of {digest} is another");
    ensure!(Some(path.metadata()?.len()) == descriptor["size"].as_u64(), "the size of {digest} is another");
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Any program that is linked as `host` is: with the loader and the C library.
    const PROGRAM: &str = "/usr/bin/env";
    const TARGET: &str =
        if cfg!(target_arch = "aarch64") { "aarch64-unknown-linux-gnu" } else { "x86_64-unknown-linux-gnu" };

    #[test]
    fn a_program_runs_with_nothing_but_its_image() {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("image.tar");
        make(Path::new(PROGRAM), TARGET, &image).unwrap();
        let said = check(&image, &Runner::of(TARGET, TARGET)).unwrap();
        // None where nothing may change its root.
        assert!(said.is_none_or(|said| said.contains("coreutils")), "another program");

        // The same files make the same image.
        let again = folder.path().join("again.tar");
        make(Path::new(PROGRAM), TARGET, &again).unwrap();
        assert_eq!(fs::read(&image).unwrap(), fs::read(&again).unwrap());

        // A blob that was changed is found.
        let mut bytes = fs::read(&image).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&image, bytes).unwrap();
        check(&image, &Runner::of(TARGET, TARGET)).unwrap_err();
    }
}
